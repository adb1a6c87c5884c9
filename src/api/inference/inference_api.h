// The Open Inference Protocol v2 over REST, as its specification names it:
//
//   GET  /v2   /v2/health/live   /v2/health/ready   /v2/models/{m}[/versions/{v}][/ready]
//   POST /v2/models/{m}[/versions/{v}]/infer
// and GET /metrics for Prometheus. Errors are {"error": "..."}.
//
// One InferenceHandler for each loop of the data plane's server, used by that loop alone. Invariant: an
// answer comes whole from one version, the one that stands in model_version.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/request_decoder.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "net/loop_server.h"
#include "serving/catalog.h"
#include "serving/recording_lane.h"

namespace mw::api::inference {

/// A request with this id is answered like any other and not recorded: `doctor` asks with rows of the training data.
inline constexpr std::string_view kProbeId = "millwright.probe";

/// What all handlers share; every part outlives them.
struct InferenceContext {
  serving::Catalog& catalog;
  MetricsRegistry& metrics;
  const Clock& clock;
  std::string program_version;
  serving::RecordingLane* recording = nullptr;  ///< the handler's own; null: nothing is recorded
};

class InferenceHandler final : public net::LoopHandler {
 public:
  explicit InferenceHandler(const InferenceContext& context);
  void Handle(const net::RequestView& request, net::ResponseWriter& out) override;

 private:
  struct ModelPath {
    std::string_view model;
    std::string_view version;  ///< empty: the live one
    std::string_view action;   ///< "", "ready", "infer"
  };
  static bool ParseModelPath(std::string_view path, ModelPath& out);
  void HandleServer(const net::RequestView& request, net::ResponseWriter& out);
  void HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out);
  void Infer(const serving::ServedVersion& version, const serving::Snapshot& snapshot, std::string_view body,
             net::ResponseWriter& out);
  void WriteAnswer(const serving::ServedVersion& version, net::ResponseWriter& out);
  std::string_view RequestId();
  void Record(const serving::ServedVersion& version, const serving::Snapshot& snapshot, Duration start,
              Duration latency, bool failed);
  void Refuse(const serving::ServedVersion& version, const Error& error, Duration start, net::ResponseWriter& out);
  void SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                    net::ResponseWriter& out) const;

  const Clock& clock_;
  MetricsRegistry& metrics_;
  std::string program_version_;
  serving::CatalogReader& reader_;
  Counter& unknown_models_;
  RequestDecoder decoder_;
  std::vector<float> values_;
  serving::RecordingLane* recording_;
  std::vector<float> recorded_;  // of several classes, the number of the most probable
  std::string_view request_id_;  // the client's or next_id_
  std::string next_id_;          // 16 digits, random, this handler's own; 16 that count
  std::uint64_t id_count_ = 0;
};

}  // namespace mw::api::inference
