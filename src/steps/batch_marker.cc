// The marker as JSON.
#include "steps/batch_marker.h"

#include "base/file.h"
#include "base/text.h"

namespace mw::steps {
namespace {

constexpr std::int64_t kFormatVersion = 1;

std::string PathIn(const std::string& directory) { return directory + "/progress.json"; }

Json Texts(const std::vector<std::string>& texts) {
  Json out = Json::MakeArray();
  for (const std::string& text : texts) out.Append(text);
  return out;
}

std::vector<std::string> TextsOf(const Json& json, std::string_view key) {
  std::vector<std::string> texts;
  const Json* array = json.Find(key);
  if (array == nullptr || !array->IsArray()) return texts;
  for (const Json& text : array->AsArray()) {
    if (text.IsString()) texts.push_back(text.AsString());
  }
  return texts;
}

Result<BatchMarker> FromJson(const Json& json) {
  if (TRY(json.GetInt("format_version")) != kFormatVersion) return DataLoss("it is of another format");
  BatchMarker marker;
  const Json* arguments = json.Find("arguments");
  if (arguments == nullptr) return DataLoss("it has no arguments");
  marker.arguments = *arguments;
  marker.batch_id = TRY(json.GetString("batch_id"));
  marker.started = FromMicros(TRY(json.GetInt("started_us")));
  marker.model = TRY(json.GetString("model"));
  marker.version = TRY(json.GetInt("version"));
  marker.model_digest = TRY(json.GetString("model_digest"));
  marker.rows_expected = TRY(json.GetInt("rows_expected"));
  marker.kept_types = TextsOf(json, "kept_types");
  marker.rows = TRY(json.GetInt("rows"));
  marker.parts = TRY(json.GetInt("parts"));
  marker.file = TRY(json.GetInt("file"));
  marker.file_row = TRY(json.GetInt("file_row"));
  marker.bad_rows = TRY(json.GetInt("bad_rows"));
  marker.first_bad_rows = TextsOf(json, "first_bad_rows");
  marker.unknown_categories = TRY(json.GetInt("unknown_categories"));
  marker.sampled_rows = TRY(json.GetInt("sampled_rows"));
  marker.complete = TRY(json.GetBool("complete"));
  return marker;
}

}  // namespace

Result<std::optional<BatchMarker>> ReadMarker(const std::string& directory) {
  const Result<std::string> text = ReadFile(PathIn(directory));
  if (!text.ok() && text.error().code == Code::kNotFound) return std::optional<BatchMarker>();
  if (!text.ok()) return text.error();
  const Result<Json> json = Json::Parse(*text);
  Result<BatchMarker> marker = json.ok() ? FromJson(*json) : Result<BatchMarker>(json.error());
  if (marker.ok()) return std::optional<BatchMarker>(std::move(*marker));
  return DataLoss(PathIn(directory), " cannot be read (", marker.error().ToString(), "); remove ", directory,
                  " to begin anew");
}

Status WriteMarker(const std::string& directory, const BatchMarker& marker) {
  const Json json = Json::Make({{"format_version", kFormatVersion},
                                {"arguments", marker.arguments},
                                {"batch_id", marker.batch_id},
                                {"started_us", ToMicros(marker.started)},
                                {"model", marker.model},
                                {"version", marker.version},
                                {"model_digest", marker.model_digest},
                                {"rows_expected", marker.rows_expected},
                                {"kept_types", Texts(marker.kept_types)},
                                {"rows", marker.rows},
                                {"parts", marker.parts},
                                {"file", marker.file},
                                {"file_row", marker.file_row},
                                {"bad_rows", marker.bad_rows},
                                {"first_bad_rows", Texts(marker.first_bad_rows)},
                                {"unknown_categories", marker.unknown_categories},
                                {"sampled_rows", marker.sampled_rows},
                                {"complete", marker.complete}});
  return WriteFileDurably(PathIn(directory), json.DumpPretty());
}

}  // namespace mw::steps
