// yaml-cpp's events become our own tree with lines; the reader collects complaints.
#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <span>
#include <sstream>

#include "base/text.h"

namespace mw {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kYamlDepthMax = 32;

/// Thrown inside ParseYaml only, to leave yaml-cpp's parser at the first fault.
struct Refused {
  int line;
  std::string what;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(Make(mark, YamlNode::Kind::kNull)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "aliases (*name) are not read; write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    YamlNode node = Make(mark, YamlNode::Kind::kScalar);
    node.scalar = value;
    node.quoted = tag == "!";
    Add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(Make(mark, YamlNode::Kind::kList));
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(Make(mark, YamlNode::Kind::kMap));
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlNode node;
    std::optional<std::string> key;
  };

  static YamlNode Make(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    return node;
  }

  void Open(YamlNode node) {
    if (levels_.size() >= kYamlDepthMax) throw Refused{node.line, Cat("nests deeper than ", kYamlDepthMax, " levels")};
    levels_.push_back({std::move(node), std::nullopt});
  }

  void Close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (levels_.empty()) {
      root = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.list.push_back(std::move(node));
    } else if (!level.key) {
      if (node.kind != YamlNode::Kind::kScalar) throw Refused{node.line, "a key has to be plain text"};
      if (level.node.Find(node.scalar) != nullptr) {
        throw Refused{node.line, Cat("the key ", Quoted(node.scalar), " stands here twice; keep one of them")};
      }
      level.key = node.scalar;
    } else {
      level.node.map.emplace_back(std::move(*level.key), std::move(node));
      level.key.reset();
    }
  }

  std::vector<Level> levels_;
};

std::string_view KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return "a single value";
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kMap: return "a map";
  }
  return "";
}

Json ScalarToJson(const YamlNode& node) {
  if (node.quoted) return Json(node.scalar);
  if (node.scalar == "true" || node.scalar == "false") return Json(node.scalar == "true");
  if (const auto whole = ParseInt(node.scalar)) return Json(std::int64_t{*whole});
  if (const auto number = ParseDouble(node.scalar)) return Json(*number);
  return Json(node.scalar);
}

struct Unit {
  std::string_view suffix;
  double factor;
};

/// The number before the first unit that fits, times its factor.
std::optional<double> WithUnit(std::string_view text, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = ParseDouble(Trim(text.substr(0, text.size() - unit.suffix.size())));
    if (number) return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

YamlNode::YamlNode() = default;

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, node] : map) {
    if (name == key) return &node;
  }
  return nullptr;
}

Json YamlNode::ToJson() const {
  switch (kind) {
    case Kind::kNull: return {};
    case Kind::kScalar: return ScalarToJson(*this);
    case Kind::kList: {
      Json out = Json::MakeArray();
      for (const YamlNode& element : list) out.Append(element.ToJson());
      return out;
    }
    case Kind::kMap: {
      Json::Object out;
      for (const auto& [key, value] : map) out.emplace_back(key, value.ToJson());
      return Json(std::move(out));
    }
  }
  return {};
}

Result<YamlNode> ParseYaml(std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxBytes) {
    return InvalidArgument(file_name, ": larger than 1 MiB (", text.size(), " bytes); split it");
  }
  if (!IsUtf8(text)) return InvalidArgument(file_name, ": not UTF-8 text");
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return InvalidArgument(file_name, ":1: the file is empty");
    TreeBuilder rest;
    if (parser.HandleNextDocument(rest)) {
      return InvalidArgument(file_name, ":", rest.root.line, ": a second document; one file holds one");
    }
    return std::move(builder.root);
  } catch (const Refused& refused) {
    return InvalidArgument(file_name, ":", refused.line, ": ", refused.what);
  } catch (const YAML::Exception& fault) {
    return InvalidArgument(file_name, ":", fault.mark.line + 1, ": not YAML: ", fault.msg);
  }
}

void Complaints::Add(int line, std::string_view what) { lines_.push_back(Cat(file_name_, ":", line, ": ", what)); }

Status Complaints::AsStatus() const {
  if (lines_.empty()) return Ok();
  return InvalidArgument(Join(lines_, "\n"));
}

YamlReader::YamlReader(const YamlNode& node, Complaints& complaints) : node_(node), complaints_(complaints) {
  if (node.kind != YamlNode::Kind::kMap) {
    complaints_.Add(node.line, Cat("wants a map (key: value), not ", KindName(node)));
  }
}

const YamlNode* YamlReader::Scalar(std::string_view key, bool required) {
  const YamlNode* node = Node(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) {
    if (required) complaints_.Add(LineOf(key), Cat("the key ", Quoted(key), " is missing"));
    return nullptr;
  }
  if (node->kind != YamlNode::Kind::kScalar) {
    complaints_.Add(node->line, Cat(key, ": wants a single value, not ", KindName(*node)));
    return nullptr;
  }
  return node;
}

std::string YamlReader::String(std::string_view key) {
  const YamlNode* node = Scalar(key, true);
  return node == nullptr ? std::string() : node->scalar;
}

std::string YamlReader::StringOr(std::string_view key, std::string_view otherwise) {
  const YamlNode* node = Scalar(key, false);
  return node == nullptr ? std::string(otherwise) : node->scalar;
}

double YamlReader::Number(std::string_view key) {
  if (Scalar(key, true) == nullptr) return 0;
  return NumberOr(key, 0);
}

