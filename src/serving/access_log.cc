// Drains lanes into files; searches them.
#include "serving/access_log.h"

#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"

namespace mw::serving {
namespace {

constexpr Duration kCountsInterval = std::chrono::seconds(1);

Counter& NotLogged(MetricsRegistry& metrics, const char* reason) {
  return metrics.AddCounter("millwright_access_log_left_out_total",
                            "Requests that are not in the access log, and why: more came than are written down (rate), "
                            "they came faster than the log's thread took them (queue_full), the disk took none (disk).",
                            {{"reason", reason}});
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::Make(AccessLogOptions options, const Clock& clock,
                                                   MetricsRegistry& metrics) {
  AccessFiles files = TRY(AccessFiles::Open(AccessPath(options.state_directory), options.limits));
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(options), clock, metrics, std::move(files)));
}

AccessLog::AccessLog(AccessLogOptions options, const Clock& clock, MetricsRegistry& metrics, AccessFiles files)
    : options_(std::move(options)),
      clock_(clock),
      lines_(metrics.AddCounter("millwright_access_log_lines_total", "Requests in the access log.")),
      skipped_(NotLogged(metrics, "rate")),
      dropped_(NotLogged(metrics, "queue_full")),
      lost_(NotLogged(metrics, "disk")),
      files_(std::move(files)) {}

AccessLog::~AccessLog() { Stop(); }

AccessLane& AccessLog::NewLane() {
  MW_ASSERT(!log_thread_.joinable());
  return *lanes_.emplace_back(std::make_unique<AccessLane>());
}

void AccessLog::Start() {
  log_thread_ = std::thread([this] { Run(); });
  search_thread_ = std::thread([this] { RunSearches(); });
}

void AccessLog::Stop() {
  if (!log_thread_.joinable()) return;
  {
    const Lock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  log_thread_.join();
  search_thread_.join();
}

void AccessLog::Run() {
  for (bool last = false; !last;) {
    {
      const Lock lock(mutex_);
      const Duration until = clock_.Elapsed() + options_.drain_interval;
      while (!stopping_ && clock_.Elapsed() < until) changed_.WaitFor(mutex_, options_.drain_interval);
      last = stopping_;
    }
    DrainAll();
  }
}

void AccessLog::DrainAll() {
  const Timestamp now = clock_.Now();
  const Duration offset = now.time_since_epoch() - clock_.Elapsed();
  std::uint64_t lines = 0;
  for (const auto& lane : lanes_) {
    lane->Drain([&](const AccessEntry& entry) {
      if (text_.empty()) first_ = Timestamp(entry.start + offset);
      AppendLine(entry, offset, text_);
      ++lines;
    });
  }
  if (clock_.Elapsed() >= counts_told_ + kCountsInterval) TellCounts(now);
  if (text_.empty()) return;
  const Status written = files_.Append(text_, first_);
  text_.clear();
  (written.ok() ? lines_ : lost_).Add(lines);
  if (!written.ok() && !complained_) LogError("access log not written", {{"error", Json(written.error().ToString())}});
  complained_ = !written.ok();
}

void AccessLog::TellCounts(Timestamp now) {
  counts_told_ = clock_.Elapsed();
  std::uint64_t skipped = 0;
  std::uint64_t dropped = 0;
  for (const auto& lane : lanes_) {
    skipped += lane->skipped();
    dropped += lane->dropped();
  }
  const std::uint64_t new_skipped = skipped - std::exchange(told_skipped_, skipped);
  const std::uint64_t new_dropped = dropped - std::exchange(told_dropped_, dropped);
  skipped_.Add(new_skipped);
  dropped_.Add(new_dropped);
  if (new_skipped + new_dropped == 0) return;
  if (text_.empty()) first_ = now;
  CatTo(text_, "{\"time\":\"", FormatTime(now), "\",\"not_logged\":", new_skipped + new_dropped, "}\n");
}

void AccessLog::Find(AccessQuery query, std::string token, Done done) {
  std::optional<Error> refused;
  {
    const Lock lock(mutex_);
    if (stopping_) refused = Unavailable("the server is stopping");
    if (searches_.size() >= kSearchesMax) {
      refused = ResourceExhausted(kSearchesMax, " searches of the access log wait already; try again later");
    }
    if (!refused) {
      searches_.push_back({std::move(query), std::move(token), std::move(done)});
      changed_.NotifyAll();
      return;
    }
  }
  done(*std::move(refused));
}

void AccessLog::RunSearches() {
  const std::string directory = AccessPath(options_.state_directory);
  while (true) {
    Search search;
    bool stopping = false;
    {
      const Lock lock(mutex_);
      while (!stopping_ && searches_.empty()) changed_.Wait(mutex_);
      if (searches_.empty()) return;
      stopping = stopping_;
      search = std::move(searches_.front());
      searches_.pop_front();
    }
    const Status may = stopping ? Status(Unavailable("the server is stopping")) : CheckToken(search.token);
    search.done(may.ok() ? SearchAccessFiles(directory, search.query) : Result<AccessFindings>(may.error()));
  }
}

/// Digests are compared, so that how long it takes tells nothing of the token.
Status AccessLog::CheckToken(std::string_view token) const {
  const ControlPlaneAddress followed = TRY(FindControlPlane(options_.state_directory, options_.control_plane));
  if (followed.token.empty()) {
    return PermissionDenied(
        "this server shares its access log with nobody; on its machine: millwright logs --state-dir ",
        options_.state_directory);
  }
  if (Sha256Hex(token) != Sha256Hex(followed.token)) {
    return PermissionDenied("the access log is for the control plane that this server follows; ask that one");
  }
  return Ok();
}

}  // namespace mw::serving
