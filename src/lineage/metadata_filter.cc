// Recursive descent, as deep as parentheses may be; every function reads what its name says and leaves the place
// behind.
#include "lineage/metadata_filter.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "lineage/graph.h"

namespace mw::lineage {
namespace {

struct SignName {
  std::string_view text;
  Compare compare;
};
// The longer first: they are looked for in this order.
constexpr std::array<SignName, 6> kSigns = {{{"<=", Compare::kLessOrEqual},
                                             {">=", Compare::kGreaterOrEqual},
                                             {"!=", Compare::kNotEqual},
                                             {"<", Compare::kLess},
                                             {">", Compare::kGreater},
                                             {"=", Compare::kEqual}}};

struct FieldName {
  std::string_view name;
  Subject subject;
};
constexpr std::array<FieldName, 7> kFields = {{{"name", Subject::kName},
                                               {"display_name", Subject::kDisplayName},
                                               {"uri", Subject::kUri},
                                               {"state", Subject::kState},
                                               {"schema_title", Subject::kSchemaTitle},
                                               {"create_time", Subject::kCreateTime},
                                               {"update_time", Subject::kUpdateTime}}};
constexpr std::array<FieldName, 3> kValues = {{{"number_value", Subject::kMetadataNumber},
                                               {"string_value", Subject::kMetadataText},
                                               {"bool_value", Subject::kMetadataTruth}}};

template <std::size_t N>
const FieldName* Find(const std::array<FieldName, N>& among, std::string_view name) {
  for (const FieldName& each : among) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '+' || c == '*' || c == '/' || c == '#' || c == '@' || static_cast<unsigned char>(c) >= 0x80;
}

bool Has(Noun noun, Subject subject) {
  if (subject == Subject::kUri) return noun == Noun::kArtifact;
  if (subject == Subject::kState || subject == Subject::kInContext) return noun != Noun::kContext;
  if (subject == Subject::kParentContexts || subject == Subject::kChildContexts) return noun == Noun::kContext;
  return true;
}

std::string FieldsOf(Noun noun) {
  std::string names;
  for (const FieldName& field : kFields) {
    if (Has(noun, field.subject)) CatTo(names, names.empty() ? "" : ", ", field.name);
  }
  return names;
}

/// The last part of a resource's name: "projects/p/.../contexts/c1" is c1.
std::string_view LastPart(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string StateOf(Noun noun, std::string_view text) {
  const std::string own = ToLower(text);
  const bool known =
      noun == Noun::kArtifact ? ArtifactStateFromName(own).has_value() : ExecutionStateFromName(own).has_value();
  return known ? own : "";
}

class Parser {
 public:
  Parser(Noun noun, std::string_view text) : noun_(noun), text_(text) {}

  Result<FilterNode> Parse() {
    if (AtEnd()) return FilterNode{};
    FilterNode node = TRY(All(0));
    if (AtEnd()) return node;
    return Wrong("expected AND or OR");
  }

 private:
  struct Word {
    std::string text;
    bool quoted = false;
  };

  Error Wrong(std::string_view what) const {
    return InvalidArgument("filter: ", what, " at byte ", at_, ", before ", Quoted(text_.substr(at_), 40));
  }

  bool AtEnd() {
    while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) ++at_;
    return at_ == text_.size();
  }
  bool Skip(std::string_view sign) {
    if (AtEnd() || !text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  bool SkipWord(std::string_view word) {
    if (AtEnd() || !text_.substr(at_).starts_with(word)) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && (IsWordByte(text_[end]) || text_[end] == '.')) return false;
    at_ = end;
    return true;
  }

  /// Parts joined by `word`; of one part that part itself.
  template <typename Part>
  Result<FilterNode> Joined(FilterNode::Kind kind, std::string_view word, Part part) {
    FilterNode first = TRY(part());
    FilterNode joined{kind, {}, {}};
    joined.parts.push_back(std::move(first));
    while (SkipWord(word)) joined.parts.push_back(TRY(part()));
    if (joined.parts.size() > 1) return joined;
    return std::move(joined.parts.front());
  }
  Result<FilterNode> All(std::size_t depth) {
    return Joined(FilterNode::Kind::kAll, "AND", [&] { return Any(depth); });
  }
  Result<FilterNode> Any(std::size_t depth) {
    return Joined(FilterNode::Kind::kAny, "OR", [&] { return One(depth); });
  }

  Result<FilterNode> One(std::size_t depth) {
    const bool negated = SkipWord("NOT") || Skip("-");
    FilterNode node = TRY(Skip("(") ? Inner(depth + 1) : Restriction());
    if (!negated) return node;
    FilterNode outer{FilterNode::Kind::kNot, {}, {}};
    outer.parts.push_back(std::move(node));
    return outer;
  }
  Result<FilterNode> Inner(std::size_t depth) {
    if (depth > kFilterDepthMax) return Wrong(Cat("parentheses are deeper than ", kFilterDepthMax));
    FilterNode node = TRY(All(depth));
    if (!Skip(")")) return Wrong("expected )");
    return node;
  }

  Result<FilterNode> Restriction() {
    if (++terms_ > kFilterTermsMax) return Wrong(Cat("there are more than ", kFilterTermsMax, " restrictions"));
    const Word field = TRY(ReadWord("a field"));
    FilterTerm term = TRY(TermOf(field));
    return FilterNode{FilterNode::Kind::kTerm, std::move(term), {}};
  }
  Result<FilterTerm> TermOf(const Word& field) {
    if (!field.quoted && field.text == "in_context") return InContext();
    if (!field.quoted && field.text == "metadata") return Metadata();
    if (!field.quoted && (field.text == "parent_contexts" || field.text == "child_contexts")) {
      return Related(field.text == "parent_contexts" ? Subject::kParentContexts : Subject::kChildContexts);
    }
    const FieldName* known = field.quoted ? nullptr : Find(kFields, field.text);
    if (known == nullptr || !Has(noun_, known->subject)) {
      return Wrong(Cat(Quoted(field.text), " is none of the fields ", FieldsOf(noun_), ", metadata.NAME.number_value"));
    }
    return Compared(known->subject, "");
  }

  Result<FilterTerm> InContext() {
    if (!Has(noun_, Subject::kInContext)) return Wrong("contexts are in none; ask for parent_contexts");
    if (!Skip("(")) return Wrong("expected ( behind in_context");
    const Word context = TRY(ReadWord("a context's name"));
    if (!Skip(")")) return Wrong("expected )");
    return FilterTerm{.subject = Subject::kInContext, .text = std::string(LastPart(context.text))};
  }
  Result<FilterTerm> Related(Subject subject) {
    if (!Has(noun_, subject)) return Wrong("only contexts have parents and children; ask for in_context(...)");
    if (!Skip(":")) return Wrong("expected : and a context's name");
    const Word context = TRY(ReadWord("a context's name"));
    return FilterTerm{.subject = subject, .text = std::string(LastPart(context.text))};
  }
  Result<FilterTerm> Metadata() {
    std::vector<std::string> path;
    while (Skip(".")) path.push_back(TRY(ReadWord("a name")).text);
    const FieldName* value = path.size() < 2 ? nullptr : Find(kValues, path.back());
    if (value == nullptr) {
      return Wrong("metadata is asked for as metadata.NAME.number_value, .string_value or .bool_value");
    }
    path.pop_back();
    return Compared(value->subject, Join(path, "."));
  }

  Result<Compare> ReadSign() {
    for (const SignName& sign : kSigns) {
      if (Skip(sign.text)) return sign.compare;
    }
    return Wrong("expected =, !=, <, <=, > or >=");
  }

  Result<FilterTerm> Compared(Subject subject, std::string key) {
    FilterTerm term;
    term.subject = subject;
    term.key = std::move(key);
    term.compare = TRY(ReadSign());
    const bool ordered = term.compare != Compare::kEqual && term.compare != Compare::kNotEqual;
    if (ordered && (subject == Subject::kState || subject == Subject::kMetadataTruth)) {
      return Wrong("states and truths are equal or not");
    }
    const Word value = TRY(ReadValue());
    TRY(Take(value, term));
    return term;
  }

  Status Take(const Word& value, FilterTerm& term) const {
    term.text = value.text;
    if (term.subject == Subject::kName) term.text = std::string(LastPart(value.text));
    if (term.subject == Subject::kSchemaTitle) term.text = TypeOfTitle(noun_, value.text);
    if (term.subject == Subject::kState) {
      term.text = StateOf(noun_, value.text);
      if (term.text.empty()) return Wrong(Cat(Quoted(value.text), " is no state"));
    }
    if (IsTime(term.subject)) return TakeTime(value.text, term);
    if (term.subject == Subject::kMetadataNumber) return TakeNumber(value.text, term);
    if (term.subject == Subject::kMetadataTruth) return TakeTruth(value.text, term);
    return Ok();
  }
  Status TakeTime(const std::string& text, FilterTerm& term) const {
    const Result<Timestamp> time = ParseTime(text);
    if (!time.ok()) return Wrong(Cat(Quoted(text), " is no time like \"2026-01-02T03:04:05Z\""));
    term.time = *time;
    term.text.clear();
    return Ok();
  }
  Status TakeNumber(const std::string& text, FilterTerm& term) const {
    const std::optional<double> number = ParseDouble(text);
    if (!number || !std::isfinite(*number)) return Wrong(Cat(Quoted(text), " is no number"));
    term.number = *number;
    term.text.clear();
    return Ok();
  }
  Status TakeTruth(const std::string& text, FilterTerm& term) const {
    if (text != "true" && text != "false") return Wrong(Cat(Quoted(text), " is neither true nor false"));
    term.truth = text == "true";
    term.text.clear();
    return Ok();
  }

  /// A word, or a number with its point.
  Result<Word> ReadValue() {
    Word value = TRY(ReadWord("a value"));
    if (value.quoted || at_ == text_.size() || text_[at_] != '.' || !ParseDouble(value.text)) return value;
    const std::size_t point = at_++;
    while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
    value.text += text_.substr(point, at_ - point);
    return value;
  }
  /// Quoted, or letters, digits and some signs.
  Result<Word> ReadWord(std::string_view what) {
    if (AtEnd()) return Wrong(Cat("expected ", what));
    if (text_[at_] == '"' || text_[at_] == '\'') return ReadQuoted();
    const std::size_t start = at_;
    while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
    if (at_ == start) return Wrong(Cat("expected ", what));
    return Word{std::string(text_.substr(start, at_ - start)), false};
  }
  Result<Word> ReadQuoted() {
    const char quote = text_[at_];
    std::string value;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == quote) {
        at_ = i + 1;
        return Word{std::move(value), true};
      }
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      value.push_back(text_[i]);
    }
    return Wrong("a quote does not end");
  }

