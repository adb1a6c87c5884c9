// The schedule in simulated time: who runs when, who is refused, who comes too late. No threads, no clock.
#include "serving/batch_schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace mw::serving {
namespace {

Duration Ms(std::int64_t ms) { return std::chrono::milliseconds(ms); }
Duration Us(std::int64_t us) { return Duration(us); }

constexpr std::uint64_t kKey = 1;

JobPointer NewJob(ModelId model, std::size_t rows = 1, Duration deadline = kNoDeadline,
                  std::size_t priority = kBatchPriorityDefault) {
  auto job = std::make_shared<Job>();
  job->model = model;
  job->facts.rows = rows;
  job->facts.deadline = deadline;
  job->facts.priority = priority;
  job->facts.join_key = kKey;
  return job;
}

/// Workers that take exactly what their model's true cost says, and everything that happened.
class Simulation {
 public:
  explicit Simulation(std::size_t slots) : schedule(slots) {}

  ModelId AddModel(const CostModel& truth, const CostModel& believed, std::size_t workers = 1,
                   const BatchSettings& settings = {}) {
    truth_.push_back(truth);
    seen.emplace_back();
    return schedule.Add(settings, believed, workers, true);
  }
  ModelId AddModel(const CostModel& truth) { return AddModel(truth, truth); }

  Refusal Submit(const JobPointer& job) {
    const SubmitDecision decision = schedule.Submit(job, now, shed);
    ++(decision.refusal == Refusal::kNone ? seen[job->model].accepted : seen[job->model].refused);
    Dispatch();
    return decision.refusal;
  }
  void At(Duration at, std::function<void()> what) { events_.emplace(at, std::move(what)); }
  /// From now on batches take from 1 - by to 1 + by times what they should.
  void Jitter(double by) { jitter_ = by; }
  /// Jobs of one model, `rows` each, from now on at even distances.
  void Load(ModelId model, double jobs_per_second, Duration until, Duration slack = kNoDeadline,
            std::size_t priority = kBatchPriorityDefault, std::size_t rows = 1) {
    const auto count = static_cast<std::int64_t>(jobs_per_second * std::chrono::duration<double>(until - now).count());
    for (std::int64_t i = 0; i < count; ++i) {
      const Duration at = now + Duration(static_cast<std::int64_t>(static_cast<double>(i) * 1e6 / jobs_per_second));
      At(at, [=, this] { Submit(NewJob(model, rows, slack == kNoDeadline ? slack : now + slack, priority)); });
    }
  }
  void Run(Duration until) {
    for (;;) {
      const Duration event = events_.empty() ? kNoDeadline : events_.begin()->first;
      const Duration next = std::min(event, schedule.NextEvent());
      if (next > until) break;
      now = std::max(now, next);
      if (event <= schedule.NextEvent()) {
        auto what = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        what();
      } else {
        schedule.Sweep(now, expired, hopeless);
        Dispatch();
      }
    }
    now = until;
  }

  struct Seen {
    std::size_t accepted = 0, refused = 0, answered = 0, late = 0, batches = 0, rows = 0;
    Duration computed{0}, wait_max{0};
  };
  BatchSchedule schedule;
  Duration now{0};
  std::vector<Seen> seen;  // by model
  std::vector<JobPointer> shed, expired, hopeless;
  std::vector<std::pair<Duration, JobPointer>> order;  // answered jobs
  std::map<ModelId, Duration> hangs;                   // models whose batches take so long instead

 private:
  void Dispatch() {
    while (const auto grant = schedule.NextGrant(now)) Begin(*grant);
  }
  void Begin(BatchSchedule::Grant grant) {
    const auto& jobs = schedule.Take(grant, now, expired);
    std::size_t rows = 0;
    for (const JobPointer& job : jobs) {
      rows += job->facts.rows;
      seen[grant.model].wait_max = std::max(seen[grant.model].wait_max, now - job->facts.submitted);
    }
    const auto hang = hangs.find(grant.model);
    const Duration took = jobs.empty()          ? Duration(0)
                          : hang == hangs.end() ? Jittered(truth_[grant.model].Predict(rows))
                                                : hang->second;
    At(now + took, [=, this, &jobs] { End(grant, jobs, rows, took); });
  }
  void End(BatchSchedule::Grant grant, const std::vector<JobPointer>& jobs, std::size_t rows, Duration took) {
    Seen& of = seen[grant.model];
    for (const JobPointer& job : jobs) {
      if (!job->Claim()) continue;
      ++of.answered;
      of.late += job->facts.deadline < now;
      order.emplace_back(now, job);
    }
    ++of.batches;
    of.rows += rows;
    of.computed += took;
    schedule.Finish(grant, now, took);
    Dispatch();
  }

