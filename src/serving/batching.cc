// The decisions of batching.
#include "serving/batching.h"

#include <algorithm>
#include <tuple>

#include "serving/rejection.h"

namespace mw::serving {
namespace {

/// Until that many rows have left the queue, in full batches over the model's lanes.
Duration DrainTime(std::size_t rows, double lanes, const BatchSettings& settings, const CostModel& cost) {
  const std::size_t full = rows / settings.batch_rows_max;
  const std::size_t rest = rows % settings.batch_rows_max;
  const double us =
      static_cast<double>(full) * cost.PredictUs(settings.batch_rows_max) + (rest > 0 ? cost.PredictUs(rest) : 0.0);
  return Duration(static_cast<std::int64_t>(us / lanes));
}

/// Full batches ahead, and then the batch that the job itself is in, with those just before it; behind full ones it
/// will be full as well.
Duration ExpectedAnswer(const QueueState& queue, const JobFacts& job, const BatchSettings& settings,
                        const CostModel& cost) {
  const std::size_t ahead = queue.rows - queue.rows_below;
  const std::size_t beside = ahead % settings.batch_rows_max;
  const std::size_t own = std::max(beside + job.rows, ahead > beside ? settings.batch_rows_max : 0);
  return queue.until_free + DrainTime(ahead - beside, queue.lanes, settings, cost) + cost.Predict(own);
}

SubmitDecision Refuse(Refusal refusal, Duration expected, Duration retry_after) {
  return SubmitDecision{refusal, false, expected, std::max(retry_after, kRetryAfterMin)};
}

}  // namespace

SubmitDecision DecideSubmit(const QueueState& queue, const JobFacts& job, Duration now, const BatchSettings& settings,
                            const CostModel& cost) {
  if (job.rows > settings.queue_rows_max || job.bytes > settings.queue_bytes_max)
    return {Refusal::kTooLarge, {}, {}, {}};
  if (job.deadline <= now) return {Refusal::kExpired, {}, {}, {}};
  const Duration expected = ExpectedAnswer(queue, job, settings, cost);
  const auto fits = [&](std::size_t rows, std::size_t bytes) {
    return rows + job.rows <= settings.queue_rows_max && bytes + job.bytes <= settings.queue_bytes_max;
  };
  const bool shed_below = !fits(queue.rows, queue.bytes);
  if (shed_below && !fits(queue.rows - queue.rows_below, queue.bytes - queue.bytes_below)) {
    return Refuse(Refusal::kQueueFull, expected, DrainTime(job.rows, queue.lanes, settings, cost));
  }
  const Duration with_reserve = expected + expected / 10;
  if (!queue.idle && job.deadline != kNoDeadline && with_reserve > job.deadline - now) {
    return Refuse(Refusal::kTooLate, expected, with_reserve - (job.deadline - now));
  }
  return SubmitDecision{Refusal::kNone, shed_below, expected, Duration(0)};
}

BatchChooser::Answer BatchChooser::Offer(const JobFacts& job) {
  const Duration finish = now_ + cost_.Predict(rows_ + job.rows);
  if (jobs_ == 0) {
    priority_ = job.priority;
    join_key_ = job.join_key;
  } else {
    if (job.priority != priority_ || join_key_ == 0) return Answer::kFull;
    if (job.join_key != join_key_) return Answer::kSkipped;
    if (rows_ + job.rows > settings_.batch_rows_max || bytes_ + job.bytes > settings_.batch_bytes_max ||
        LeavesToNext(job, finish)) {
      return Answer::kFull;
    }
  }
  Take(job, finish);
  return Answer::kTaken;
}

bool BatchChooser::LeavesToNext(const JobFacts& job, Duration finish) const {
  if (finish <= bound_) return false;
  if (job.deadline == kNoDeadline) return true;
  const std::size_t rest = std::clamp(waiting_rows_ - std::min(waiting_rows_, rows_), job.rows,
                                      std::max(job.rows, settings_.batch_rows_max));
  return now_ + cost_.Predict(rows_) + cost_.Predict(rest) <= job.deadline;
}

void BatchChooser::Take(const JobFacts& job, Duration finish) {
  ++jobs_;
  rows_ += job.rows;
  bytes_ += job.bytes;
  if (finish > bound_) bound_ = kNoDeadline;  // that member was given up
  if (finish <= job.deadline) bound_ = std::min(bound_, job.deadline);
}

bool RunsAgain(Code code, std::size_t batch_jobs, bool retried, Duration deadline, Duration now) {
  return !retried && deadline > now && (batch_jobs > 1 || code == Code::kUnavailable);
}

std::optional<std::size_t> NextTurn(std::span<const ModelTurn> models, std::size_t last) {
  std::optional<std::size_t> best;
  for (std::size_t i = 1; i <= models.size(); ++i) {
    const std::size_t at = (last + i) % models.size();
    if (!models[at].ready) continue;
    if (!best ||
        std::tie(models[at].priority, models[at].served) < std::tie(models[*best].priority, models[*best].served)) {
      best = at;
    }
  }
  return best;
}

Duration SlotPatience(Duration predicted) {
  constexpr Duration kMin = std::chrono::milliseconds(100);
  return std::max(kMin, 4 * predicted);
}

}  // namespace mw::serving
