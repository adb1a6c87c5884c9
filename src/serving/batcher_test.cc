// The batcher's threads, with runners that are told what to do.
#include "serving/batcher.h"

#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <set>

#include "base/random.h"

namespace mw::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TensorList Numbers(const std::vector<float>& values) {
  TensorList list;
  const std::int64_t shape[] = {static_cast<std::int64_t>(values.size()), 1};
  const auto room = list.Add("x", Datatype::kFp32, shape, values.size() * sizeof(float));
  if (!room.empty()) std::memcpy(room.data(), values.data(), room.size());
  return list;
}

std::vector<float> ValuesOf(const TensorList& list) {
  std::vector<float> values(list[0].bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), list[0].bytes.data(), list[0].bytes.size());
  return values;
}

/// f(x) = factor * x + 1 for each row. Says which batches it saw; fails, hangs and waits as it is told.
class FakeRunner final : public Runner {
 public:
  explicit FakeRunner(float factor) : factor_(factor) {}

  Result<TensorList> Run(const TensorList& batch, Duration) override {
    std::vector<float> values = ValuesOf(batch);
    const Lock lock(mutex_);
    batches_.push_back(values);
    changed_.NotifyAll();
    while (held_) changed_.Wait(mutex_);
    for (float& value : values) {
      if (poison_.contains(value)) return Error{poison_code_, "poison", {}};
      value = factor_ * value + 1;
    }
    if (drops_rows_ && values.size() > 1) values.pop_back();
    return Numbers(values);
  }

  void Hold(bool held) {
    const Lock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  void Poison(float value, Code code) {
    const Lock lock(mutex_);
    poison_.insert(value);
    poison_code_ = code;
  }
  [[nodiscard]] bool Ready() const override { return ready_; }
  void SetReady(bool ready) { ready_ = ready; }
  void DropRows() {
    const Lock lock(mutex_);
    drops_rows_ = true;
  }
  void AwaitBatches(std::size_t count) {
    const Lock lock(mutex_);
    while (batches_.size() < count) changed_.Wait(mutex_);
  }
  std::vector<std::vector<float>> batches() {
    const Lock lock(mutex_);
    return batches_;
  }

 private:
  const float factor_;
  std::atomic<bool> ready_{true};
  Mutex mutex_;
  CondVar changed_;
  bool held_ MW_GUARDED_BY(mutex_) = false;
  bool drops_rows_ MW_GUARDED_BY(mutex_) = false;
  std::set<float> poison_ MW_GUARDED_BY(mutex_);
  Code poison_code_ MW_GUARDED_BY(mutex_) = Code::kUnavailable;
  std::vector<std::vector<float>> batches_ MW_GUARDED_BY(mutex_);
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(float factor = 2, std::size_t workers = 1) {
    for (std::size_t i = 0; i < workers; ++i) fakes.push_back(std::make_unique<FakeRunner>(factor));
  }
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Runner*> runners() override {
    std::vector<Runner*> all;
    for (const auto& fake : fakes) all.push_back(fake.get());
    return all;
  }
  BackendInfo info_;
  std::vector<std::unique_ptr<FakeRunner>> fakes;
};

class BatcherTest : public ::testing::Test {
 protected:
  std::unique_ptr<BatchQueue> Add(Backend& backend, const BatchSettings& settings = {}) {
    auto queue = batcher_.Add(backend, "m", "1", settings, CostModel{});
    EXPECT_TRUE(queue.ok());
    return std::move(*queue);
  }
  struct Sent {
    tl::expected<BatchTicket, Rejection> ticket;
    std::future<BatchAnswer> answer;
  };
  Sent Send(BatchQueue& queue, const std::vector<float>& values, Duration deadline = kNoDeadline,
            std::size_t priority = kBatchPriorityDefault) {
    auto promise = std::make_shared<std::promise<BatchAnswer>>();
    auto answer = promise->get_future();
    BatchJob job;
    job.inputs = std::make_shared<const TensorList>(Numbers(values));
    job.rows = values.size();
    job.deadline = deadline;
    job.priority = priority;
    job.done = [promise](BatchAnswer given) { promise->set_value(std::move(given)); };
    return Sent{queue.Submit(std::move(job)), std::move(answer)};
  }
  static Code CodeOf(Sent& sent) {
    const BatchAnswer answer = sent.answer.get();
    return answer.outputs.ok() ? Code{} : answer.outputs.error().code;
  }

