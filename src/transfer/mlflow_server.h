// A running MLflow server by its REST API, of any version from 2 on, or a Millwright, which speaks it too. What a
// server lacks (logged models before 3) is left out without a word. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "transfer/sink.h"

namespace mw::transfer {

class MlflowServer final : public Source {
 public:
  static constexpr int kPagePoints = 25'000;  ///< the most that a server gives at once

  /// `client` outlives this. `name`: its address.
  MlflowServer(net::HttpClient& client, std::string name) : client_(client), name_(std::move(name)) {}

  [[nodiscard]] std::string Name() const override { return name_; }
  Status Send(const Selection& selection, Sink& sink) override;

 private:
  using TakePage = std::function<Status(const Json& answer)>;
  /// Every page of a search: `body` with the token of the page before.
  Status PostPages(const std::string& path, Json body, const TakePage& take);
  Status GetPages(const std::string& target, const TakePage& take);

  Status SendExperiments(const Selection& selection, Sink& sink);
  Status SendRuns(const std::string& experiment, Sink& sink);
  Status SendPage(Json::Array runs, Sink& sink);
  Status SendPoints(const Json& run, Sink& sink);
  Status SendLoggedModels(Sink& sink);
  Status SendRegistry(Sink& sink);
  Status AddStorage(Json& version);
  Result<Json::Array> VersionsOf(const std::string& model);

  net::HttpClient& client_;
  std::string name_;
  std::vector<std::string> experiments_;  // that are wanted
};

}  // namespace mw::transfer
