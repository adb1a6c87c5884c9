// A running MLflow server by its REST API, of any version from 2 on, or a Millwright, which speaks it too. What a
// server lacks (logged models before 3) is left out without a word. MLflow's server tells of deleted logged models only
// those that a run names, and which models a run read only run by run; a Millwright tells all of it at once. One
// thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "transfer/sink.h"

namespace mw::transfer {

class MlflowServer final : public Source {
 public:
  static constexpr int kPagePoints = 25'000;  ///< the most that a server gives at once

  /// `client` outlives this. `name`: its address. `remedy`: what helps when it does not let us in; may be empty.
  MlflowServer(net::HttpClient& client, std::string name, std::string_view remedy = "")
      : client_(client), name_(std::move(name)), remedy_(remedy) {}

  [[nodiscard]] std::string Name() const override { return name_; }
  Status Send(const Selection& selection, Sink& sink) override;

 private:
  using TakePage = std::function<Status(const Json& answer)>;
  Result<Json> Ask(net::Method method, const std::string& target, const Json& body = Json());
  /// Every page of a search: `body` with the token of the page before.
  Status PostPages(const std::string& path, Json body, const TakePage& take);
  Status GetPages(const std::string& target, const TakePage& take);

  Status SendExperiments(const Selection& selection, Sink& sink);
  Status LookAtServer();
  Status SendRuns(const std::string& experiment, Sink& sink);
  Status SendPage(Json::Array runs, Sink& sink);
  Status AddInputs(Json& run);
  Status SendPoints(const Json& run, Sink& sink);
  Status SendFoundModels(const std::string& experiment, Sink& sink);
  Status SendNamedModels(Sink& sink);
  Status SendExportedModels(const std::string& experiment, Sink& sink);
  /// With the metrics that are in them.
  static Status SendModels(Json::Array models, Sink& sink);
  Status SendExportedMetrics(const Json& model, Sink& sink);
  Status SendRegistry(Sink& sink);
  Status AddStorage(Json& version);
  Result<Json::Array> VersionsOf(const std::string& model);

  net::HttpClient& client_;
  std::string name_;
  std::string remedy_;
  std::vector<std::string> experiments_;      // that are wanted
  std::vector<std::string> all_experiments_;  // that there are
  bool exports_ = false;                      // it is a Millwright, with routes for this
  bool has_models_ = false;                   // logged models
  std::set<std::string> named_;               // logged models that runs name and no search has found
};

}  // namespace mw::transfer
