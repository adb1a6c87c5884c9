// The decisions of batching, one sentence each.
#include "serving/batching.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace mw::serving {
namespace {

using std::chrono::milliseconds;

Duration Ms(int ms) { return milliseconds(ms); }

/// 1 ms a batch and 1 ms a row.
constexpr CostModel kMsCost{1000, 1000};

struct SubmitCase {
  const char* says;
  QueueState queue;
  JobFacts job;
  Refusal refusal;
  bool shed_below = false;
  Duration retry_after{0};
};

JobFacts Rows(std::size_t rows, Duration deadline = kNoDeadline) {
  JobFacts job;
  job.rows = rows;
  job.deadline = deadline;
  job.join_key = 1;
  return job;
}

QueueState Waiting(std::size_t rows, std::size_t below = 0) {
  QueueState queue;
  queue.rows = rows;
  queue.rows_below = below;
  return queue;
}

QueueState Idle() {
  QueueState queue;
  queue.idle = true;
  return queue;
}

QueueState Busy(Duration until_free, double lanes = 1) {
  QueueState queue = Waiting(100);
  queue.until_free = until_free;
  queue.lanes = lanes;
  return queue;
}

TEST(DecideSubmit, Table) {
  BatchSettings settings;
  settings.batch_rows_max = 10;
  settings.queue_rows_max = 200;
  const Duration now = Ms(1000);
  // 100 rows ahead are 10 batches of 11 ms, and the next will be full: 121 ms, with the reserve 133.1 ms.
  const std::vector<SubmitCase> cases = {
      {"An idle model accepts.", Idle(), Rows(1), Refusal::kNone},
      {"An idle model accepts even what is predicted to be late, to learn.", Idle(), Rows(50, now + Ms(1)),
       Refusal::kNone},
      {"A deadline that has passed is refused, idle or not.", Idle(), Rows(1, now), Refusal::kExpired},
      {"A job larger than the queue is refused for good.", Idle(), Rows(201), Refusal::kTooLarge},
      {"A queue that the job just fits in accepts it.", Waiting(199), Rows(1), Refusal::kNone},
      {"A full queue refuses, until a batch's time has passed.", Waiting(200), Rows(10), Refusal::kQueueFull, false,
       Ms(11)},
      {"No client is told to return within less than 10 ms.", Waiting(200), Rows(1), Refusal::kQueueFull, false,
       Ms(10)},
      {"Where jobs of lower priority fill the queue, they make room.", Waiting(200, 5), Rows(5), Refusal::kNone, true},
      {"Where there are too few of them, nobody goes.", Waiting(200, 5), Rows(50), Refusal::kQueueFull, false, Ms(55)},
      {"121 ms are predicted: a deadline in 134 ms is accepted.", Busy(Ms(0)), Rows(1, now + Ms(134)), Refusal::kNone},
      {"A deadline in 100 ms is refused, with the time that is lacking.", Busy(Ms(0)), Rows(1, now + Ms(100)),
       Refusal::kTooLate, false, Duration(33'100)},
      {"What the worker is still busy with comes on top.", Busy(Ms(20)), Rows(1, now + Ms(134)), Refusal::kTooLate,
       false, Duration(21'100)},
      {"Two workers halve the wait.", Busy(Ms(0), 2), Rows(1, now + Ms(73)), Refusal::kNone},
      {"Half a compute slot doubles it.", Busy(Ms(0), 0.5), Rows(1, now + Ms(200)), Refusal::kTooLate, false,
       Duration(54'100)},
      {"Rows of lower priority are not waited for.", Waiting(100, 100), Rows(1, now + Ms(3)), Refusal::kNone},
      {"Rows that the job will share a batch with cost no batch of their own.", Waiting(5), Rows(1, now + Ms(8)),
       Refusal::kNone},
      {"Without a deadline any wait will do.", Busy(Ms(60'000)), Rows(1), Refusal::kNone},
  };
  for (const SubmitCase& c : cases) {
    const SubmitDecision decision = DecideSubmit(c.queue, c.job, now, settings, kMsCost);
    EXPECT_EQ(decision.refusal, c.refusal) << c.says;
    EXPECT_EQ(decision.shed_below, c.shed_below) << c.says;
    EXPECT_EQ(decision.retry_after, c.retry_after) << c.says;
  }
}

// Bytes bound a queue as rows do.
TEST(DecideSubmit, BytesBoundTheQueue) {
  BatchSettings settings;
  settings.queue_bytes_max = 1000;
  QueueState queue = Waiting(1);
  queue.bytes = 900;
  JobFacts job = Rows(1);
  job.bytes = 100;
  EXPECT_EQ(DecideSubmit(queue, job, Ms(0), settings, kMsCost).refusal, Refusal::kNone);
  job.bytes = 101;
  EXPECT_EQ(DecideSubmit(queue, job, Ms(0), settings, kMsCost).refusal, Refusal::kQueueFull);
  queue.bytes_below = 1;
  EXPECT_TRUE(DecideSubmit(queue, job, Ms(0), settings, kMsCost).shed_below);
  job.bytes = 1001;
  EXPECT_EQ(DecideSubmit(queue, job, Ms(0), settings, kMsCost).refusal, Refusal::kTooLarge);
}

// A model of which nothing is known refuses nobody for being late.
TEST(DecideSubmit, NothingIsPredictedOfAnUnknownModel) {
  EXPECT_EQ(DecideSubmit(Waiting(1000), Rows(1, Ms(1)), Ms(0), {}, {}).refusal, Refusal::kNone);
}

JobFacts With(JobFacts job, std::size_t priority, std::uint64_t join_key) {
  job.priority = priority;
  job.join_key = join_key;
  return job;
}

std::vector<std::size_t> Chosen(const std::vector<JobFacts>& queue, const BatchSettings& settings) {
  std::size_t waiting = 0;
  for (const JobFacts& job : queue) waiting += job.rows;
  BatchChooser chooser(settings, kMsCost, Duration(0), waiting);
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const auto answer = chooser.Offer(queue[i]);
    if (answer == BatchChooser::Answer::kFull) break;
    if (answer == BatchChooser::Answer::kTaken) chosen.push_back(i);
  }
  return chosen;
}

TEST(BatchChooser, Table) {
  BatchSettings settings;
  settings.batch_rows_max = 10;
  struct Case {
    const char* says;
    std::vector<JobFacts> queue;
    std::vector<std::size_t> chosen;
  };
  const JobFacts alone = With(Rows(1), 1, 0);
  const std::vector<Case> cases = {
      {"What queued is one batch.", {Rows(1), Rows(3), Rows(6)}, {0, 1, 2}},
      {"It has at most the rows that a batch may have.", {Rows(5), Rows(6), Rows(1)}, {0}},
      {"A job larger than a batch runs alone.", {Rows(11), Rows(1)}, {0}},
      {"Jobs of another shape are passed over.", {Rows(1), With(Rows(1), 1, 2), Rows(1)}, {0, 2}},
      {"A job that joins nobody runs alone.", {alone, alone}, {0}},
      {"And is passed over by the others.", {Rows(1), alone, Rows(1)}, {0, 2}},
      {"Jobs of lower priority do not lengthen the batch of those of a higher one.",
       {Rows(1), With(Rows(1), 2, 1)},
       {0}},
      {"A batch grows until its first deadline, 6 ms for 5 rows.", {Rows(2, Ms(6)), Rows(3), Rows(1)}, {0, 1}},
      {"A member that joins later brings its deadline.", {Rows(2), Rows(1, Ms(4)), Rows(1)}, {0, 1}},
      {"A member is not made late for one that the next batch can serve.", {Rows(2, Ms(3)), Rows(2, Ms(6))}, {0}},
      {"When one of two has to be late, both run.", {Rows(2, Ms(3)), Rows(2, Ms(5))}, {0, 1}},
      {"And the next deadline counts.", {Rows(2, Ms(3)), Rows(2, Ms(5)), Rows(1)}, {0, 1}},
      {"A deadline that is missed already bounds nothing.", {Rows(2, Ms(1)), Rows(3), Rows(1)}, {0, 1, 2}},
      {"A job without any hope joins where it makes nobody late.", {Rows(2), Rows(3, Ms(1)), Rows(1)}, {0, 1, 2}},
  };
  for (const Case& c : cases) EXPECT_EQ(Chosen(c.queue, settings), c.chosen) << c.says;
}

TEST(BatchChooser, BytesBoundABatch) {
  BatchSettings settings;
  settings.batch_bytes_max = 100;
  JobFacts job = Rows(1);
  job.bytes = 50;
  EXPECT_EQ(Chosen({job, job, job}, settings).size(), 2U);
}

TEST(NextTurn, Table) {
  const ModelTurn off{};
  const auto on = [](std::size_t priority, int served_ms) { return ModelTurn{true, priority, Ms(served_ms)}; };
  struct Case {
    const char* says;
    std::vector<ModelTurn> models;
    std::size_t last;
    std::optional<std::size_t> next;
  };
  const std::vector<Case> cases = {
      {"Without models there is no turn.", {}, 0, std::nullopt},
      {"Nobody is ready.", {off, off}, 0, std::nullopt},
      {"Equal models take turns.", {on(1, 5), on(1, 5), on(1, 5)}, 0, 1},
      {"After the last comes the first.", {on(1, 5), on(1, 5), on(1, 5)}, 2, 0},
      {"One alone has every turn.", {off, on(1, 500), off}, 1, 1},
      {"Who had less compute time comes first.", {on(1, 5), on(1, 9), on(1, 4)}, 0, 2},
      {"A more urgent job comes before any of that.", {on(1, 5), on(0, 999), on(1, 4)}, 1, 1},
      {"Between urgent ones, time decides again.", {on(0, 5), on(0, 3), on(1, 0)}, 0, 1},
  };
  for (const Case& c : cases) EXPECT_EQ(NextTurn(c.models, c.last), c.next) << c.says;
}

TEST(RunsAgain, Table) {
  struct Case {
    const char* says;
    Code code;
    std::size_t jobs;
    bool retried;
    Duration deadline;
    bool again;
  };
  const std::vector<Case> cases = {
      {"Members of a batch that a worker died of run alone.", Code::kUnavailable, 2, false, kNoDeadline, true},
      {"One job is tried once more when the worker died.", Code::kUnavailable, 1, false, kNoDeadline, true},
      {"But once.", Code::kUnavailable, 1, true, kNoDeadline, false},
      {"A bad value of one is not its neighbours' fault.", Code::kInvalidArgument, 2, false, kNoDeadline, true},
      {"A job alone has its own error.", Code::kInvalidArgument, 1, false, kNoDeadline, false},
      {"One that hangs is not run again, but its neighbours are.", Code::kDeadlineExceeded, 1, false, kNoDeadline,
       false},
      {"Nothing runs after its deadline.", Code::kUnavailable, 2, false, Ms(10), false},
      {"Up to the deadline it does.", Code::kUnavailable, 2, false, Ms(11), true},
  };
  for (const Case& c : cases) EXPECT_EQ(RunsAgain(c.code, c.jobs, c.retried, c.deadline, Ms(10)), c.again) << c.says;
}

// A slow model keeps its slot for as long as its batches take, a hanging one loses it.
TEST(SlotPatience, IsAMultipleOfThePrediction) {
  EXPECT_EQ(SlotPatience(Ms(1)), Ms(100));
  EXPECT_EQ(SlotPatience(Ms(1000)), Ms(4000));
}

}  // namespace
}  // namespace mw::serving