  RealClock clock_;
  MetricsRegistry registry_;
  Batcher batcher_{clock_, registry_, 2};
};

// One job, one batch, its answer.
TEST_F(BatcherTest, AnswersOneJob) {
  FakeBackend backend;
  const auto queue = Add(backend);
  auto sent = Send(*queue, {1, 2, 3});
  ASSERT_TRUE(sent.ticket.has_value());
  const BatchAnswer answer = sent.answer.get();
  ASSERT_TRUE(answer.outputs.ok());
  EXPECT_EQ(ValuesOf(*answer.outputs), (std::vector<float>{3, 5, 7}));
  EXPECT_EQ(answer.batch_rows, 3U);
}

// What came while the worker was busy is joined, and each gets its own rows.
TEST_F(BatcherTest, JoinsWhatQueued) {
  FakeBackend backend;
  const auto queue = Add(backend);
  backend.fakes[0]->Hold(true);
  auto first = Send(*queue, {1});
  backend.fakes[0]->AwaitBatches(1);
  auto second = Send(*queue, {2, 3}), third = Send(*queue, {}), fourth = Send(*queue, {4});
  backend.fakes[0]->Hold(false);
  EXPECT_EQ(ValuesOf(*first.answer.get().outputs), (std::vector<float>{3}));
  EXPECT_EQ(ValuesOf(*second.answer.get().outputs), (std::vector<float>{5, 7}));
  EXPECT_EQ(ValuesOf(*third.answer.get().outputs), std::vector<float>{});
  EXPECT_EQ(ValuesOf(*fourth.answer.get().outputs), (std::vector<float>{9}));
  EXPECT_EQ(backend.fakes[0]->batches(), (std::vector<std::vector<float>>{{1}, {2, 3, 4}}));
  EXPECT_EQ(queue->metrics().batch_rows.Sum(), 4);
}

// A request that kills the worker does not take its neighbours down: they are run again, alone.
TEST_F(BatcherTest, APoisonousRequestFailsAlone) {
  for (const Code code : {Code::kUnavailable, Code::kInvalidArgument, Code::kDeadlineExceeded}) {
    FakeBackend backend;
    const auto queue = Add(backend);
    backend.fakes[0]->Poison(13, code);
    backend.fakes[0]->Hold(true);
    auto before = Send(*queue, {0});
    backend.fakes[0]->AwaitBatches(1);
    auto left = Send(*queue, {1}), poison = Send(*queue, {13}), right = Send(*queue, {2});
    backend.fakes[0]->Hold(false);
    EXPECT_EQ(CodeOf(before), Code{});
    EXPECT_EQ(ValuesOf(*left.answer.get().outputs), (std::vector<float>{3}));
    EXPECT_EQ(CodeOf(poison), code);
    EXPECT_EQ(ValuesOf(*right.answer.get().outputs), (std::vector<float>{5}));
    EXPECT_EQ(backend.fakes[0]->batches(), (std::vector<std::vector<float>>{{0}, {1, 13, 2}, {1}, {13}, {2}}));
  }
}

// Jobs wait for a worker that pauses between two starts: a neighbour of one that killed it twice is answered.
TEST_F(BatcherTest, AWorkerThatPausesIsWaitedFor) {
  FakeBackend backend;
  const auto queue = Add(backend);
  FakeRunner& fake = *backend.fakes[0];
  fake.Poison(13, Code::kUnavailable);
  fake.SetReady(false);
  auto poison = Send(*queue, {13});
  fake.AwaitBatches(1);
  auto right = Send(*queue, {2});
  EXPECT_EQ(right.answer.wait_for(milliseconds(50)), std::future_status::timeout);
  EXPECT_EQ(fake.batches().size(), 1U);
  fake.SetReady(true);
  EXPECT_EQ(ValuesOf(*right.answer.get().outputs), (std::vector<float>{5}));
  EXPECT_EQ(CodeOf(poison), Code::kUnavailable);
}

// But not for ever: then everybody is told at once.
TEST_F(BatcherTest, AModelThatIsDownSaysSo) {
  FakeBackend backend;
  const auto queue = Add(backend);
  backend.fakes[0]->Poison(13, Code::kUnavailable);
  backend.fakes[0]->SetReady(false);
  auto poison = Send(*queue, {13}), waiting = Send(*queue, {1});
  EXPECT_EQ(CodeOf(poison), Code::kUnavailable);
  EXPECT_EQ(CodeOf(waiting), Code::kUnavailable);
  const auto refused = Send(*queue, {2});
  ASSERT_FALSE(refused.ticket.has_value());
  EXPECT_EQ(refused.ticket.error().error.code, Code::kUnavailable);
  EXPECT_GT(refused.ticket.error().retry_after, Duration(0));
  backend.fakes[0]->SetReady(true);
  for (bool accepted = false; !accepted;) {
    auto sent = Send(*queue, {3});
    accepted = sent.ticket.has_value();
    if (!accepted) continue;
    EXPECT_EQ(ValuesOf(*sent.answer.get().outputs), (std::vector<float>{7}));
  }
}

// A model that gives fewer rows than it took is run one by one; nobody gets another's row.
TEST_F(BatcherTest, AModelThatDropsRowsIsNotBatched) {
  FakeBackend backend;
  const auto queue = Add(backend);
  backend.fakes[0]->DropRows();
  backend.fakes[0]->Hold(true);
  auto first = Send(*queue, {1});
  backend.fakes[0]->AwaitBatches(1);
  auto second = Send(*queue, {2}), third = Send(*queue, {3});
  backend.fakes[0]->Hold(false);
  EXPECT_EQ(ValuesOf(*first.answer.get().outputs), (std::vector<float>{3}));
  EXPECT_EQ(ValuesOf(*second.answer.get().outputs), (std::vector<float>{5}));
  EXPECT_EQ(ValuesOf(*third.answer.get().outputs), (std::vector<float>{7}));
}

// While a worker hangs, its clients are told as their deadlines pass, running or queued.
TEST_F(BatcherTest, DeadlinesAreKeptWhileAWorkerHangs) {
  FakeBackend backend;
  const auto queue = Add(backend);
  backend.fakes[0]->Hold(true);
  const Duration soon = clock_.Elapsed() + milliseconds(30);
  auto running = Send(*queue, {1}, soon);
  backend.fakes[0]->AwaitBatches(1);
  auto queued = Send(*queue, {2}, soon);
  EXPECT_EQ(CodeOf(running), Code::kDeadlineExceeded);
  EXPECT_EQ(CodeOf(queued), Code::kDeadlineExceeded);
  EXPECT_GE(clock_.Elapsed(), soon);
  const auto late = Send(*queue, {3}, clock_.Elapsed());
  EXPECT_EQ(late.ticket.error().error.code, Code::kDeadlineExceeded);
  backend.fakes[0]->Hold(false);
  EXPECT_EQ(ValuesOf(*Send(*queue, {4}).answer.get().outputs), (std::vector<float>{9}));
  EXPECT_EQ(backend.fakes[0]->batches(), (std::vector<std::vector<float>>{{1}, {4}})) << "2 was never run";
  EXPECT_EQ(queue->metrics().expired.Value(), 3U);
}

// A client that has gone is answered at once and not run.
TEST_F(BatcherTest, ACancelledJobIsSkipped) {
  FakeBackend backend;
  const auto queue = Add(backend);
  backend.fakes[0]->Hold(true);
  auto running = Send(*queue, {1});
  backend.fakes[0]->AwaitBatches(1);
  auto queued = Send(*queue, {2}), next = Send(*queue, {3});
  queue->Cancel(*queued.ticket);
  queue->Cancel(*running.ticket);
  queue->Cancel(*running.ticket);
  EXPECT_EQ(CodeOf(queued), Code::kCancelled);
  EXPECT_EQ(CodeOf(running), Code::kCancelled);
  backend.fakes[0]->Hold(false);
  EXPECT_EQ(CodeOf(next), Code{});
  EXPECT_EQ(backend.fakes[0]->batches(), (std::vector<std::vector<float>>{{1}, {3}}));
  queue->Cancel(*next.ticket);
  EXPECT_EQ(queue->metrics().cancelled.Value(), 2U);
}

// A full queue says when to come back; a job of a higher priority takes the place of one of a lower.
TEST_F(BatcherTest, AFullQueueRefuses) {
  BatchSettings settings;
  settings.queue_rows_max = 2;
  FakeBackend backend;
  const auto queue = Add(backend, settings);
  backend.fakes[0]->Hold(true);
  auto running = Send(*queue, {1});
  backend.fakes[0]->AwaitBatches(1);
  auto low = Send(*queue, {2, 3}, kNoDeadline, 3);
  const auto refused = Send(*queue, {4}, kNoDeadline, 3), too_large = Send(*queue, {1, 2, 3});
  ASSERT_FALSE(refused.ticket.has_value());
  EXPECT_EQ(refused.ticket.error().error.code, Code::kUnavailable);
  EXPECT_GT(refused.ticket.error().retry_after, Duration(0));
  EXPECT_EQ(too_large.ticket.error().error.code, Code::kInvalidArgument);
  auto urgent = Send(*queue, {5}, kNoDeadline, 0);
  EXPECT_EQ(CodeOf(low), Code::kUnavailable);
  EXPECT_EQ(queue->Look().queued_rows, 1U);
  backend.fakes[0]->Hold(false);
  EXPECT_EQ(ValuesOf(*urgent.answer.get().outputs), (std::vector<float>{11}));
  EXPECT_EQ(CodeOf(running), Code{});
  const std::string text = registry_.Expose();
  EXPECT_NE(text.find(R"(millwright_inference_rejections_total{model="m",version="1",reason="queue_full"} 1)"),
            std::string::npos)
      << text;
}

// A version that goes answers what it has, and takes nothing more.
TEST_F(BatcherTest, CloseDrains) {
  FakeBackend backend;
  const auto queue = Add(backend);
  std::vector<Sent> sent;
  for (int i = 0; i < 100; ++i) sent.push_back(Send(*queue, {static_cast<float>(i)}));
  queue->Close();
  for (Sent& one : sent) {
    ASSERT_EQ(one.answer.wait_for(seconds(0)), std::future_status::ready);
    EXPECT_EQ(CodeOf(one), Code{});
  }
  EXPECT_EQ(Send(*queue, {1}).ticket.error().error.code, Code::kUnavailable);
  queue->Cancel(*sent[0].ticket);
  EXPECT_EQ(queue->Look().queued_rows, 0U);
}

// What cannot be drained within the bound is given up, so that nobody waits for an answer for ever.
TEST_F(BatcherTest, CloseGivesUpAfterItsBound) {
  BatchSettings settings;
  settings.drain_max = milliseconds(20);
  FakeBackend backend;
  auto queue = Add(backend, settings);
  backend.fakes[0]->Hold(true);
  auto running = Send(*queue, {1});
  backend.fakes[0]->AwaitBatches(1);
  auto queued = Send(*queue, {2});
  std::thread closer([&] { queue.reset(); });
  EXPECT_EQ(CodeOf(running), Code::kUnavailable);
  EXPECT_EQ(CodeOf(queued), Code::kUnavailable);
  backend.fakes[0]->Hold(false);
  closer.join();
}

// `done` may submit again, as a client does that waited for its answer.
TEST_F(BatcherTest, DoneMaySubmit) {
  FakeBackend backend;
  const auto queue = Add(backend);
  std::promise<float> last;
  std::function<void(float, int)> chain = [&](float value, int left) {
    BatchJob job;
    job.inputs = std::make_shared<const TensorList>(Numbers({value}));
    job.done = [&, left](BatchAnswer answer) {
      const float next = ValuesOf(*answer.outputs)[0];
      left == 0 ? last.set_value(next) : chain(next, left - 1);
    };
    ASSERT_TRUE(queue->Submit(std::move(job)).has_value());
  };
  chain(0, 9);
  EXPECT_EQ(last.get_future().get(), 1023);
}

// 100,000 jobs of random sizes and priorities from 8 threads over 4 models of one or two workers, some of them
// poisonous: each gets its own answer.
TEST_F(BatcherTest, EachAnswerEqualsItsOwnSingleAnswer) {
  std::vector<std::unique_ptr<FakeBackend>> backends;
  std::vector<std::unique_ptr<BatchQueue>> queues;
  BatchSettings settings;
  settings.queue_rows_max = 2000;
  settings.batch_rows_max = 64;
  settings.drain_max = seconds(200);
  for (int i = 0; i < 4; ++i) {
    backends.push_back(std::make_unique<FakeBackend>(static_cast<float>(i + 2), 1 + static_cast<std::size_t>(i) % 2));
    for (const auto& fake : backends.back()->fakes) fake->Poison(-1, Code::kUnavailable);
    queues.push_back(Add(*backends.back(), settings));
  }
  constexpr int kThreads = 8, kJobs = 12'500;
  std::atomic<std::uint64_t> right{0}, wrong{0}, poisoned{0}, shed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<std::uint64_t>(t + 1));
      for (int i = 0; i < kJobs; ++i) {
        const std::size_t model = random.Below(4);
        std::vector<float> values(random.Below(5));
        for (float& value : values) value = static_cast<float>(random.Below(1'000'000));
        const bool poison = random.Below(500) == 0;
        if (poison) values.push_back(-1);
        std::vector<float> expected = values;
        for (float& value : expected) value = static_cast<float>(model + 2) * value + 1;
        BatchJob job;
        job.inputs = std::make_shared<const TensorList>(Numbers(values));
        job.rows = values.size();
        job.priority = random.Below(kBatchPriorities);
        job.done = [&, poison, expected](BatchAnswer answer) {
          if (answer.outputs.ok()) {
            ++(ValuesOf(*answer.outputs) == expected && !poison ? right : wrong);
          } else if (answer.outputs.error().message == "poison") {
            ++(poison ? poisoned : wrong);
          } else {
            ++shed;
          }
        };
        while (!queues[model]->Submit(job).has_value()) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& queue : queues) queue->Close();
  EXPECT_EQ(right + poisoned + shed, std::uint64_t{kThreads} * kJobs);
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(poisoned, 0U);
  EXPECT_EQ(shed, queues[0]->metrics().shed.Value()) << "only to make room for jobs of a higher priority";
  EXPECT_GT(right, 50'000U);
}

// Models come and go while others serve.
TEST_F(BatcherTest, ModelsComeAndGo) {
  FakeBackend steady_backend;
  const auto steady = Add(steady_backend);
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::thread traffic([&] {
    while (!stop) {
      auto sent = Send(*steady, {1});
      if (CodeOf(sent) == Code{}) ++answered;
    }
  });
  for (int round = 0; round < 50 || answered < 50; ++round) {
    FakeBackend backend(3, 2);
    const auto queue = Add(backend);
    std::vector<Sent> sent;
    for (int i = 0; i < 20; ++i) sent.push_back(Send(*queue, {1}));
    for (Sent& one : sent) EXPECT_EQ(ValuesOf(*one.answer.get().outputs), (std::vector<float>{4}));
  }
  stop = true;
  traffic.join();
  EXPECT_GE(answered, 50);
}

}  // namespace
}  // namespace mw::serving
