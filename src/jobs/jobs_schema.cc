// The attempts table. UNIQUE ... WHERE holds the promise that a task has at most one attempt that has not ended.
#include "jobs/jobs.h"

namespace mw::jobs {

std::vector<db::Migration> Migrations() {
  return {{"jobs", 1, R"sql(
CREATE TABLE jobs_attempt (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  run_id TEXT COLLATE "C" NOT NULL,
  task TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  cancel_requested BIGINT NOT NULL,
  spec TEXT COLLATE "C" NOT NULL,
  cpu DOUBLE PRECISION NOT NULL,
  memory_bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL,
  exit_code BIGINT NOT NULL,
  signal BIGINT NOT NULL,
  message TEXT COLLATE "C" NOT NULL,
  ended_at BIGINT NOT NULL,
  cpu_seconds DOUBLE PRECISION NOT NULL,
  memory_peak_bytes BIGINT NOT NULL,
  UNIQUE (run_id, task, number)
);
CREATE UNIQUE INDEX jobs_attempt_open ON jobs_attempt (run_id, task) WHERE state <> 'ENDED';
CREATE INDEX jobs_attempt_unfinished ON jobs_attempt (created_at, id) WHERE state <> 'ENDED';
)sql"}};
}

}  // namespace mw::jobs
