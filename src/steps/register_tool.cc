// Arguments, a scratch directory, the package, its files to the control plane.
#include "steps/register_tool.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "net/http_client.h"
#include "serving/backend/start_backend.h"
#include "steps/package_maker.h"
#include "steps/version_files.h"

namespace mw::steps {
namespace {

constexpr std::string_view kRegisterUsage =
    "usage: mw-step bring MODEL PATH --url URL --state DIR [--schema FILE] [--threshold NUMBER] [--warm-up FILE] "
    "[--alias NAME] [--python INTERPRETER] [--json]";

struct RegisterArguments {
  BroughtModel model;
  std::optional<VersionReference> version;  ///< whose files are to be packed; then the path is none
  std::string threshold, url, state, alias = "candidate", python;
  bool json = false;
};

Result<RegisterArguments> ReadRegisterArguments(const std::vector<std::string>& arguments) {
  RegisterArguments read;
  const std::vector<std::pair<std::string_view, std::string*>> flags = {{"--schema", &read.model.schema},
                                                                        {"--threshold", &read.threshold},
                                                                        {"--warm-up", &read.model.warm_up},
                                                                        {"--alias", &read.alias},
                                                                        {"--url", &read.url},
                                                                        {"--state", &read.state},
                                                                        {"--python", &read.python}};
  std::vector<std::string> places;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const auto& known) { return known.first == word; });
    if (word == "--json") {
      read.json = true;
    } else if (flag == flags.end()) {
      places.push_back(word);
    } else {
      if (i + 1 == arguments.size()) return InvalidArgument(word, " lacks its value; ", kRegisterUsage);
      *flag->second = arguments[++i];
    }
  }
  if (places.size() != 2 || read.url.empty() || read.state.empty()) return InvalidArgument(kRegisterUsage);
  read.model.name = places[0];
  read.version = TRY(ParseVersionReference(places[1]));
  if (!read.version) read.model.path = std::filesystem::absolute(places[1]).lexically_normal().string();
  if (read.model.path.ends_with('/')) read.model.path.pop_back();
  if (!IsName(read.model.name)) {
    return InvalidArgument(Quoted(read.model.name), " is no model's name; use letters, digits, '.', '_' and '-'");
  }
  if (read.threshold.empty()) return read;
  read.model.threshold = ParseDouble(read.threshold);
  if (read.model.threshold && *read.model.threshold >= 0 && *read.model.threshold <= 1) return read;
  return InvalidArgument("--threshold is ", Quoted(read.threshold), "; a probability lies between 0 and 1");
}

/// A directory of its own that is gone with this.
class Scratch {
 public:
  static Result<Scratch> Make(const std::string& within) {
    TRY(MakeDirectories(within, 0700));
    std::string pattern = within + "/package-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return ErrnoError(errno, within);
    return Scratch(std::move(pattern));
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<std::string> SendBlob(net::HttpClient& api, std::string_view bytes) {
  const net::Response response =
      TRY(api.Send(net::Method::kPost, "/api/v1/blobs", bytes, {{"Content-Type", "application/octet-stream"}}));
  if (response.status >= 400) return net::ErrorFromResponse(response).In("sending the package");
  const std::string digest = TRY(TRY(Json::Parse(response.body)).GetString("digest"));
  if (digest == Cat("sha256:", Sha256Hex(bytes))) return digest;
  return DataLoss("what was sent arrived as ", digest, ", which it is not; try again");
}

/// Its files, then the manifest that names it.
Result<std::string> SendPackage(net::HttpClient& api, const std::string& directory) {
  blob::Manifest manifest;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(directory).string();
    const MappedFile file = TRY(MappedFile::Open(entry.path().string(), wire::kModelBytesMax));
    const std::string digest = TRY(SendBlob(api, file.bytes()).In(path));
    manifest.files.push_back({path, file.bytes().size(), digest});
  }
  std::sort(manifest.files.begin(), manifest.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return SendBlob(api, manifest.Dump());
}

serving::StartBackend BackendsOf(const RegisterArguments& arguments, MetricsRegistry& metrics) {
  serving::ForeignOptions foreign;
  foreign.python_directory = std::filesystem::absolute(arguments.state).lexically_normal().string() + "/python";
  const char* const python = std::getenv("MILLWRIGHT_PYTHON");
  foreign.python = arguments.python.empty() && python != nullptr ? python : arguments.python;
  foreign.progress = [](std::string_view doing) {
    const std::string line = Cat(doing, "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
  return serving::MakeStartBackend(foreign, metrics);
}

void Say(const RegisterArguments& arguments, const MadePackage& made, const std::string& package,
         std::int64_t version) {
  std::string out;
  if (arguments.json) {
    Json notes = Json::MakeArray();
    for (const std::string& note : made.notes) notes.Append(note);
    out = Json::Make({{"model", made.info.model},
                      {"version", version},
                      {"package", package},
                      {"framework", made.info.framework},
                      {"type", made.info.type},
                      {"described", made.described},
                      {"notes", std::move(notes)}})
              .Dump() +
          "\n";
  } else {
    CatTo(out, made.info.model, " v", version, ", ", made.info.framework, ", ", made.info.type, ": ", made.described,
          "\n");
    for (const std::string& note : made.notes) CatTo(out, "  ", note, "\n");
    CatTo(out, "serve it: millwright deploy ", made.info.model, "@", version, "\n");
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
}

}  // namespace

Status BringModel(const std::vector<std::string>& arguments) {
  RegisterArguments read = TRY(ReadRegisterArguments(arguments));
  SetLogLevel(LogLevel::kWarning);
  net::ClientOptions options;
  const char* const token = std::getenv("MILLWRIGHT_TOKEN");
  options.bearer_token = token == nullptr ? "" : token;
  net::HttpClient api = TRY(net::HttpClient::Make(read.url, options));
  const std::string within = std::filesystem::absolute(read.state).string() + "/packages-to-register";
  const Scratch scratch = TRY(Scratch::Make(within))
  , files = TRY(Scratch::Make(within));
  Json wanted = Json::Make({{"alias", read.alias == "none" ? Json() : Json(read.alias)}});
  if (read.version) {
    const std::int64_t number = TRY(FetchVersionFiles(api, *read.version, files.path()));
    if (read.version->model == read.model.name) wanted["version"] = Cat(number);
    read.model.path = files.path();
  }
  MetricsRegistry metrics;
  const MadePackage made = TRY(MakePackage(read.model, scratch.path(), BackendsOf(read, metrics)));
  const std::string package = TRY(SendPackage(api, scratch.path()));
  wanted["package"] = package;
  const Json answer = TRY(
      api.Call(net::Method::kPost, Cat("/api/v1/models/", net::PercentEncode(read.model.name), "/versions"), wanted));
  Say(read, made, package, TRY(answer.GetInt("version")));
  return Ok();
}

}  // namespace mw::steps
