// Labels joined a second: through the door with a real SQLite file, through HTTP, and in memory alone. Rows first,
// then as many labels in batches, by one client that waits for each acknowledgement.
//   label_join_bench [ROWS [BATCH]]
#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "api/native/routes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/text.h"
#include "blob/memory_blobs.h"
#include "db/sqlite_database.h"
#include "net/authenticator.h"
#include "net/http_client.h"
#include "net/stream_server.h"
#include "predictions/label_join.h"
#include "predictions/predictions.h"

namespace {

using mw::Cat;
using mw::Duration;
using mw::Timestamp;
using mw::predictions::Predictions;

constexpr std::size_t kPieceRows = 4096;

double Seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-6; }

std::string IdOf(std::size_t row) { return Cat("AA", row % 9000, "-2013-05-", row % 28, "-JFK-", row); }

mw::wire::WindowPiece MakePiece(std::uint64_t sequence, std::size_t first, std::size_t rows) {
  const mw::Clock& clock = mw::RealClock();
  mw::wire::WindowPiece piece;
  piece.server = "bench";
  piece.boot = "boot";
  piece.sequence = sequence;
  piece.endpoint = "bench";
  piece.model = "bench";
  piece.version = 1;
  piece.window_start = mw::wire::WindowStart(clock.Now());
  piece.rows = piece.sampled_rows = piece.requests = static_cast<std::int64_t>(rows);
  piece.first_received = piece.last_received = clock.Now();
  for (int i = 0; i < 20; ++i) piece.sample.feature_names.push_back(Cat("feature", i));
  for (std::size_t row = first; row < first + rows; ++row) {
    piece.sample.ids.push_back(IdOf(row));
    piece.sample.event_times_us.push_back(mw::ToMicros(piece.window_start) +
                                          static_cast<std::int64_t>(row % 3'600'000));
    piece.sample.predictions.push_back(0.25F);
  }
  piece.sample.features.assign(rows * 20, 1.5F);
  return piece;
}

/// Labels of all rows in batches, in an order that has nothing to do with that of the rows.
std::vector<mw::wire::LabelBatch> MakeBatches(std::size_t rows, std::size_t batch_labels, const std::string& name) {
  std::vector<std::size_t> order(rows);
  for (std::size_t i = 0; i < rows; ++i) order[i] = i;
  mw::Random random(1);
  for (std::size_t i = rows; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  std::vector<mw::wire::LabelBatch> batches;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i % batch_labels == 0) batches.push_back({"bench", Cat(name, i), {}});
    batches.back().labels.push_back({mw::wire::LabelBy::kPrediction, IdOf(order[i]), 1, 1'400'000'000'000'000});
  }
  return batches;
}

struct Bench {
  std::size_t rows;
  std::size_t batch;
  mw::RealClock clock;

  void Report(const char* what, std::size_t count, Duration took) const {
    std::printf("%-46s %12s /s   (%zu in %.2f s)\n", what,
                mw::WithThousands(static_cast<long long>(static_cast<double>(count) / Seconds(took))).c_str(), count,
                Seconds(took));
  }

  void InMemory() const {
    mw::predictions::LabelJoin join(1'000'000);
    const auto slot = join.AddWindow(1);
    for (std::size_t first = 0; first < rows; first += kPieceRows) {
      const auto piece = MakePiece(1, first, std::min(kPieceRows, rows - first));
      join.AddRows(slot, {1, piece.sample.ids, {}, piece.sample.event_times_us, piece.sample.predictions});
    }
    const auto batches = MakeBatches(rows, batch, "memory");
    const Duration start = clock.Elapsed();
    for (const auto& each : batches) {
      for (const auto& label : each.labels) join.AddLabel(label, 2);
    }
    Report("labels joined, in memory", rows, clock.Elapsed() - start);
  }

  void FillAndJoin(Predictions& predictions) const {
    std::vector<mw::wire::WindowPiece> pieces;
    for (std::size_t first = 0; first < rows; first += kPieceRows) {
      pieces.push_back(MakePiece(pieces.size() + 1, first, std::min(kPieceRows, rows - first)));
    }
    Duration start = clock.Elapsed();
    for (auto& piece : pieces) {
      std::vector<mw::wire::WindowPiece> one;
      one.push_back(std::move(piece));
      if (!SyncWait(predictions.Accept(std::move(one))).ok()) std::abort();
    }
    Report("sampled rows accepted, SQLite, 4,096 a piece", rows, clock.Elapsed() - start);
    auto batches = MakeBatches(rows, batch, "door");
    start = clock.Elapsed();
    for (auto& each : batches) {
      const auto accepted = SyncWait(predictions.AcceptLabels(std::move(each)));
      if (!accepted.ok() || accepted->waiting > 0) std::abort();
    }
    Report("labels joined and durable, SQLite", rows, clock.Elapsed() - start);
  }

  void ThroughHttp(Predictions& predictions, mw::endpoints::Endpoints& endpoints, const char* what,
                   const std::string& type,
                   const std::function<std::string(const std::vector<mw::wire::Label>&)>& form) const {
    mw::net::RouteTable routes;
    mw::blob::MemoryBlobs blobs;
    mw::api::native::AddPredictionRoutes(routes, predictions, endpoints, blobs);
    mw::net::TokenAuthenticator authenticator(clock, mw::net::Principal{"local", {mw::net::Permission::kAdmin}});
    mw::MetricsRegistry metrics;
    auto server = *mw::net::StreamServer::Start({}, std::move(routes), authenticator, metrics);
    auto client = *mw::net::HttpClient::Make(Cat("http://127.0.0.1:", server->port()), {});
    std::vector<std::string> bodies;
    for (const auto& each : MakeBatches(rows, batch, "")) bodies.push_back(form(each.labels));
    const Duration start = clock.Elapsed();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const auto response =
          client.Send(mw::net::Method::kPost, Cat("/api/v1/endpoints/bench/labels?batch_id=", what, i), bodies[i],
                      {{"Content-Type", type}});
      if (!response.ok() || response->status != 200) {
        std::fprintf(stderr, "%s\n", response.ok() ? response->body.c_str() : response.error().ToString().c_str());
        std::abort();
      }
    }
    Report(what, rows, clock.Elapsed() - start);
  }
};