double YamlReader::NumberOr(std::string_view key, double otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return otherwise;
  const auto number = ParseDouble(node->scalar);
  if (!number) complaints_.Add(node->line, Cat(key, ": ", Quoted(node->scalar), " is not a number"));
  return number.value_or(otherwise);
}

long long YamlReader::IntOr(std::string_view key, long long otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return otherwise;
  const auto number = ParseInt(node->scalar);
  if (!number) complaints_.Add(node->line, Cat(key, ": ", Quoted(node->scalar), " is not a whole number"));
  return number.value_or(otherwise);
}

bool YamlReader::BoolOr(std::string_view key, bool otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return otherwise;
  if (node->scalar == "true") return true;
  if (node->scalar == "false") return false;
  complaints_.Add(node->line, Cat(key, ": ", Quoted(node->scalar), " is neither true nor false"));
  return otherwise;
}

Duration YamlReader::DurationOr(std::string_view key, Duration otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return otherwise;
  const Result<Duration> parsed = ParseDuration(node->scalar);
  if (!parsed.ok()) complaints_.Add(node->line, Cat(key, ": ", parsed.error().message));
  return parsed.ok() ? *parsed : otherwise;
}

double YamlReader::ShareOr(std::string_view key, double otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return otherwise;
  const Result<double> parsed = ParseShare(node->scalar);
  if (!parsed.ok()) complaints_.Add(node->line, Cat(key, ": ", parsed.error().message));
  return parsed.ok() ? *parsed : otherwise;
}

std::vector<std::string> YamlReader::StringsOr(std::string_view key, std::vector<std::string> otherwise) {
  const YamlNode* node = Node(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return otherwise;
  if (node->kind == YamlNode::Kind::kScalar) return {node->scalar};
  std::vector<std::string> out;
  if (node->kind == YamlNode::Kind::kMap) complaints_.Add(node->line, Cat(key, ": wants a list, not a map"));
  for (const YamlNode& element : node->list) {
    if (element.kind == YamlNode::Kind::kScalar) {
      out.push_back(element.scalar);
    } else {
      complaints_.Add(element.line, Cat(key, ": wants a list of single values; here is ", KindName(element)));
    }
  }
  return out;
}

std::string YamlReader::ChoiceOr(std::string_view key, const std::vector<std::string_view>& choices,
                                 std::string_view otherwise) {
  const YamlNode* node = Scalar(key, false);
  if (node == nullptr) return std::string(otherwise);
  if (std::find(choices.begin(), choices.end(), node->scalar) != choices.end()) return node->scalar;
  std::string list;
  for (const std::string_view choice : choices) CatTo(list, list.empty() ? "" : ", ", choice);
  complaints_.Add(node->line, Cat(key, ": ", Quoted(node->scalar), " is none of ", list));
  return std::string(otherwise);
}

const YamlNode* YamlReader::Node(std::string_view key) {
  asked_.emplace(key);
  return node_.Find(key);
}

int YamlReader::LineOf(std::string_view key) const {
  const YamlNode* node = node_.Find(key);
  return node == nullptr ? node_.line : node->line;
}

void YamlReader::Finish() {
  const std::vector<std::string_view> known(asked_.begin(), asked_.end());
  for (const auto& [key, node] : node_.map) {
    if (asked_.contains(key)) continue;
    const std::string_view nearest = Nearest(key, known);
    std::string remedy = nearest.empty() ? "" : Cat("; did you mean ", nearest, "?");
    if (nearest.empty()) {
      for (const std::string_view name : known) CatTo(remedy, remedy.empty() ? "; keys here: " : ", ", name);
    }
    complaints_.Add(node.line, Cat("unknown key ", Quoted(key), remedy));
  }
}

Result<Duration> ParseDuration(std::string_view text) {
  constexpr std::array<Unit, 6> kUnits = {Unit{"us", 1},   Unit{"ms", 1e3},   Unit{"s", 1e6},
                                          Unit{"m", 60e6}, Unit{"h", 3600e6}, Unit{"d", 86400e6}};
  const auto micros = WithUnit(Trim(text), kUnits);
  if (!micros || !(*micros >= 0) || *micros > 9e15) {
    return InvalidArgument(Quoted(text), " is not a duration; write it like 20ms, 15m, 2h or 28d");
  }
  return Duration(static_cast<std::int64_t>(*micros + 0.5));
}

Result<double> ParseShare(std::string_view text) {
  std::string_view number = Trim(text);
  const bool percent = number.ends_with('%');
  if (percent) number = Trim(number.substr(0, number.size() - 1));
  auto share = ParseDouble(number);
  if (share && percent) *share /= 100;  // 95 times 0.01 is not 0.95
  if (!share || !(*share >= -1e9 && *share <= 1e9)) {
    return InvalidArgument(Quoted(text), " is not a share; write it like 45% or 0.45");
  }
  return *share;
}

Result<long long> ParseBytes(std::string_view text) {
  constexpr std::array<Unit, 5> kUnits = {Unit{"KiB", 1024.0}, Unit{"MiB", 1048576.0}, Unit{"GiB", 1073741824.0},
                                          Unit{"TiB", 1099511627776.0}, Unit{"", 1}};
  const auto bytes = WithUnit(Trim(text), kUnits);
  if (!bytes || !(*bytes >= 0) || *bytes > 9e18) {
    return InvalidArgument(Quoted(text), " is not a size; write it like 512MiB or 2GiB");
  }
  return static_cast<long long>(*bytes);
}

}  // namespace mw
