// Calls to the control plane's API.
#include "steps/control_plane.h"

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/package.h"

namespace mw::steps {
namespace {

Result<std::string> FetchBlob(net::HttpClient& api, const std::string& digest) {
  auto response = TRY(api.Send(net::Method::kGet, Cat("/api/v1/artifacts/", net::PercentEncode(digest))));
  if (response.status != 200) return net::ErrorFromResponse(response).In(Cat("fetching ", digest));
  if (Cat("sha256:", Sha256Hex(response.body)) != digest) {
    return DataLoss("the bytes that came for ", digest, " do not have that digest");
  }
  return std::move(response.body);
}

Status FetchFile(net::HttpClient& api, const Json& file, const std::string& directory) {
  const std::string path = TRY(file.GetString("path"));
  if (!wire::IsPackagePath(path)) return InvalidArgument("a package holds plain files, not ", Quoted(path));
  const std::string bytes = TRY(FetchBlob(api, TRY(file.GetString("digest"))));
  const std::string target = Cat(directory, "/", path);
  TRY(MakeDirectories(target.substr(0, target.rfind('/'))));
  return WriteFileDurably(target, bytes);
}

}  // namespace

std::string TokenFromEnvironment() {
  const char* token = std::getenv("MILLWRIGHT_TOKEN");
  return token == nullptr ? "" : token;
}

Result<std::optional<ModelVersion>> FindVersion(net::HttpClient& api, const std::string& model,
                                                const std::string& version_or_alias) {
  auto answer = api.Call(net::Method::kGet, Cat("/api/v1/models/", net::PercentEncode(model), "/versions/",
                                                net::PercentEncode(version_or_alias)));
  if (!answer.ok() && answer.error().code == Code::kNotFound) return std::optional<ModelVersion>();
  if (!answer.ok()) return std::move(answer).error();
  ModelVersion version;
  version.version = TRY(answer->GetInt("version"));
  version.package = TRY(answer->GetString("package"));
  const Json* metrics = answer->Find("metrics");
  if (metrics != nullptr && metrics->IsObject()) {
    for (const auto& [name, value] : metrics->AsObject()) {
      if (value.IsNumber()) version.metrics.emplace_back(name, value.AsDouble());
    }
  }
  return std::optional<ModelVersion>(std::move(version));
}

Status FetchPackage(net::HttpClient& api, const std::string& digest, const std::string& directory) {
  const Json manifest = TRY(Json::Parse(TRY(FetchBlob(api, digest))).In("the package's manifest"));
  const Json* files = manifest.Find("files");
  if (files == nullptr || !files->IsArray() || files->AsArray().size() > wire::kPackageFilesMax) {
    return InvalidArgument("the package's manifest has no list of at most ", wire::kPackageFilesMax, " files");
  }
  TRY(MakeDirectories(directory));
  for (const Json& file : files->AsArray()) TRY(FetchFile(api, file, directory));
  return Ok();
}

}  // namespace mw::steps
