// Looking through the access log, newest file first.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <deque>

#include "base/text.h"
#include "net/content_coding.h"
#include "serving/access_files.h"
#include "serving/access_lane.h"
#include "serving/access_names.h"

namespace mw::serving {
namespace {

constexpr std::size_t kAccessFileBytesMax = std::size_t{64} << 20;  // more than a file ever has
/// A request is written down when it has ended, and its time is that of its beginning.
constexpr Duration kLongestRequest = std::chrono::minutes(10);

/// "ID/3" as a request's id and a row; nothing for other ids.
struct RowId {
  std::string_view request;
  long long row = 0;
};
std::optional<RowId> ParseRowId(std::string_view prediction) {
  const std::size_t slash = prediction.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto row = ParseInt(prediction.substr(slash + 1));
  if (!row || *row < 0) return std::nullopt;
  return RowId{prediction.substr(0, slash), *row};
}

/// A member as it stands in a line.
std::string Member(std::string_view key, std::string_view value) {
  std::string text = Cat("\"", key, "\":");
  AppendJsonString(text, value);
  return text;
}

class Matcher {
 public:
  explicit Matcher(const AccessQuery& query) : query_(query), row_(ParseRowId(query.prediction)) {
    if (!query.prediction.empty()) ids_.push_back(Member("id", query.prediction));
    if (row_) ids_.push_back(Member("id", row_->request));
    if (!query.trace.empty()) needles_.push_back(Member("trace_id", query.trace));
    if (!query.endpoint.empty()) needles_.push_back(Member("endpoint", query.endpoint));
  }

  bool operator()(std::string_view line) const {
    const auto has = [line](const std::string& needle) { return !From(line, needle).empty(); };
    if (!ids_.empty() && std::none_of(ids_.begin(), ids_.end(), has)) return false;
    if (!std::all_of(needles_.begin(), needles_.end(), has)) return false;
    if (query_.problems && !IsProblem(line)) return false;
    if (query_.since && !IsRecent(line)) return false;
    const Result<Json> parsed = Json::Parse(line);  // a line may have been cut short
    return parsed.ok() && HasPrediction(*parsed);
  }

 private:
  /// The line from behind `needle` on; empty when it is not there. Quotes within a text are escaped, so what looks like
  /// a member is one.
  static std::string_view From(std::string_view line, std::string_view needle) {
    const void* const at = memmem(line.data(), line.size(), needle.data(), needle.size());
    if (at == nullptr) return {};
    return line.substr(static_cast<std::size_t>(static_cast<const char*>(at) - line.data()) + needle.size());
  }
  static bool IsProblem(std::string_view line) {
    if (From(line, R"("outcome":)").empty()) return false;  // of requests that were left out
    if (From(line, R"("outcome":"answered")").empty()) return true;
    const std::string_view total = From(line, R"("total_us":)");
    std::int64_t micros = 0;
    std::from_chars(total.data(), total.data() + total.size(), micros);
    return micros >= kSlowAnswer.count();
  }
  [[nodiscard]] bool IsRecent(std::string_view line) const {
    const std::string_view rest = From(line, R"("time":")");
    const Result<Timestamp> time = ParseTime(rest.substr(0, rest.find('"')));
    return time.ok() && *time >= *query_.since;
  }
  /// Of several rows the number has to be one of theirs.
  [[nodiscard]] bool HasPrediction(const Json& line) const {
    if (query_.prediction.empty()) return true;
    const std::string id = line.StringOr("id", "");
    return id == query_.prediction || (row_ && id == row_->request && row_->row < line.IntOr("rows", 0));
  }