  Duration Jittered(Duration took) {
    const double factor = 1 + jitter_ * (2 * random_.Uniform() - 1);
    return Duration(static_cast<std::int64_t>(static_cast<double>(took.count()) * factor));
  }

  Random random_{1};
  double jitter_ = 0;
  std::vector<CostModel> truth_;
  std::multimap<Duration, std::function<void()>> events_;
};

// Nobody waits while a worker is idle: a job alone is a batch alone.
TEST(BatchSchedule, IsWorkConserving) {
  Simulation sim(2);
  const ModelId model = sim.AddModel({1000, 100});
  sim.Load(model, 100, Ms(1000));
  sim.Run(Ms(2000));
  EXPECT_EQ(sim.seen[model].answered, 100U);
  EXPECT_EQ(sim.seen[model].batches, 100U);
  EXPECT_EQ(sim.seen[model].wait_max, Ms(0));
}

// What comes while the worker is busy is the next batch, so a model keeps up with far more than one by one.
TEST(BatchSchedule, ABatchIsWhatCameMeanwhile) {
  Simulation sim(1);
  const ModelId model = sim.AddModel({1000, 10});
  sim.Load(model, 20'000, Ms(1000));  // one by one it would manage 990 a second
  sim.Run(Ms(2000));
  EXPECT_EQ(sim.seen[model].answered, 20'000U);
  EXPECT_LE(sim.seen[model].wait_max, Us(1500));
  EXPECT_GT(sim.seen[model].rows / sim.seen[model].batches, 15U);
}

// A model with ten times the work that it can do does not slow the others: they wait for a batch or two of it.
TEST(BatchSchedule, ABusyModelStarvesNobody) {
  BatchSettings settings;
  settings.batch_rows_max = 64;
  Simulation sim(2);
  const ModelId busy = sim.AddModel({1000, 100}, {1000, 100}, 2, settings);
  std::vector<ModelId> others;
  for (int i = 0; i < 3; ++i) others.push_back(sim.AddModel({500, 100}));
  sim.Load(busy, 170'000, Ms(1000));
  for (const ModelId other : others) sim.Load(other, 200, Ms(1000));
  sim.Run(Ms(1000));
  for (const ModelId other : others) {
    EXPECT_EQ(sim.seen[other].accepted, 200U);
    EXPECT_GE(sim.seen[other].answered, 199U);
    EXPECT_LE(sim.seen[other].wait_max, Ms(9)) << "a batch of 64 rows takes 7.4 ms";
  }
  EXPECT_GT(sim.seen[busy].computed, Ms(1500)) << "what the others leave is the busy one's";
}

// Two models that want everything share the compute time in halves, though a batch of one takes 20 times the other's.
TEST(BatchSchedule, TurnsAreMeasuredInTime) {
  BatchSettings one_row;
  one_row.batch_rows_max = 1;
  Simulation sim(1);
  const ModelId quick = sim.AddModel({1000, 0}, {1000, 0}, 1, one_row);
  const ModelId slow = sim.AddModel({20'000, 0}, {20'000, 0}, 1, one_row);
  sim.Load(quick, 2000, Ms(2000));
  sim.Load(slow, 200, Ms(2000));
  sim.Run(Ms(2000));
  EXPECT_NEAR(static_cast<double>(sim.seen[quick].computed.count()), 1e6, 5e4);
  EXPECT_NEAR(static_cast<double>(sim.seen[slow].computed.count()), 1e6, 5e4);
}

// An idle model saves up no time: when it wakes up, the others keep their share.
TEST(BatchSchedule, IdlenessIsNoCredit) {
  BatchSettings one_row;
  one_row.batch_rows_max = 1;
  Simulation sim(1);
  const ModelId steady = sim.AddModel({1000, 0}, {1000, 0}, 1, one_row);
  const ModelId late = sim.AddModel({1000, 0}, {1000, 0}, 1, one_row);
  sim.Load(steady, 2000, Ms(4000));
  sim.Run(Ms(3000));
  const Duration before = sim.seen[steady].computed;
  sim.Load(late, 2000, Ms(4000));
  sim.Run(Ms(4000));
  EXPECT_NEAR(static_cast<double>((sim.seen[steady].computed - before).count()), 5e5, 2e4);
}

// An urgent job waits for what runs, never for what queued before it; the least urgent ones get what is left.
TEST(BatchSchedule, PrioritiesComeFirst) {
  BatchSettings settings;
  settings.batch_rows_max = 16;
  Simulation sim(1);
  const ModelId model = sim.AddModel({1000, 100}, {1000, 100}, 1, settings);
  sim.Load(model, 20'000, Ms(1000), kNoDeadline, 3);
  sim.Run(Ms(200));
  std::vector<JobPointer> urgent;
  for (int i = 0; i < 100; ++i) {
    sim.At(Ms(200 + 5 * i), [&] { sim.Submit(urgent.emplace_back(NewJob(model, 1, kNoDeadline, 0))); });
  }
  sim.Run(Ms(1000));
  std::size_t answered = 0;
  for (const auto& [at, job] : sim.order) {
    if (job->facts.priority != 0) continue;
    ++answered;
    EXPECT_LE(at - job->facts.submitted, Us(2600 + 1100));
  }
  EXPECT_EQ(answered, 100U);
  EXPECT_GT(sim.order.size(), 3000U);
}

// First in, first out within a priority.
TEST(BatchSchedule, IsFifoWithinAPriority) {
  BatchSettings settings;
  settings.batch_rows_max = 3;
  Simulation sim(1);
  const ModelId model = sim.AddModel({100, 10}, {100, 10}, 1, settings);
  sim.Load(model, 50'000, Ms(100));
  sim.Run(Ms(1000));
  ASSERT_GT(sim.order.size(), 1000U);
  for (std::size_t i = 1; i < sim.order.size(); ++i) {
    EXPECT_LE(sim.order[i - 1].second->facts.submitted, sim.order[i].second->facts.submitted);
  }
}

// At three times its capacity a model answers what it accepts in time, and does nearly as much as ever.
TEST(BatchSchedule, UnderOverloadWhatIsAcceptedIsInTime) {
  BatchSettings settings;
  settings.batch_rows_max = 32;
  Simulation sim(1);
  const ModelId model = sim.AddModel({2000, 250}, {2000, 250}, 1, settings);  // 3,200 rows/s in batches of 32
  sim.Load(model, 9600, Ms(2000), Ms(100));
  sim.Run(Ms(3000));
  const auto& seen = sim.seen[model];
  EXPECT_EQ(seen.late, 0U);
  EXPECT_EQ(seen.answered + sim.expired.size(), seen.accepted);
  EXPECT_LT(static_cast<double>(sim.expired.size()), 0.02 * static_cast<double>(seen.accepted));
  EXPECT_GT(seen.answered, 6000U) << "of the 6,400 that two seconds have room for";
  EXPECT_GT(seen.refused, 12'000U);
}

// The same where predictions are never right: batches take from 0.6 to 1.4 times what they should, and the workers of
// three models that all have too much to do share two slots.
TEST(BatchSchedule, UnderOverloadPredictionsNeedNotBeRight) {
  BatchSettings settings;
  settings.batch_rows_max = 32;
  Simulation sim(2);
  std::vector<ModelId> models;
  for (const CostModel& cost : {CostModel{2000, 250}, CostModel{500, 100}, CostModel{5000, 50}}) {
    models.push_back(sim.AddModel(cost, cost, 2, settings));
  }
  sim.Jitter(0.4);
  for (const ModelId model : models) sim.Load(model, 12'000, Ms(2000), Ms(100));
  sim.Run(Ms(3000));
  std::size_t answered = 0, late = 0, accepted = 0;
  Duration computed{0};
  for (const ModelId model : models) {
    const auto& seen = sim.seen[model];
    EXPECT_GT(seen.refused, 0U);
    EXPECT_GT(seen.computed, Ms(1000)) << "its third of four seconds, nearly";
    answered += seen.answered;
    late += seen.late;
    accepted += seen.accepted;
    computed += seen.computed;
  }
  EXPECT_EQ(late, 0U) << "they are told at their deadlines";
  EXPECT_EQ(answered + sim.expired.size(), accepted);
  EXPECT_LT(static_cast<double>(sim.expired.size()), 0.15 * static_cast<double>(accepted)) << "with right ones 0.02";
  EXPECT_GT(computed, Ms(3900)) << "nobody idles";
}

// A prediction that is a hundred times too high corrects itself, though it refuses nearly everybody at first.
TEST(BatchSchedule, AWrongPredictionHeals) {
  Simulation sim(1);
  const ModelId model = sim.AddModel({1000, 10}, {100'000, 1000}, 1);
  sim.Load(model, 2000, Ms(2000), Ms(20));
  sim.Run(Ms(500));
  const std::size_t refused_early = sim.seen[model].refused;
  sim.Run(Ms(3000));
  EXPECT_GT(refused_early, 0U);
  EXPECT_EQ(sim.seen[model].refused, refused_early);
}

// A worker that hangs loses its slot, so the other models go on; its own jobs are told as their deadlines pass.
TEST(BatchSchedule, AHangingWorkerGivesItsSlotAway) {
  Simulation sim(1);
  const ModelId hanging = sim.AddModel({1000, 10});
  const ModelId other = sim.AddModel({1000, 10});
  sim.hangs[hanging] = Ms(30'000);
  sim.Load(hanging, 10, Ms(1000), Ms(200));
  sim.At(Ms(50), [&] { sim.Load(other, 100, Ms(2050)); });
  sim.Run(Ms(3000));
  EXPECT_EQ(sim.seen[other].answered, 200U);
  EXPECT_LE(sim.seen[other].wait_max, Ms(100));
  EXPECT_EQ(sim.expired.size(), sim.seen[hanging].accepted);
  EXPECT_EQ(sim.seen[hanging].answered, 0U);
}

// With a delay, a job waits for company, but no longer than that, and not when the batch is full.
TEST(BatchSchedule, ADelayIsKept) {
  BatchSettings settings;
  settings.delay = Ms(5);
  settings.batch_rows_max = 8;
  Simulation sim(1);
  const ModelId model = sim.AddModel({100, 0}, {100, 0}, 1, settings);
  sim.Submit(NewJob(model));
  sim.Run(Ms(3));
  sim.Submit(NewJob(model));
  sim.Run(Ms(10));
  ASSERT_EQ(sim.order.size(), 2U);
  EXPECT_EQ(sim.seen[model].batches, 1U);
  EXPECT_EQ(sim.order[0].first, Us(5100));
  for (int i = 0; i < 8; ++i) sim.Submit(NewJob(model));
  sim.Run(Ms(20));
  EXPECT_EQ(sim.order.back().first, Us(10'100));
  sim.Submit(NewJob(model));
  sim.schedule.Hurry(model);
  sim.Submit(NewJob(model));
  sim.Run(Ms(21));
  EXPECT_EQ(sim.order.back().first, Us(20'100));
}

// In a full queue the newest of the least urgent jobs make room for a more urgent one.
TEST(BatchSchedule, TheLeastUrgentAreShed) {
  BatchSettings settings;
  settings.queue_rows_max = 4;
  Simulation sim(1);
  const ModelId model = sim.AddModel({1000, 1000}, {1000, 1000}, 1, settings);
  sim.Submit(NewJob(model));  // runs
  const JobPointer low = NewJob(model, 2, kNoDeadline, 2), lowest = NewJob(model, 1, kNoDeadline, 3),
                   newest = NewJob(model, 1, kNoDeadline, 3);
  for (const JobPointer& job : {low, lowest, newest}) EXPECT_EQ(sim.Submit(job), Refusal::kNone);
  EXPECT_EQ(sim.Submit(NewJob(model, 1, kNoDeadline, 3)), Refusal::kQueueFull);
  EXPECT_EQ(sim.Submit(NewJob(model, 1, kNoDeadline, 0)), Refusal::kNone);
  EXPECT_EQ(sim.shed, std::vector<JobPointer>{newest});
  EXPECT_EQ(sim.Submit(NewJob(model, 3, kNoDeadline, 0)), Refusal::kNone);
  EXPECT_EQ(sim.shed, (std::vector<JobPointer>{newest, lowest, low}));
  EXPECT_EQ(sim.schedule.LoadOf(model).queued_rows, 4U);
}

// The members of a batch that failed come back in front, one by one, in their order.
TEST(BatchSchedule, AFailedBatchComesBackOneByOne) {
  BatchSchedule schedule(1);
  const ModelId model = schedule.Add({}, {}, 1, true);
  std::vector<JobPointer> none, jobs = {NewJob(model), NewJob(model), NewJob(model), NewJob(model)};
  for (std::size_t i = 0; i < 3; ++i) schedule.Submit(jobs[i], Us(0), none);
  const auto grant = schedule.NextGrant(Us(0));
  ASSERT_TRUE(grant);
  ASSERT_EQ(schedule.Take(*grant, Us(0), none).size(), 3U);
  schedule.Submit(jobs[3], Us(1), none);
  ASSERT_TRUE(jobs[1]->Claim());  // meanwhile its client was answered
  for (std::size_t i = 3; i-- > 0;) schedule.Requeue(jobs[i]);
  schedule.Finish(*grant, Us(2), std::nullopt);
  for (const std::size_t expected : {0U, 2U, 3U}) {
    const auto next = schedule.NextGrant(Us(3));
    ASSERT_TRUE(next);
    EXPECT_EQ(schedule.Take(*next, Us(3), none), std::vector<JobPointer>{jobs[expected]});
    schedule.Finish(*next, Us(4), Us(1));
  }
  EXPECT_FALSE(schedule.NextGrant(Us(5)));
  schedule.Remove(model);
}

// A worker whose process fails again and again rests. Its queue waits for it for a second, is then given up, and takes
// nothing until the process may be started again.
TEST(BatchSchedule, AWorkerRests) {
  BatchSchedule schedule(1);
  const ModelId model = schedule.Add({}, {}, 1, true);
  std::vector<JobPointer> none, hopeless;
  const JobPointer first = NewJob(model), waits = NewJob(model), late = NewJob(model), back = NewJob(model);
  schedule.Submit(first, Us(0), none);
  const auto fail = [&](Duration now) {
    const auto grant = schedule.NextGrant(now);
    ASSERT_TRUE(grant);
    schedule.Take(*grant, now, none);
    schedule.Finish(*grant, now, std::nullopt, BatchSchedule::After::kResting);
  };
  fail(Ms(0));
  EXPECT_EQ(schedule.Submit(waits, Ms(1), none).refusal, Refusal::kNone);
  EXPECT_FALSE(schedule.NextGrant(Ms(1)));
  EXPECT_EQ(schedule.NextEvent(), kRestPoll);
  schedule.Sweep(Ms(100), none, hopeless);
  EXPECT_EQ(schedule.NextEvent(), Ms(100) + kRestPoll);
  ASSERT_EQ(schedule.resting().size(), 1U);
  schedule.Rested(schedule.resting()[0]);
  fail(Ms(100));
  schedule.Submit(late, Ms(101), none);
  schedule.Sweep(Ms(100) + kRestPatience, none, hopeless);
  EXPECT_EQ(hopeless, std::vector<JobPointer>{late});
  EXPECT_EQ(schedule.Submit(NewJob(model), Ms(1200), none).refusal, Refusal::kDown);
  schedule.Rested(schedule.resting()[0]);
  EXPECT_EQ(schedule.Submit(back, Ms(1201), none).refusal, Refusal::kNone);
  const auto grant = schedule.NextGrant(Ms(1201));
  ASSERT_TRUE(grant);
  EXPECT_EQ(schedule.Take(*grant, Ms(1201), none), std::vector<JobPointer>{back});
  schedule.Finish(*grant, Ms(1202), Ms(1));
  EXPECT_TRUE(schedule.resting().empty());
  schedule.Remove(model);
}

// A batch whose jobs have all gone while the worker woke up is none, and costs nobody a slot.
TEST(BatchSchedule, ABatchOfNobody) {
  BatchSchedule schedule(1);
  const ModelId model = schedule.Add({}, {}, 1, true);
  std::vector<JobPointer> none, expired;
  const JobPointer cancelled = NewJob(model), late = NewJob(model, 1, Us(10));
  schedule.Submit(cancelled, Us(0), none);
  schedule.Submit(late, Us(0), none);
  const auto grant = schedule.NextGrant(Us(0));
  EXPECT_TRUE(schedule.Cancel(cancelled));
  EXPECT_FALSE(schedule.Cancel(cancelled));
  EXPECT_TRUE(schedule.Take(*grant, Us(10), expired).empty());
  EXPECT_EQ(expired, std::vector<JobPointer>{late});
  schedule.Finish(*grant, Us(11), std::nullopt);
  EXPECT_EQ(schedule.slots_held(), 0U);
  EXPECT_EQ(schedule.LoadOf(model).queued_rows, 0U);
  schedule.Remove(model);
}

// A model that cannot be batched runs job by job, whatever the rows of each.
TEST(BatchSchedule, WhatIsNotBatchableRunsOneByOne) {
  BatchSchedule schedule(4);
  const ModelId model = schedule.Add({}, {}, 2, false);
  std::vector<JobPointer> none;
  for (int i = 0; i < 3; ++i) schedule.Submit(NewJob(model), Us(0), none);
  const auto first = schedule.NextGrant(Us(0)), second = schedule.NextGrant(Us(0));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(schedule.NextGrant(Us(0)));
  EXPECT_EQ(schedule.Take(*first, Us(0), none).size(), 1U);
  EXPECT_EQ(schedule.Take(*second, Us(0), none).size(), 1U);
}

// A worker that is on its way takes all that it can: nobody else is woken for it.
TEST(BatchSchedule, OneWorkerIsWokenForOneBatch) {
  BatchSettings settings;
  settings.batch_rows_max = 4;
  BatchSchedule schedule(4);
  const ModelId model = schedule.Add(settings, {}, 2, true);
  std::vector<JobPointer> none;
  for (int i = 0; i < 4; ++i) schedule.Submit(NewJob(model), Us(0), none);
  ASSERT_TRUE(schedule.NextGrant(Us(0)));
  EXPECT_FALSE(schedule.NextGrant(Us(0)));
  schedule.Submit(NewJob(model), Us(0), none);
  EXPECT_TRUE(schedule.NextGrant(Us(0)));
}

// Random days: every job is accounted for once, and every sum comes back to nothing.
TEST(BatchSchedule, NothingIsLostOrCountedTwice) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    BatchSettings settings;
    settings.queue_rows_max = 50;
    settings.batch_rows_max = 1 + random.Below(20);
    settings.delay = Us(static_cast<std::int64_t>(random.Below(3)) * 500);
    Simulation sim(1 + random.Below(3));
    for (int i = 0; i < 3; ++i) sim.AddModel({1000, 100}, {1000, 100}, 1 + random.Below(2), settings);
    std::size_t accepted = 0, cancelled = 0;
    std::vector<JobPointer> jobs;
    for (int i = 0; i < 3000; ++i) {
      sim.Run(sim.now + Us(static_cast<std::int64_t>(random.Below(400))));
      const Duration deadline =
          random.Below(2) == 0 ? kNoDeadline : sim.now + Us(static_cast<std::int64_t>(random.Below(20'000)));
      jobs.push_back(NewJob(random.Below(3), 1 + random.Below(8), deadline, random.Below(kBatchPriorities)));
      jobs.back()->facts.join_key = random.Below(4);
      accepted += sim.Submit(jobs.back()) == Refusal::kNone;
      if (random.Below(10) == 0) {
        const JobPointer& job = jobs[random.Below(jobs.size())];
        cancelled += job->place != Job::Place::kNowhere && sim.schedule.Cancel(job);
      }
    }
    sim.Run(sim.now + Ms(60'000));
    EXPECT_EQ(accepted, sim.order.size() + sim.expired.size() + sim.shed.size() + cancelled) << "seed " << seed;
    EXPECT_GT(sim.order.size(), 300U);
    EXPECT_EQ(sim.schedule.slots_held(), 0U);
    for (ModelId model = 0; model < 3; ++model) {
      EXPECT_EQ(sim.schedule.LoadOf(model).queued_bytes + sim.schedule.LoadOf(model).queued_rows, 0U);
      sim.schedule.Remove(model);
    }
    EXPECT_EQ(sim.schedule.NextEvent(), kNoDeadline);
  }
}

}  // namespace
}  // namespace mw::serving
