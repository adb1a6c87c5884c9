// Tables of one line each, and one table of many.
#include "app/cli/request_lines.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

std::string Padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string Time(const Json& request, const char* key) { return FormatDuration(Duration(request.IntOr(key, 0))); }

std::string EndpointOf(const Json& request) {
  const std::int64_t version = request.IntOr("version", 0);
  return Cat(request.StringOr("endpoint", ""), version > 0 ? Cat(" ", version) : "");
}

std::string StagesOf(const Json& request) {
  return Cat("decode ", Time(request, "decode_us"), ", queue ", Time(request, "queue_us"), ", compute ",
             Time(request, "compute_us"), ", encode ", Time(request, "encode_us"));
}

using Rows = std::vector<std::vector<std::string>>;

void Add(Rows& rows, std::string name, std::string value) {
  if (!value.empty()) rows.push_back({std::move(name), std::move(value)});
}

std::string ValueText(const Json& value) {
  if (value.IsNull()) return "missing";
  return value.IsString() ? value.AsString() : value.Dump();
}

void AddRecord(Rows& rows, const Json& record) {
  const Json* const label = record.Find("label");
  const Json* const prediction = record.Find("prediction");
  if (prediction != nullptr) Add(rows, "prediction", ValueText(*prediction));
  Add(rows, "label", label == nullptr || label->IsNull() ? "none yet" : ValueText(*label));
  Add(rows, "key", record.StringOr("key", ""));
  const Json* const features = record.Find("features");
  if (features == nullptr || !features->IsObject()) return;
  for (const auto& [name, value] : features->AsObject()) Add(rows, Cat("  ", name), ValueText(value));
}

}  // namespace

std::string RequestHead() {
  return Cat(Padded("time (UTC)", 27), "  ", Padded("endpoint", 20), "  ", Padded("status", 6), "  ", Padded("took", 9),
             "  ", Padded("rows", 6), "  ", Padded("protocol", 9), "  id, or why not\n");
}

std::string RequestLine(const Json& request) {
  const std::string time = request.StringOr("time", "");
  if (const std::int64_t count = request.IntOr("not_logged", 0); count > 0) {
    return Cat(Padded(time, 27), "  and ", WithThousands(count), " more that were not written down\n");
  }
  std::string last = request.StringOr("error", "");
  if (last.empty()) last = request.StringOr("id", "");
  if (const std::int64_t one_of = request.IntOr("one_of", 1); one_of > 1) CatTo(last, "  (one of ", one_of, ")");
  return Cat(Padded(time, 27), "  ", Padded(EndpointOf(request), 20), "  ", Padded(Cat(request.IntOr("status", 0)), 6),
             "  ", Padded(Time(request, "total_us"), 9), "  ", Padded(Cat(request.IntOr("rows", 0)), 6), "  ",
             Padded(request.StringOr("protocol", ""), 9), "  ", last, "\n");
}

std::string RequestDetails(const Json& request) {
  Rows rows;
  Add(rows, "request", request.StringOr("id", ""));
  Add(rows, "time", request.StringOr("time", ""));
  Add(rows, "endpoint", EndpointOf(request));
  Add(rows, "server", request.StringOr("server", ""));
  Add(rows, "outcome", Cat(request.StringOr("outcome", ""), ", ", request.IntOr("status", 0)));
  Add(rows, "error", request.StringOr("error", ""));
  Add(rows, "rows", Cat(request.IntOr("rows", 0), " by ", request.StringOr("protocol", "")));
  Add(rows, "took", Cat(Time(request, "total_us"), ": ", StagesOf(request)));
  if (request.BoolOr("cached", false)) Add(rows, "cached", "answered as the same question was before");
  Add(rows, "bytes", Cat(request.IntOr("request_bytes", 0), " in, ", request.IntOr("response_bytes", 0), " out"));
  Add(rows, "client", Cat(request.StringOr("client", ""), " ", request.StringOr("client_key", "")));
  Add(rows, "trace", request.StringOr("trace_id", ""));
  Add(rows, "parent span", request.StringOr("parent_id", ""));
  Add(rows, "event time", request.StringOr("event_time", ""));
  if (const Json* record = request.Find("recorded"); record != nullptr && record->IsObject()) AddRecord(rows, *record);
  return TextTable(rows) + "\n";
}

std::string UnheardServers(const Json& servers) {
  std::string text;
  for (const Json& server : servers.AsArray()) {
    const std::string error = server.StringOr("error", "");
    if (!error.empty()) CatTo(text, "server ", server.StringOr("address", ""), " was not heard: ", error, "\n");
  }
  return text;
}

}  // namespace mw::app::cli