std::string Lines(const std::vector<mw::wire::Label>& labels) {
  std::string lines;
  for (const auto& label : labels) {
    mw::CatTo(lines, R"({"prediction_id":")", label.id, R"(","label":)", label.value, R"(,"time":")",
              mw::FormatTime(mw::FromMicros(label.time_us)), "\"}\n");
  }
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int at, long long otherwise) {
    return static_cast<std::size_t>(argc > at ? mw::ParseInt(argv[at]).value_or(otherwise) : otherwise);
  };
  const Bench bench{argument(1, 1'000'000), argument(2, 10'000), {}};
  bench.InMemory();
  std::string directory = (std::filesystem::temp_directory_path() / "millwright-bench.XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return 1;
  {
    const auto database = *mw::db::SqliteDatabase::Open(directory + "/bench.db");
    std::vector<mw::db::Migration> migrations = mw::predictions::Migrations();
    for (auto own : {mw::registry::Migrations(), mw::endpoints::Migrations()}) {
      migrations.insert(migrations.end(), own.begin(), own.end());
    }
    if (!database->Migrate(std::move(migrations)).ok()) return 1;
    mw::MetricsRegistry metrics;
    Predictions predictions(*database, bench.clock, metrics);
    bench.FillAndJoin(predictions);
    mw::registry::Registry registry(*database, bench.clock);
    mw::endpoints::Endpoints endpoints(*database, registry, bench.clock);
    bench.ThroughHttp(predictions, endpoints, "labels-by-http-compact", std::string(mw::wire::kLabelBatchType),
                      mw::wire::LabelBytes);
    bench.ThroughHttp(predictions, endpoints, "labels-by-http-ndjson", "application/x-ndjson", Lines);
    const Duration start = bench.clock.Elapsed();
    Predictions again(*database, bench.clock, metrics);
    if (!SyncWait(again.Load()).ok()) return 1;
    bench.Report("rows and their labels read back at start", bench.rows, bench.clock.Elapsed() - start);
  }
  std::filesystem::remove_all(directory);
}
