// For tests of recording: a version of the test model, rows for it, and what must come of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "base/text.h"
#include "serving/model.h"
#include "serving/recorded_version.h"
#include "serving/recording_lane.h"
#include "serving/test_model.h"
#include "wire/window_record.h"

namespace mw::serving::testing {

inline constexpr std::int64_t kFull = 1'000'000'000;  ///< the sample rate of all rows

/// A version without a model: temp (number), carrier (category of AA, B6, DL), flagged from 0.5 on.
inline std::shared_ptr<RecordedVersion> TestVersion(const std::string& endpoint = "late", std::int64_t version = 1) {
  static const std::shared_ptr<const Model> model = [] {
    const TestDirectory directory;
    WriteTestPackage(directory / "p", 1);
    auto loaded = Model::Load(directory / "p");
    MW_ASSERT(loaded.ok());
    return *loaded;
  }();
  auto made = std::make_shared<RecordedVersion>(endpoint, version, *model);
  made->features = {{{"temp", sketch::ValueKind::kNumber}, {}},
                    {{"carrier", sketch::ValueKind::kCategory}, {"AA", "B6", "DL"}}};
  made->threshold = 0.5;
  return made;
}

/// A request of `rows` rows that can be told apart: row i has temp first + i, carrier i mod 3, prediction i mod 4 / 4.
struct TestRows {
  TestRows(std::string id_in, std::size_t rows, std::int64_t event_time_us = kNoEventTime, int first = 0)
      : id(std::move(id_in)), times{event_time_us} {
    for (std::size_t i = 0; i < rows; ++i) {
      features.push_back(static_cast<float>(first + static_cast<int>(i)));
      features.push_back(static_cast<float>(i % 3));
      predictions.push_back(static_cast<float>(i % 4) / 4);
    }
  }
  [[nodiscard]] RecordedRequest Request(Duration start = Duration(0)) const {
    RecordedRequest request;
    request.id = id;
    request.features = features;
    request.predictions = predictions;
    request.class_probabilities = class_probabilities;
    request.event_times_us = times;
    request.keys = keys;
    request.start = start;
    request.latency = Duration(150);
    return request;
  }
  std::string id;
  std::vector<float> features;
  std::vector<float> predictions;
  std::vector<float> class_probabilities;
  std::vector<std::int64_t> times;
  std::vector<std::string_view> keys;
};

/// What pieces say together.
struct Totals {
  std::int64_t rows = 0, sampled = 0, dropped = 0, requests = 0, failures = 0, refused = 0, flagged = 0, future = 0;
  std::uint64_t latencies = 0;
  std::map<std::string, int> ids;  // how often each was sampled
  void Add(const wire::WindowPiece& piece) {
    rows += piece.rows;
    sampled += piece.sampled_rows;
    dropped += piece.dropped_rows;
    requests += piece.requests;
    failures += piece.failures;
    refused += piece.refused;
    flagged += piece.flagged_rows;
    future += piece.future_rows;
    latencies += piece.latency.count();
    for (const std::string& id : piece.sample.ids) ++ids[id];
  }
};

}  // namespace mw::serving::testing
