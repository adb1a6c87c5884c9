// Digests and one call.
#include "steps/batch_lineage.h"

#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/file_digest.h"

namespace mw::steps {
namespace {

std::string UriOf(const std::string& path) {
  return Cat("file://", std::filesystem::absolute(path).lexically_normal().string());
}

Result<Json> FileJson(const std::string& path) {
  const std::string digest = TRY(DigestOfFile(path));
  return Json::Make({{"uri", UriOf(path)}, {"digest", digest}});
}

/// All of them as one, by their digests in the order of their paths.
Result<Json> Together(const std::vector<InputFile>& inputs) {
  Sha256 digest;
  for (const InputFile& input : inputs) {
    const std::string one = TRY(DigestOfFile(input.path));
    digest.Update(one + "\n");
  }
  const std::string directory = std::filesystem::path(inputs.front().path).parent_path().string();
  return Json::Make({{"uri", UriOf(directory)}, {"digest", Cat("sha256:", digest.Finish())}});
}

}  // namespace

Result<Json> BatchLineage(const BatchMarker& marker, const std::vector<InputFile>& inputs, const std::string& output,
                          Timestamp ended) {
  Json files = Json::MakeArray();
  if (inputs.size() > kToldInputsMax) {
    files.Append(TRY(Together(inputs)));
  } else {
    for (const InputFile& input : inputs) files.Append(TRY(FileJson(input.path)));
  }
  Json body = Json::Make({{"model", marker.model},
                          {"version", marker.version},
                          {"rows", marker.rows},
                          {"bad_rows", marker.bad_rows},
                          {"started_us", ToMicros(marker.started)},
                          {"ended_us", ToMicros(ended)}});
  body["output"] = TRY(FileJson(output));
  body["inputs"] = std::move(files);
  return body;
}

Status TellLineage(net::HttpClient& api, const BatchMarker& marker, const std::vector<InputFile>& inputs,
                   const std::string& output, Timestamp ended) {
  const Json body = TRY(BatchLineage(marker, inputs, output, ended));
  const auto told = api.Call(net::Method::kPut, Cat("/api/v1/lineage/batches/", marker.batch_id), body);
  if (told.ok()) return Ok();
  return Unavailable("lineage was not told of the files: ", told.error().ToString());
}

}  // namespace mw::steps
