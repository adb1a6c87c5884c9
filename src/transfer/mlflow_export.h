// A folder that MLflow opens: mlflow.db, a database of MLflow 3.11, and artifacts/ beside it. It is there whole or not
// at all: until Finish the database has another name. One thread.
//
//   mlflow server --backend-store-uri sqlite:///FOLDER/mlflow.db
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "db/foreign_database.h"
#include "transfer/artifact_reader.h"
#include "transfer/report.h"
#include "transfer/sink.h"

namespace mw::transfer {

class MlflowExport final : public Sink {
 public:
  /// `folder` is made when absent; artifacts of an export that was broken off are used. Both outlive this; `artifacts`
  /// null: they are left where they are. Errors: kAlreadyExists: the folder has an mlflow.db.
  static Result<std::unique_ptr<MlflowExport>> Begin(const std::string& folder, ArtifactReader* artifacts,
                                                     Report& report);

  Status Experiments(const Json::Array& experiments) override;
  Result<std::vector<bool>> BeginRuns(const Json::Array& runs) override;
  Status Points(const std::string& run, const std::string& key, std::span<const Point> points) override;
  Status EndRuns() override;
  Result<std::vector<bool>> BeginModels(const Json::Array& models) override;
  Status ModelMetrics(const std::string& model, std::span<const ModelMetric> metrics) override;
  Status EndModels() override { return Ok(); }
  Status RegisteredModel(const Json& model, const Json::Array& versions) override;
  void Skip(std::string_view kind, std::string_view id, std::string_view why) override { report_.Skip(kind, id, why); }

  /// Makes it durable under its name.
  Status Finish();

 private:
  MlflowExport(std::unique_ptr<db::ForeignDatabase> database, std::string folder, ArtifactReader* artifacts,
               Report& report)
      : database_(std::move(database)), folder_(std::move(folder)), artifacts_(artifacts), report_(report) {}
  /// False when a row of that key is there.
  Result<bool> Insert(std::string_view table, std::string_view columns, const db::Values& values);
  Status PutRun(const Json& run);
  Status PutInputs(const Json& run, const std::string& id, std::int64_t experiment);
  Status PutDataset(const Json& input, const std::string& run, std::int64_t experiment);
  Status PutLatest(const std::string& run);
  Status PutModelLinks(const Json& run, const std::string& id);
  Status PutLoggedModel(const Json& model);
  Status PutModelMetric(const std::string& model, std::int64_t experiment, const ModelMetric& metric);
  Status PutVersion(const std::string& model, const Json& version);
  /// Where what lies at this URI lies now.
  [[nodiscard]] std::string Relocated(const std::string& uri) const;
  Status BringArtifacts(std::string_view kind, const std::string& id, const std::string& uri);

  std::unique_ptr<db::ForeignDatabase> database_;
  std::string folder_;
  ArtifactReader* artifacts_;
  Report& report_;
  std::set<std::string> runs_;                                  // that were exported
  std::map<std::string, std::int64_t> experiment_of_;           // logged models that were exported
  std::map<std::string, std::string> artifacts_of_;             // runs that are open: their artifacts' URI
  std::map<std::string, std::map<std::string, Point>> latest_;  // of runs that are open, by metric
};

}  // namespace mw::transfer
