// For tests and fuzz targets: a tensor model whose every output is a known function of each row, run by a worker that
// does as it is told: waits, fails, refuses. And one that is not batchable.
//
//   x FP32 [-1, 3], name BYTES [-1]  ->  score FP32 [-1], echo BYTES [-1], parts INT64 [-1, 2]
//   x FP32 [-1]                      ->  sum FP32 [1], count INT64 [1]                          not batchable
//
// Ownership: the test keeps the FakeControl, which backends share. Any thread. Invariant: a row is answered by
// FakeAnswerOf and nothing else, so an answer tells whose row it is.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "serving/backend/backend.h"

namespace mw::api::inference::testing {

struct FakeAnswer {
  float score = 0;
  std::string echo;
  std::array<std::int64_t, 2> parts{};
  bool operator==(const FakeAnswer&) const = default;
};

inline FakeAnswer FakeAnswerOf(const std::array<float, 3>& x, std::string_view name) {
  FakeAnswer answer;
  answer.score = static_cast<float>(x[0] + 2.0 * x[1] - x[2] * static_cast<double>(name.size()));
  answer.echo = std::string(name.rbegin(), name.rend()) + "!";
  answer.parts = {static_cast<std::int64_t>(16 * static_cast<double>(x[0])), static_cast<std::int64_t>(name.size())};
  return answer;
}

/// A row that begins with this is refused, and with it the batch.
inline constexpr float kRefusedValue = 13;

class FakeControl {
 public:
  /// While it is held, a batch waits.
  void Hold(bool held) {
    const Lock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  /// The next so many batches fail.
  void Fail(int batches) {
    const Lock lock(mutex_);
    failing_ = batches;
  }
  /// Until a batch waits because of Hold.
  void AwaitHeld() {
    const Lock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }
  /// The rows of each batch so far.
  std::vector<std::size_t> batches() {
    const Lock lock(mutex_);
    return batches_;
  }
  void ForgetBatches() {
    const Lock lock(mutex_);
    batches_.clear();
  }
  /// As a batch begins. False: it is to fail.
  bool Begin(std::size_t rows) {
    const Lock lock(mutex_);
    batches_.push_back(rows);
    ++waiting_;
    changed_.NotifyAll();
    while (held_) changed_.Wait(mutex_);
    --waiting_;
    if (failing_ == 0) return true;
    --failing_;
    return false;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool held_ MW_GUARDED_BY(mutex_) = false;
  int failing_ MW_GUARDED_BY(mutex_) = 0;
  int waiting_ MW_GUARDED_BY(mutex_) = 0;
  std::vector<std::size_t> batches_ MW_GUARDED_BY(mutex_);
};

inline void AddTensor(serving::TensorList& list, std::string_view name, serving::Datatype datatype,
                      const std::vector<std::int64_t>& shape, const auto& values) {
  const std::size_t bytes = values.size() * sizeof values[0];
  list.Append({name, datatype, shape, {reinterpret_cast<const char*>(values.data()), bytes}});
}

class FakeRunner final : public serving::Runner {
 public:
  FakeRunner(std::shared_ptr<FakeControl> control, bool batchable)
      : control_(std::move(control)), batchable_(batchable) {}
  Result<serving::TensorList> Run(const serving::TensorList& batch, Duration) override {
    const std::size_t floats = batch[0].bytes.size() / sizeof(float);
    std::vector<float> x(floats);
    if (floats > 0) std::memcpy(x.data(), batch[0].bytes.data(), batch[0].bytes.size());
    if (!control_->Begin(batchable_ ? floats / 3 : 1)) return Unavailable("the fake worker died");
    return batchable_ ? Rows(x, batch[1].bytes) : Sum(x);
  }

 private:
  static Result<serving::TensorList> Rows(const std::vector<float>& x, std::string_view names) {
    const auto rows = static_cast<std::int64_t>(x.size() / 3);
    std::vector<float> scores;
    std::vector<std::int64_t> parts;
    std::string echoes;
    for (std::size_t at = 0; at < x.size(); at += 3) {
      if (x[at] == kRefusedValue) return InvalidArgument("x of ", kRefusedValue, " is refused");
      std::string_view name;
      serving::NextElement(names, name);
      const FakeAnswer answer = FakeAnswerOf({x[at], x[at + 1], x[at + 2]}, name);
      scores.push_back(answer.score);
      parts.insert(parts.end(), answer.parts.begin(), answer.parts.end());
      serving::AppendElement(echoes, answer.echo);
    }
    serving::TensorList list;
    AddTensor(list, "score", serving::Datatype::kFp32, {rows}, scores);
    AddTensor(list, "echo", serving::Datatype::kBytes, {rows}, echoes);
    AddTensor(list, "parts", serving::Datatype::kInt64, {rows, 2}, parts);
    return list;
  }
  static Result<serving::TensorList> Sum(const std::vector<float>& x) {
    serving::TensorList list;
    AddTensor(list, "sum", serving::Datatype::kFp32, {1},
              std::vector<float>{std::accumulate(x.begin(), x.end(), 0.0F)});
    AddTensor(list, "count", serving::Datatype::kInt64, {1},
              std::vector<std::int64_t>{static_cast<std::int64_t>(x.size())});
    return list;
  }

  const std::shared_ptr<FakeControl> control_;
  const bool batchable_;
};

class FakeBackend final : public serving::Backend {
 public:
  explicit FakeBackend(const std::shared_ptr<FakeControl>& control, bool batchable = true)
      : runner_(control, batchable) {
    using serving::Datatype;
    info_.platform = "fake";
    info_.library = "Fake 1.0";
    info_.batchable = batchable;
    if (batchable) {
      info_.inputs = {{"x", Datatype::kFp32, {-1, 3}}, {"name", Datatype::kBytes, {-1}}};
      info_.outputs = {
          {"score", Datatype::kFp32, {-1}}, {"echo", Datatype::kBytes, {-1}}, {"parts", Datatype::kInt64, {-1, 2}}};
    } else {
      info_.inputs = {{"x", Datatype::kFp32, {-1}}};
      info_.outputs = {{"sum", Datatype::kFp32, {1}}, {"count", Datatype::kInt64, {1}}};
    }
  }
  [[nodiscard]] const serving::BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<serving::Runner*> runners() override { return {&runner_}; }

 private:
  FakeRunner runner_;
  serving::BackendInfo info_;
};

}  // namespace mw::api::inference::testing
