// Flags over environment over HOME/millwright.yaml over defaults.
#include "app/config.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::app {
namespace {

Result<LogLevel> ParseLevel(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return InvalidArgument(Quoted(text), " is no log level; levels: debug, info, warning, error");
}

Result<std::string> Absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char buffer[PATH_MAX];
  if (getcwd(buffer, sizeof buffer) == nullptr) return ErrnoError(errno, "looking up the current directory");
  return Cat(buffer, "/", path);
}

/// The settings of HOME/millwright.yaml, as if they were flags.
Result<Flags> ReadFileSettings(const std::string& home) {
  const std::string path = home + "/millwright.yaml";
  const Result<std::string> text = ReadFile(path, 1 << 20);
  if (!text.ok()) {
    if (text.error().code == Code::kNotFound) return Flags{};
    return text.error();
  }
  const YamlNode root = TRY(ParseYaml(*text, path));
  Complaints complaints(path);
  YamlReader reader(root, complaints);
  reader.StringOr("millwright", "");
  Flags settings;
  settings.listen = reader.StringOr("listen", "");
  settings.inference_listen = reader.StringOr("inference_listen", "");
  settings.database = reader.StringOr("database", "");
  settings.artifacts = reader.StringOr("artifacts", "");
  settings.s3_endpoint = reader.StringOr("s3_endpoint", "");
  settings.s3_region = reader.StringOr("s3_region", "");
  settings.webhook_allow = reader.StringOr("webhook_allow", "");
  settings.log_level = reader.StringOr("log_level", "");
  settings.lost_after = reader.StringOr("lost_after", "");
  reader.Finish();
  TRY(complaints.AsStatus());
  return settings;
}

/// The first that was given, with the name of where, for messages.
struct Setting {
  std::string value, source;
};
Setting Choose(const std::string& flag, std::string_view flag_name, const char* variable, const std::string& file) {
  if (!flag.empty()) return {flag, std::string(flag_name)};
  if (std::string value = Environment(variable); !value.empty()) return {std::move(value), variable};
  return {file, "millwright.yaml"};
}

Status Take(const Setting& setting, net::Address& address) {
  if (setting.value.empty()) return Ok();
  address = TRY(net::ParseAddress(setting.value).In(setting.source));
  return Ok();
}

}  // namespace

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

Result<std::string> HomeDirectory(const std::string& flag) {
  if (!flag.empty()) return Absolute(flag);
  if (const std::string home = Environment("MILLWRIGHT_HOME"); !home.empty()) return Absolute(home);
  const std::string user_home = Environment("HOME");
  if (user_home.empty()) return InvalidArgument("neither --home nor MILLWRIGHT_HOME nor HOME is set; give --home DIR");
  return user_home + "/.local/share/millwright";
}

Result<Config> LoadConfig(const Flags& flags) {
  Config config;
  config.home = TRY(HomeDirectory(flags.home));
  const Flags file = TRY(ReadFileSettings(config.home));
  TRY(Take(Choose(flags.listen, "--listen", "MILLWRIGHT_LISTEN", file.listen), config.listen));
  TRY(Take(Choose(flags.inference_listen, "--inference-listen", "MILLWRIGHT_INFERENCE_LISTEN", file.inference_listen),
           config.inference_listen));
  config.database = Choose(flags.database, "--database", "MILLWRIGHT_DATABASE", file.database).value;
  config.artifacts = Choose(flags.artifacts, "--artifacts", "MILLWRIGHT_ARTIFACTS", file.artifacts).value;
  config.s3_endpoint = Choose(flags.s3_endpoint, "--s3-endpoint", "MILLWRIGHT_S3_ENDPOINT", file.s3_endpoint).value;
  const Setting region = Choose(flags.s3_region, "--s3-region", "MILLWRIGHT_S3_REGION", file.s3_region);
  if (!region.value.empty()) config.s3_region = region.value;
  if (config.artifacts.empty() != config.s3_endpoint.empty()) {
    return InvalidArgument("--artifacts s3://BUCKET/PREFIX and --s3-endpoint http[s]://HOST[:PORT] come together");
  }
  const Setting allow = Choose(flags.webhook_allow, "--webhook-allow", "MILLWRIGHT_WEBHOOK_ALLOW", file.webhook_allow);
  config.webhook_allow = TRY(net::Networks::Parse(allow.value).In(allow.source));
  const Setting level = Choose(flags.log_level, "--log-level", "MILLWRIGHT_LOG_LEVEL", file.log_level);
  if (!level.value.empty()) config.log_level = TRY(ParseLevel(level.value).In(level.source));
  const Setting lost = Choose(flags.lost_after, "--lost-after", "MILLWRIGHT_LOST_AFTER", file.lost_after);
  if (!lost.value.empty()) config.lost_after = TRY(ParseDuration(lost.value).In(lost.source));
  return config;
}

}  // namespace mw::app
