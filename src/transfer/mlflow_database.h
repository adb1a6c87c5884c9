// The database of an MLflow server, of any version from 1 on: read as one snapshot, and only the columns that it has.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "db/foreign_database.h"
#include "transfer/sink.h"

namespace mw::transfer {

class MlflowDatabase final : public Source {
 public:
  /// "sqlite:///path", a path, or "postgresql://...", also with SQLAlchemy's "+driver".
  /// Errors: kInvalidArgument: no database of MLflow's, or one of a kind that cannot be read; kUnavailable.
  static Result<std::unique_ptr<MlflowDatabase>> Open(const std::string& url);

  [[nodiscard]] std::string Name() const override { return name_; }
  Status Send(const Selection& selection, Sink& sink) override;

 private:
  MlflowDatabase(std::unique_ptr<db::ForeignDatabase> database, std::string name)
      : database_(std::move(database)), name_(std::move(name)) {}
  using Rows = db::Rows;
  /// SELECT of these columns, with NULL for those that this version of MLflow has not; none when there is no such
  /// table.
  Result<Rows> Select(std::string_view table, std::initializer_list<std::string_view> columns, std::string_view rest,
                      const db::Values& parameters = {});
  [[nodiscard]] bool Has(const std::string& table) const { return database_->tables().contains(table); }

  Status SendExperiments(const Selection& selection, Sink& sink);
  Status SendRuns(Sink& sink);
  Status SendPage(const Rows& rows, Sink& sink);
  Result<Json::Array> RunsOf(const Rows& rows);
  Status AddTexts(std::string_view table, const char* member, const db::Values& range, Json::Array& runs,
                  const std::map<std::string, std::size_t>& places);
  Status AddLatest(const db::Values& range, Json::Array& runs, const std::map<std::string, std::size_t>& places);
  using Places = std::map<std::string, std::size_t>;
  Status AddInputs(const db::Values& range, Json::Array& runs, const Places& places);
  Status AddDatasets(const db::Values& range, Json::Array& runs, const Places& places);
  Status SendPoints(const std::string& run, Sink& sink);
  Status SendLoggedModels(Sink& sink);
  Status SendModelsOf(const Rows& rows, Sink& sink);
  Result<Json> LoggedModelOf(const db::Row& row);
  Status SendModelMetrics(const std::string& model, Sink& sink);
  Status SendRegistry(Sink& sink);
  Result<Json::Array> VersionsOf(const std::string& model);

  std::unique_ptr<db::ForeignDatabase> database_;
  std::string name_;
  std::set<std::int64_t> experiments_;  // that are wanted
};

}  // namespace mw::transfer