  const Noun noun_;
  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t terms_ = 0;
};

std::string QuotedText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string TermText(Noun noun, const FilterTerm& term) {
  const std::string sign(CompareSign(term.compare));
  switch (term.subject) {
    case Subject::kInContext: return Cat("in_context(", QuotedText(term.text), ")");
    case Subject::kParentContexts: return Cat("parent_contexts:", QuotedText(term.text));
    case Subject::kChildContexts: return Cat("child_contexts:", QuotedText(term.text));
    case Subject::kMetadataNumber:
      return Cat("metadata.", QuotedText(term.key), ".number_value", sign, "\"", term.number, "\"");
    case Subject::kMetadataText:
      return Cat("metadata.", QuotedText(term.key), ".string_value", sign, QuotedText(term.text));
    case Subject::kMetadataTruth: return Cat("metadata.", QuotedText(term.key), ".bool_value", sign, term.truth);
    case Subject::kCreateTime: return Cat("create_time", sign, "\"", FormatTime(term.time), "\"");
    case Subject::kUpdateTime: return Cat("update_time", sign, "\"", FormatTime(term.time), "\"");
    case Subject::kSchemaTitle: return Cat("schema_title", sign, QuotedText(SchemaTitle(noun, term.text)));
    default: break;
  }
  for (const FieldName& field : kFields) {
    if (field.subject == term.subject) return Cat(field.name, sign, QuotedText(term.text));
  }
  return "";
}

}  // namespace

