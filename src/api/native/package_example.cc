// Reading single files of a package.
#include "api/native/package_example.h"

#include "base/text.h"

namespace mw::api::native {
namespace {

constexpr std::size_t kManifestBytesMax = std::size_t{16} << 20;
constexpr std::size_t kWarmUpBytesMax = std::size_t{64} << 20;

Result<blob::Digest> FileOf(blob::BlobStore& blobs, const blob::Digest& directory, std::string_view path) {
  const Json manifest = TRY(Json::Parse(TRY(blobs.Get(directory, kManifestBytesMax))));
  const Json* files = manifest.Find("files");
  if (files != nullptr && files->IsArray()) {
    for (const Json& file : files->AsArray()) {
      if (file.StringOr("path", "") == path) return file.GetString("digest");
    }
  }
  return DataLoss("the package ", directory, " has no ", path);
}

/// Of a package of tensors, else null.
const Json* FirstRequestsInputs(const Json& warm_up) {
  const Json* const requests = warm_up.Find("requests");
  if (requests == nullptr || !requests->IsArray() || requests->AsArray().empty()) return nullptr;
  return requests->AsArray().front().Find("inputs");
}

Json Tensor(const std::string& name, const Json& value) {
  const std::string_view type = value.IsString() ? "BYTES" : value.IsBool() ? "BOOL" : "FP64";
  return Json::Make(
      {{"name", name}, {"shape", Json(Json::Array{Json(1)})}, {"datatype", type}, {"data", Json(Json::Array{value})}});
}

}  // namespace

Result<Json> ExampleRequest(blob::BlobStore& blobs, const blob::Digest& package) {
  const blob::Digest warm_up = TRY(FileOf(blobs, package, "warmup.json"));
  const Json content = TRY(Json::Parse(TRY(blobs.Get(warm_up, kWarmUpBytesMax))));
  if (const Json* const inputs = FirstRequestsInputs(content)) {
    return Json::Make({{"id", "example"}, {"inputs", *inputs}});
  }
  const Json* rows = content.Find("rows");
  if (rows == nullptr || !rows->IsArray() || rows->AsArray().empty() || !rows->AsArray().front().IsObject()) {
    return NotFound("the package ", package, " has no warm-up row to show as an example");
  }
  Json inputs = Json::MakeArray();
  for (const auto& [name, value] : rows->AsArray().front().AsObject()) inputs.Append(Tensor(name, value));
  return Json::Make({{"id", "example"}, {"inputs", std::move(inputs)}});
}

Result<std::string> LabelOf(blob::BlobStore& blobs, const blob::Digest& package) {
  const blob::Digest info = TRY(FileOf(blobs, package, "package.json"));
  return TRY(Json::Parse(TRY(blobs.Get(info, kManifestBytesMax))))
  .StringOr("label", "");
}

}  // namespace mw::api::native