  const AccessQuery& query_;
  const std::optional<RowId> row_;
  std::vector<std::string> ids_;      // one of them
  std::vector<std::string> needles_;  // all of them
};

Result<std::string> Read(const std::string& path, bool compressed) {
  std::string bytes = TRY(ReadFile(path, kAccessFileBytesMax));
  if (!compressed) return bytes;
  std::string plain;
  TRY(net::DecodeContent(net::ContentCoding::kZstd, bytes, kAccessFileBytesMax, plain));
  return plain;
}

/// The newest `limit` lines of a file that match, in their order. The last line counts once it is whole.
std::deque<std::string> Search(std::string_view text, const Matcher& matches, std::size_t limit) {
  std::deque<std::string> found;
  for (std::size_t end = text.rfind('\n'); end != std::string_view::npos && found.size() < limit;) {
    const std::size_t before = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view line = text.substr(begin, end - begin);
    if (!line.empty() && matches(line)) found.emplace_front(line);
    end = before;
  }
  return found;
}

Result<std::size_t> ParseLimit(const std::string& text) {
  const auto limit = ParseInt(text);
  if (limit && *limit > 0 && static_cast<std::size_t>(*limit) <= AccessQuery::kLimitMax) {
    return static_cast<std::size_t>(*limit);
  }
  return InvalidArgument("limit is ", Quoted(text), "; it is 1 to ", AccessQuery::kLimitMax);
}

Status Take(const std::string& key, const std::string& value, AccessQuery& query) {
  if (key == "prediction") {
    query.prediction = value;
  } else if (key == "trace") {
    query.trace = value;
  } else if (key == "endpoint") {
    query.endpoint = value;
  } else if (key == "since") {
    query.since = TRY(ParseTime(value).In("since"));
  } else if (key == "problems") {
    query.problems = value != "false";
  } else if (key == "limit") {
    query.limit = TRY(ParseLimit(value));
  } else {
    return InvalidArgument("no such parameter ", Quoted(key),
                           "; known are prediction, trace, endpoint, since, problems, limit");
  }
  return Ok();
}

}  // namespace

Result<AccessQuery> ParseAccessQuery(const QueryParameters& parameters) {
  AccessQuery query;
  for (const auto& [key, value] : parameters) TRY(Take(key, value, query));
  return query;
}

QueryParameters ToParameters(const AccessQuery& query) {
  QueryParameters parameters;
  const auto add = [&parameters](std::string key, const std::string& value) {
    if (!value.empty()) parameters.emplace_back(std::move(key), value);
  };
  add("prediction", query.prediction);
  add("trace", query.trace);
  add("endpoint", query.endpoint);
  add("since", query.since ? FormatTime(*query.since) : "");
  add("problems", query.problems ? "true" : "");
  add("limit", Cat(query.limit));
  return parameters;
}

Result<AccessFindings> SearchAccessFiles(const std::string& directory, const AccessQuery& query) {
  const std::vector<AccessFile> files = TRY(ListAccessFiles(directory));
  AccessFindings findings;
  if (files.empty()) return findings;
  findings.reaches = files.front().first;
  const Matcher matches(query);
  std::deque<std::string> found;
  for (std::size_t i = files.size(); i-- > 0 && found.size() < query.limit;) {
    // What follows a file tells when its last line was written at the latest.
    const bool too_old = query.since && i + 1 < files.size() && files[i + 1].first + kLongestRequest < *query.since;
    if (too_old) break;
    const Result<std::string> text = Read(directory + "/" + files[i].name, files[i].compressed);
    if (!text.ok()) continue;  // given up or compressed meanwhile, or damaged: the others may still have it
    std::deque<std::string> part = Search(*text, matches, query.limit - found.size());
    found.insert(found.begin(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  findings.lines.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  return findings;
}

std::string ToJsonText(const AccessFindings& findings) {
  std::string out = "{\"requests\":[";
  for (const std::string& line : findings.lines) CatTo(out, line, ",");
  if (out.back() == ',') out.pop_back();
  out += "],\"reaches\":";
  out += findings.reaches ? Cat("\"", FormatTime(*findings.reaches), "\"") : "null";
  return out + "}";
}

}  // namespace mw::serving