std::string_view CompareSign(Compare compare) {
  for (const SignName& sign : kSigns) {
    if (sign.compare == compare) return sign.text;
  }
  return "";
}

Result<FilterNode> ParseMetadataFilter(Noun noun, std::string_view text) {
  if (text.size() > kFilterBytesMax) {
    return InvalidArgument("the filter is ", text.size(), " bytes; at most ", kFilterBytesMax);
  }
  if (!IsUtf8(text) || text.find('\0') != std::string_view::npos) {
    return InvalidArgument("the filter is not UTF-8, or holds a NUL");
  }
  return Parser(noun, text).Parse();
}

std::string FilterText(Noun noun, const FilterNode& node) {
  if (node.kind == FilterNode::Kind::kTerm) return TermText(noun, node.term);
  if (node.kind == FilterNode::Kind::kNot) return Cat("NOT (", FilterText(noun, node.parts.front()), ")");
  std::vector<std::string> parts;
  for (const FilterNode& part : node.parts) {
    const std::string text = FilterText(noun, part);
    const bool bare = part.kind == FilterNode::Kind::kTerm || part.kind == FilterNode::Kind::kNot ||
                      (node.kind == FilterNode::Kind::kAll && part.kind == FilterNode::Kind::kAny);
    parts.push_back(bare ? text : Cat("(", text, ")"));
  }
  return Join(parts, node.kind == FilterNode::Kind::kAll ? " AND " : " OR ");
}

Result<std::vector<OrderKey>> ParseMetadataOrder(Noun noun, std::string_view text) {
  std::vector<OrderKey> keys;
  if (Trim(text).empty()) return keys;
  for (const std::string_view part : Split(text, ',')) {
    std::string_view name = Trim(part);
    bool descending = false;
    if (const std::size_t blank = name.find(' '); blank != std::string_view::npos) {
      const std::string_view direction = Trim(name.substr(blank));
      if (direction != "asc" && direction != "desc") {
        return InvalidArgument("order_by: ", Quoted(direction), " is neither asc nor desc");
      }
      descending = direction == "desc";
      name = name.substr(0, blank);
    }
    const FieldName* field = Find(kFields, name);
    if (field == nullptr || !Has(noun, field->subject)) {
      return InvalidArgument("order_by: ", Quoted(name), " is none of ", FieldsOf(noun));
    }
    keys.push_back({field->subject, descending});
    if (keys.size() > kOrderKeysMax) return InvalidArgument("order_by: more than ", kOrderKeysMax, " fields");
  }
  return keys;
}

}  // namespace mw::lineage
