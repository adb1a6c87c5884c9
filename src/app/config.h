// What `up` was told: flags over environment (MILLWRIGHT_*) over HOME/millwright.yaml over defaults.
#pragma once

#include <string>

#include "base/log.h"
#include "base/result.h"
#include "net/address_rule.h"
#include "net/socket.h"
#include "tracking/heartbeats.h"

namespace mw::app {

/// The environment of this process, for one look-up: empty when unset.
std::string Environment(const char* name);

/// The usual ports of a model server.
inline constexpr int kInferencePort = 8080, kGrpcPort = 8081;

struct Config {
  std::string home;  ///< absolute
  net::Address listen{"127.0.0.1", 5000};
  net::Address inference_listen{"127.0.0.1", kInferencePort};
  std::string database;   ///< empty: HOME/millwright.db; else a postgresql:// URL
  std::string artifacts;  ///< empty: HOME/artifacts; else s3://BUCKET/PREFIX
  std::string s3_endpoint;
  std::string s3_region = "us-east-1";
  net::Networks webhook_allow;  ///< that webhooks may reach besides the public internet
  LogLevel log_level = LogLevel::kInfo;
  Duration lost_after = tracking::Heartbeats::kSilence;  ///< how long a run that sends heartbeats may be silent

  // Where things lie beneath the home.
  [[nodiscard]] std::string DatabasePath() const { return home + "/millwright.db"; }
  [[nodiscard]] std::string ArtifactsPath() const { return home + "/artifacts"; }
  [[nodiscard]] std::string ArtifactCachePath() const { return home + "/artifact-cache"; }
  [[nodiscard]] std::string RunsPath() const { return home + "/runs"; }
  [[nodiscard]] std::string ServePath() const { return home + "/serve"; }
  [[nodiscard]] std::string LogsPath() const { return home + "/logs"; }
  [[nodiscard]] std::string TokenPath() const { return home + "/token"; }
  [[nodiscard]] std::string AddressesPath() const { return home + "/addresses.json"; }
  [[nodiscard]] std::string LockPath() const { return home + "/lock"; }
};

/// What the command line gave; an empty member was not given.
struct Flags {
  std::string home;
  std::string listen;
  std::string inference_listen;
  std::string database;
  std::string artifacts;
  std::string s3_endpoint;
  std::string s3_region;
  std::string webhook_allow;
  std::string log_level;
  std::string lost_after;
};

/// $MILLWRIGHT_HOME, else ~/.local/share/millwright; `flag` over both. Absolute.
Result<std::string> HomeDirectory(const std::string& flag);
/// Errors: kInvalidArgument: one sentence that names the flag, variable or line of millwright.yaml.
Result<Config> LoadConfig(const Flags& flags);

}  // namespace mw::app
