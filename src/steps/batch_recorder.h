// Records a batch's rows as a model server records its requests: pieces of windows in the spool beside the output, sent
// to the control plane by a thread of their own.
//
// What a piece holds follows from the rows alone: one part of the batch always gives the same pieces under the same
// names (server "batch-<id>", boot "part-<n>", sequence), so a part that is predicted again after a kill counts once.
// For that, a row without an event time counts at the batch's start, and every row has the same chance to be sampled.
// One thread, besides the sender's own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "serving/control_plane_address.h"
#include "serving/model.h"
#include "serving/recorded_version.h"
#include "serving/window_builder.h"
#include "serving/window_sender.h"
#include "serving/window_spool.h"

namespace mw::steps {

struct BatchRecorderOptions {
  std::string batch_id;
  std::string endpoint;
  std::int64_t version = 0;
  Timestamp started;       ///< of the batch, also after it was resumed
  double sample_rate = 1;  ///< of all rows
  std::string directory;   ///< the spool is beneath it
  serving::ControlPlaneAddress control_plane;
};

class BatchRecorder {
 public:
  /// Takes up what an earlier process left in the spool, and begins to send. Errors: from errno.
  static Result<std::unique_ptr<BatchRecorder>> Start(BatchRecorderOptions options, const serving::Model& model);
  ~BatchRecorder();

  struct Rows {
    std::int64_t first = 0;                  ///< of the batch
    std::span<const float> features;         ///< rows x features
    std::span<const float> predictions;      ///< rows; of several classes the likeliest's place
    std::span<const float> probabilities;    ///< of several classes rows x classes, else not looked at
    std::span<const std::int64_t> times;     ///< rows, or none
    std::span<const std::string_view> keys;  ///< rows, or none
  };
  void BeginPart(std::int64_t part);
  void Add(const Rows& rows);
  /// All pieces of the part are in the spool when it returns. Errors: from errno.
  Status EndPart();

  /// Waits until the control plane has everything. Errors: kUnavailable when it does not within `timeout`: what is left
  /// stays in the spool.
  Status Deliver(std::chrono::milliseconds timeout);
  [[nodiscard]] std::int64_t sampled_rows() const { return sampled_rows_; }

 private:
  BatchRecorder(BatchRecorderOptions options, const serving::Model& model);
  bool Keep(const wire::WindowPiece& piece);
  Status SpoolFrame();

  const BatchRecorderOptions options_;
  const std::shared_ptr<const serving::RecordedVersion> version_;
  MetricsRegistry metrics_;
  std::unique_ptr<serving::WindowSpool> spool_;
  std::unique_ptr<serving::WindowSender> sender_;
  std::thread sender_thread_;
  std::unique_ptr<serving::WindowBuilder> builder_;  // of one part
  std::string boot_;
  std::string frame_;
  int frames_ = 0;
  Status spooled_;
  std::vector<std::uint32_t> sampled_;
  std::vector<float> features_;
  std::vector<float> probabilities_;
  std::vector<std::uint16_t> key_sizes_;
  std::string keys_;
  std::vector<std::int64_t> times_;
  std::int64_t sampled_rows_ = 0;
};

}  // namespace mw::steps
