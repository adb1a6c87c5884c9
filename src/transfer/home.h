// A running control plane as the place that things go to, by its import API: safe beside everything else that it does,
// and an import that was killed goes on where it was when it is started again. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "tracking/point_frames.h"
#include "tracking/set_digest.h"
#include "transfer/artifact_reader.h"
#include "transfer/report.h"
#include "transfer/sink.h"

namespace mw::transfer {

class Home final : public Sink {
 public:
  /// All of them outlive this. `source`: what experiments' ids belong to. Artifacts are brought by `artifacts`, or left
  /// where they are when it is null.
  Home(net::HttpClient& control, std::string source, ArtifactReader* artifacts, Report& report);

  Status Experiments(const Json::Array& experiments) override;
  Result<std::vector<bool>> BeginRuns(const Json::Array& runs) override;
  Status Points(const std::string& run, const std::string& key, std::span<const Point> points) override;
  Status EndRuns() override;
  Result<std::vector<bool>> BeginModels(const Json::Array& models) override;
  Status ModelMetrics(const std::string& model, std::span<const ModelMetric> metrics) override;
  Status EndModels() override;
  Status RegisteredModel(const Json& model, const Json::Array& versions) override;
  void Skip(std::string_view kind, std::string_view id, std::string_view why) override { report_.Skip(kind, id, why); }

 private:
  struct OpenItem {
    std::string experiment;    ///< here
    std::string artifact_uri;  ///< there; empty: its files stay where they are
    std::string fingerprint;
  };
  struct OpenRun : OpenItem {
    std::map<std::string, tracking::PointDigest> metrics = {};
    tracking::SetDigest inputs = {};
    std::int64_t datasets = 0, models_read = 0, models_made = 0;
  };
  struct OpenModel : OpenItem {
    tracking::SetDigest metrics = {};
  };
  Result<net::Response> Ask(net::Method method, const std::string& target, std::string_view body,
                            std::string_view type);
  Result<Json> Import(std::string_view what, const Json& body);
  static Json DigestJson(const tracking::SetDigest& digest);
  struct Kind {
    std::string_view name;  ///< in the report
    std::string_view what;  ///< of the address
    std::string_view list;  ///< the member that holds them
    std::string_view id;    ///< the member of "info" that names one
  };
  static const Kind kRuns, kLoggedModels;
  struct Piece {
    std::string id;
    std::string json;
  };
  /// Imports many of a kind, with `rest` beside them, in bodies that are not too large: `take` gets each outcome. What
  /// is too large by itself, or refused, is left out, with the reason.
  using TakeOutcome = std::function<void(const Json& outcome)>;
  Status ImportMany(const Kind& kind, const Json& rest, const std::vector<Piece>& pieces, const TakeOutcome& take);
  Status ImportPieces(const Kind& kind, std::string_view begin, std::span<const Piece* const> pieces,
                      const TakeOutcome& take);
  /// Which of them are wanted; `open` gets each that is.
  using Open = std::function<void(const std::string& id, const Json& item, OpenItem open)>;
  Result<std::vector<bool>> Begin(const Kind& kind, const Json& rest, const Json::Array& items, const Open& open);
  static OpenRun Opened(const Json& run, OpenItem item);
  void CountInputs(const OpenRun& run);
  Status FlushPoints();
  Status PutMetrics(const std::string& model, std::span<const ModelMetric> metrics);
  Status Finish();
  /// Brings the files below a URI of the source to a path below the artifacts' root here.
  Status BringArtifacts(std::string_view kind, const std::string& id, const std::string& uri,
                        const std::string& target);
  Status BringFile(const std::string& uri, const ArtifactFile& file, const std::string& target);
  /// Where the files behind a URI of the source are here; the URI itself when they were not brought along.
  [[nodiscard]] std::string Relocated(const std::string& uri) const;
  /// Some of a model's versions, with the aliases that point at them.
  Status PutVersions(const Json& model, std::span<const Json> versions);
  Result<std::map<std::string, std::int64_t>> ListHere(const std::string& directory);

  net::HttpClient& control_;
  std::string source_;
  std::string attempt_;
  ArtifactReader* artifacts_;
  Report& report_;
  std::map<std::string, std::string> experiments_;       // id there -> id here
  std::map<std::string, std::string> remote_locations_;  // id there -> location that stays
  std::map<std::string, std::string> places_;            // location there -> id here, of those that are brought
  std::map<std::string, OpenRun> open_;
  std::map<std::string, OpenModel> open_models_;
  std::string frames_;
};

}  // namespace mw::transfer
