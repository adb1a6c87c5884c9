// The tables of webhooks.
#include "webhooks/webhooks.h"

namespace mw::webhooks {

std::vector<db::Migration> Migrations() {
  return {{"webhooks", 1, R"sql(
-- An empty secret: deliveries are not signed. last_number is that of the newest delivery, waiting counts the pending.
CREATE TABLE webhooks (
  webhook_id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  events TEXT COLLATE "C" NOT NULL,
  active BIGINT NOT NULL,
  secret BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_number BIGINT NOT NULL,
  waiting BIGINT NOT NULL
);
-- The outbox, and the log of what became of it.
CREATE TABLE webhook_deliveries (
  webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (webhook_id),
  number BIGINT NOT NULL,
  delivery_id TEXT COLLATE "C" NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  happened_at BIGINT NOT NULL,
  queued_at BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  tried_at BIGINT,
  answer_code BIGINT NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (webhook_id, number)
);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (status, webhook_id, number);
)sql"}};
}

}  // namespace mw::webhooks
