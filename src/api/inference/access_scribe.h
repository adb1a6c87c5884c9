// Writes requests into the access log's lane of this thread (serving/access_lane.h): what of a request is written down
// is decided there first, and only then looked up. One for each thread that takes requests.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/inference/inference_request.h"
#include "serving/access_lane.h"
#include "serving/version_metrics.h"
#include "wire/desired_state.h"

namespace mw::api::inference {

/// Who asked: as long as the request is at hand what it brought, later what was kept of that.
struct Asker {
  const InferenceTarget* target = nullptr;
  std::string_view client_header{};  ///< that names the client; empty: none does
  const serving::AccessOrigin* kept = nullptr;
};
serving::AccessOrigin OriginOf(const Asker& asker);

class AccessScribe {
 public:
  /// Null: nothing is written.
  explicit AccessScribe(serving::AccessLane* lane) : lane_(lane) {}
  [[nodiscard]] bool writes() const { return lane_ != nullptr; }

  struct Request {
    Asker asker;
    std::string_view endpoint{};  ///< set by Bookkeeper where a version was chosen
    std::int64_t version = 0;     ///< 0: none was chosen
    std::string_view id{};
    std::size_t rows = 0;
    std::int64_t event_time_us = serving::kNoEventTime;
    serving::Outcome outcome = serving::Outcome::kAnswered;
  };
  struct Answer {
    const serving::StageTimes& times;
    std::uint64_t bytes = 0;
    bool from_cache = false;
  };
  void Answered(const Request& request, const Answer& answer) {
    if (lane_ == nullptr) return;
    const Duration total = answer.times.answered - answer.times.start;
    if (serving::AccessEntry* const entry = lane_->Begin(request.outcome, total, answer.times.answered)) [[unlikely]]
      Write(*entry, request, answer);
  }
  void Refused(const Request& request, const Error& error, Duration start, Duration now);

 private:
  void Write(serving::AccessEntry& entry, const Request& request, const Answer& answer);

  serving::AccessLane* lane_;
};

}  // namespace mw::api::inference
