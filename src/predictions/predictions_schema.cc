// The tables of predictions.
#include "predictions/predictions.h"

namespace mw::predictions {

std::vector<db::Migration> Migrations() {
  return {{"predictions", 1, R"sql(
-- The last number given to a piece or a batch, in the order in which they were committed.
CREATE TABLE prediction_arrivals (
  id BIGINT PRIMARY KEY,
  last BIGINT NOT NULL
);
INSERT INTO prediction_arrivals (id, last) VALUES (1, 0);
-- What model servers sent. settled: the labels of its rows are final, in prediction_settled.
CREATE TABLE prediction_pieces (
  server TEXT COLLATE "C" NOT NULL,
  boot TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  arrival BIGINT NOT NULL UNIQUE,
  accepted_at BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  endpoint TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  window_start BIGINT NOT NULL,
  window_length BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  sampled_rows BIGINT NOT NULL,
  dropped_rows BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  flagged_rows BIGINT NOT NULL,
  future_rows BIGINT NOT NULL,
  first_received BIGINT NOT NULL,
  last_received BIGINT NOT NULL,
  sample_rate DOUBLE PRECISION NOT NULL,
  latency BYTEA NOT NULL,
  sample BYTEA NOT NULL,
  features BYTEA NOT NULL,
  profile BYTEA NOT NULL,
  prediction BYTEA NOT NULL,
  PRIMARY KEY (server, boot, sequence)
);
CREATE INDEX prediction_pieces_by_window ON prediction_pieces (endpoint, window_start, version, arrival);
CREATE INDEX prediction_pieces_by_state ON prediction_pieces (settled, arrival);
-- Labels as they came, until no row that could want them is left.
CREATE TABLE prediction_label_batches (
  endpoint TEXT COLLATE "C" NOT NULL,
  batch_id TEXT COLLATE "C" NOT NULL,
  arrival BIGINT NOT NULL UNIQUE,
  accepted_at BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  labels BYTEA NOT NULL,
  PRIMARY KEY (endpoint, batch_id)
);
-- Windows too old for further labels; several when pieces came after the first was settled.
CREATE TABLE prediction_settled (
  endpoint TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  window_start BIGINT NOT NULL,
  settled_at BIGINT NOT NULL,
  totals BYTEA NOT NULL,
  labels BYTEA NOT NULL,
  PRIMARY KEY (endpoint, window_start, version, settled_at)
);
)sql"},
          {"predictions", 2, R"sql(
-- The classes of an endpoint, in the order in which they were first named; it only grows.
CREATE TABLE prediction_classes (
  endpoint TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (endpoint, number),
  UNIQUE (endpoint, name)
);
-- Of models of several classes: the numbers of the piece's classes, then their probabilities, row by row.
ALTER TABLE prediction_pieces ADD COLUMN classes BYTEA;
)sql"},
          {"predictions", 3, R"sql(
-- Of requests, those refused because of what they held; failures counted them too until then.
ALTER TABLE prediction_pieces ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
)sql"}};
}

}  // namespace mw::predictions
