// The door on both databases: what is acknowledged survives, twice counts once, old windows settle.
#include "predictions/predictions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <memory>

#include "base/text.h"
#include "db/temporary_database.h"

namespace mw::predictions {
namespace {

using std::chrono::hours;
using wire::Label;
using wire::LabelBy;
using wire::WindowPiece;

const Timestamp kStart = *ParseTime("2013-05-01T00:00:00Z");
const Timestamp kToday = *ParseTime("2026-01-01T00:00:00Z");

/// A piece of the `window`-th hour with rows "<name>-0", "<name>-1", ...; predictions .5, temperatures 10, 11, ...
WindowPiece MakePiece(int window, std::uint64_t sequence, const std::string& name, int rows, std::int64_t version = 1) {
  WindowPiece piece;
  piece.server = "s1";
  piece.boot = "b1";
  piece.sequence = sequence;
  piece.endpoint = "late";
  piece.model = "late-departures";
  piece.version = version;
  piece.window_start = kStart + hours(window);
  piece.rows = rows;
  piece.sampled_rows = rows;
  piece.requests = rows + 3;
  piece.failures = 1;
  piece.refused = 2;
  piece.flagged_rows = 2;
  piece.first_received = kToday;
  piece.last_received = kToday + std::chrono::seconds(1);
  piece.latency.Add(std::chrono::milliseconds(1), static_cast<std::uint64_t>(rows));
  piece.features = sketch::Profile({{"temp", sketch::ValueKind::kNumber}});
  piece.sample.feature_names = {"temp"};
  for (int i = 0; i < rows; ++i) {
    piece.sample.ids.push_back(Cat(name, "-", i));
    piece.sample.keys.push_back(i == 0 ? Cat("key-", name) : "");
    piece.sample.event_times_us.push_back(ToMicros(piece.window_start) + i);
    piece.sample.predictions.push_back(0.5F);
    piece.sample.features.push_back(static_cast<float>(10 + i));
    piece.features.column(0).AddNumber(10 + i);
    piece.prediction.AddNumber(0.5);
  }
  return piece;
}

/// Labels of the first `rows` rows of a piece, known `delay` after its window began.
wire::LabelBatch MakeLabels(const std::string& batch_id, const std::string& name, int window, int rows, double value,
                            Duration delay = hours(3)) {
  wire::LabelBatch batch{"late", batch_id, {}};
  for (int i = 0; i < rows; ++i) {
    batch.labels.push_back(
        {LabelBy::kPrediction, Cat(name, "-", i), value, ToMicros(kStart + hours(window) + delay) + i});
  }
  return batch;
}

/// A piece of a model of the given classes; row i is sure of the i-th of them by .5, the rest is evenly spread.
WindowPiece MakeFlowers(std::uint64_t sequence, const std::string& name, std::vector<std::string> classes, int rows,
                        std::int64_t version = 1) {
  WindowPiece piece = MakePiece(0, sequence, name, rows, version);
  piece.flagged_rows = 0;
  const std::size_t width = classes.size();
  for (int row = 0; row < rows; ++row) {
    const std::size_t likeliest = static_cast<std::size_t>(row) % width;
    piece.sample.predictions[static_cast<std::size_t>(row)] = static_cast<float>(likeliest);
    for (std::size_t c = 0; c < width; ++c) {
      piece.sample.class_probabilities.push_back(c == likeliest ? 0.5F : 0.5F / static_cast<float>(width - 1));
    }
  }
  piece.sample.class_names = std::move(classes);
  return piece;
}

wire::LabelBatch NameLabels(const std::string& batch_id, const std::string& name,
                            const std::vector<std::string>& classes) {
  wire::LabelBatch batch = MakeLabels(batch_id, name, 0, static_cast<int>(classes.size()), 0);
  for (std::size_t i = 0; i < classes.size(); ++i) batch.labels[i].text = classes[i];
  return batch;
}

using Names = std::vector<std::string>;
using Floats = std::vector<float>;

template <typename Driver>
class PredictionsTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(true); }
  /// Like a killed process: memory is lost, the database is what there is.
  void Restart(bool first = false) {
    predictions_.reset();
    database_.reset();
    auto opened = driver_->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    ASSERT_TRUE(database_->Migrate(Migrations()).ok());
    predictions_ = std::make_unique<Predictions>(*database_, clock_, metrics_, options_);
    const Status loaded = SyncWait(predictions_->Load());
    ASSERT_TRUE(loaded.ok()) << loaded.error().ToString() << first;
  }
  Accepted Accept(std::vector<WindowPiece> pieces) {
    const auto accepted = SyncWait(predictions_->Accept(std::move(pieces)));
    EXPECT_TRUE(accepted.ok()) << accepted.error().ToString();
    return accepted.value_or(Accepted{});
  }
  LabelsAccepted AcceptLabels(wire::LabelBatch batch) {
    const auto accepted = SyncWait(predictions_->AcceptLabels(std::move(batch)));
    EXPECT_TRUE(accepted.ok()) << accepted.error().ToString();
    return accepted.value_or(LabelsAccepted{});
  }
  void Accept(WindowPiece piece) {
    std::vector<WindowPiece> pieces;
    pieces.push_back(std::move(piece));
    Accept(std::move(pieces));
  }
  JoinedRows Joined(WindowRange range = {"late"}) {
    auto rows = SyncWait(predictions_->Joined(range));
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return std::move(rows).value_or(JoinedRows{});
  }
  LabelCoverage Coverage() { return SyncWait(predictions_->Coverage({"late"})).value_or(LabelCoverage{}); }
  /// Every row as "version id prediction label delay temp".
  std::map<std::string, std::string> Lines() {
    const JoinedRows rows = Joined();
    std::map<std::string, std::string> lines;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      lines[Cat(rows.versions[i], " ", rows.ids[i], " ", rows.event_times_us[i])] =
          Cat(rows.predictions[i], " ", rows.labels[i], " ", rows.delays_us[i], " ", rows.keys[i], " ",
              rows.features[i * rows.feature_names.size()]);
    }
    return lines;
  }
  void SettleAll() {
    const Timestamp next = SyncWait(predictions_->Tick(clock_.Now()));
    EXPECT_GT(next, clock_.Now());
  }

  std::unique_ptr<Driver> driver_ = std::make_unique<Driver>();
  SimulatedClock clock_{kToday};
  MetricsRegistry metrics_;
  PredictionsOptions options_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Predictions> predictions_;
};
TYPED_TEST_SUITE(PredictionsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(PredictionsTest, APieceThatIsSentAgainCountsOnce) {
  this->Accept({MakePiece(0, 1, "a", 3)});
  this->Restart();
  const Accepted again = this->Accept({MakePiece(0, 1, "a", 3), MakePiece(0, 2, "b", 2), MakePiece(1, 3, "c", 1)});
  EXPECT_EQ(again.repeated, 1);
  EXPECT_EQ(again.pieces, 2);
  EXPECT_EQ(again.rows, 3);
  const std::vector<WindowSummary> windows = this->predictions_->Windows({"late"});
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[0].rows, 5);
  EXPECT_EQ(windows[0].pieces, 2);
  EXPECT_EQ(windows[0].requests, 11);
  EXPECT_EQ(windows[0].failures, 2);
  EXPECT_EQ(windows[0].refused, 4);
  EXPECT_EQ(windows[0].flagged_rows, 4);
  EXPECT_EQ(windows[0].latency.count(), 5U);
  EXPECT_EQ(windows[0].first_received, kToday);
  EXPECT_EQ(windows[0].model, "late-departures");
  EXPECT_EQ(windows[1].window_start, kStart + hours(1));
}

TYPED_TEST(PredictionsTest, LabelsJoinBeforeAndAfterARestart) {
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(1, 2, "b", 3)});
  const LabelsAccepted first = this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1));
  EXPECT_EQ(first.labels, 2);
  EXPECT_EQ(first.joined, 2);
  this->AcceptLabels(MakeLabels("l2", "z", 0, 1, 1));  // of a row that has not come
  const auto before = this->Lines();
  ASSERT_EQ(before.size(), 6U);
  EXPECT_EQ(before.at(Cat("1 a-1 ", ToMicros(kStart) + 1)), Cat("0.5 1 ", 3 * 3'600'000'000LL, "  11"));
  EXPECT_EQ(before.at(Cat("1 a-2 ", ToMicros(kStart) + 2)), Cat("0.5 nan ", kNoDelay, "  12"));
  this->Restart();
  EXPECT_EQ(this->Lines(), before);
  this->Accept({MakePiece(0, 3, "z", 1)});  // late, and its label is there
  const LabelCoverage coverage = this->Coverage();
  EXPECT_EQ(coverage.predictions, 7);
  EXPECT_EQ(coverage.labelled, 3);
  EXPECT_EQ(coverage.early, 1);
  EXPECT_EQ(coverage.unknown, 0);
  EXPECT_NEAR(coverage.delay_p50_s, 3 * 3600.0, 1e-3);
  const std::vector<WindowSummary> windows = this->predictions_->Windows({"late"});
  EXPECT_EQ(windows[0].labelled, 3);
  EXPECT_EQ(windows[0].label_sum, 3);
  EXPECT_EQ(windows[0].labelled_prediction_sum, 1.5);
}

// Two servers; the second cannot reach us for its last 60 pieces, one a minute, and brings them an hour later, after
// the labels and after the hours that followed.
TYPED_TEST(PredictionsTest, AServerThatWasAwayForAnHourChangesNothing) {
  const auto piece_of = [](const char* server, int minute) {
    const std::string name = Cat(server, "-", minute);
    WindowPiece piece = MakePiece(minute / 60, static_cast<std::uint64_t>(minute + 1), name, 3);
    piece.server = server;
    return piece;
  };
  const auto label = [this](const char* server, int minute) {
    const std::string name = Cat(server, "-", minute);
    this->AcceptLabels(MakeLabels(Cat("l-", name), name, minute / 60, 2, minute % 2));
  };
  const auto state = [this] {
    std::map<std::string, std::string> lines = this->Lines();
    for (const WindowSummary& window : this->predictions_->Windows({"late"})) {
      lines[FormatTime(window.window_start)] = Cat(window.rows, " ", window.pieces, " ", window.labelled, " ",
                                                   window.label_sum, " ", window.requests, " ", window.latency.count());
    }
    lines["profile"] = SyncWait(this->predictions_->MergedProfile({"late"}))->Bytes();
    return lines;
  };
  constexpr int kMinutes = 180;
  for (int minute = 0; minute < kMinutes; ++minute) {
    this->Accept(piece_of("near", minute));
    if (minute < 60 || minute >= 120) this->Accept(piece_of("far", minute));
    label("near", minute);
    label("far", minute);
  }
  for (int minute = 60; minute < 120; ++minute) this->Accept(piece_of("far", minute));
  const auto late = state();
  EXPECT_EQ(this->Coverage().early, 120) << "the labels of the hour away came before their predictions";

  this->driver_ = std::make_unique<TypeParam>();  // another database, where everything comes in time
  this->Restart();
  for (int minute = 0; minute < kMinutes; ++minute) {
    for (const char* server : {"near", "far"}) {
      this->Accept(piece_of(server, minute));
      label(server, minute);
    }
  }
  EXPECT_EQ(state(), late);
  EXPECT_EQ(late.size(), kMinutes * 2U * 3 + 3 + 1);
}

TYPED_TEST(PredictionsTest, ABatchThatIsSentAgainCountsOnce) {
  this->Accept({MakePiece(0, 1, "a", 3)});
  this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1));
  EXPECT_TRUE(this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1)).repeated);
  this->Restart();
  EXPECT_TRUE(this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1)).repeated);
  EXPECT_EQ(this->Coverage().duplicates, 0);
  const auto other = SyncWait(this->predictions_->AcceptLabels(MakeLabels("l1", "a", 0, 2, 0)));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, Code::kAlreadyExists);
  EXPECT_EQ(this->AcceptLabels(MakeLabels("l2", "a", 0, 3, 0, hours(4))).joined, 3);
  const LabelCoverage coverage = this->Coverage();
  EXPECT_EQ(coverage.duplicates, 2);
  EXPECT_EQ(coverage.contradictions, 2);
  EXPECT_EQ(coverage.labelled, 3);
}

TYPED_TEST(PredictionsTest, RefusesWhatIsNoLabel) {
  const auto refuse = [this](wire::LabelBatch batch) {
    const auto accepted = SyncWait(this->predictions_->AcceptLabels(std::move(batch)));
    return accepted.ok() ? std::string("accepted") : accepted.error().ToString();
  };
  EXPECT_EQ(refuse({"late", "", {}}), "a batch of labels needs a batch_id of 1 to 256 bytes, not 0");
  EXPECT_EQ(refuse({"no name", "l", {}}), "the endpoint is \"no name\", which is no name");
  EXPECT_EQ(refuse({"late", "l", {{LabelBy::kKey, "a", 1, 0}, {LabelBy::kKey, "", 1, 0}}}),
            "label 2: it names neither a prediction nor a key");
  EXPECT_EQ(refuse({"late", "l", {{LabelBy::kKey, "a", std::nan(""), 0}}}),
            "label 1: its value is nan; it must be finite");
  EXPECT_EQ(this->AcceptLabels({"late", "l", {{LabelBy::kKey, "a", 1, 0}}}).waiting, 1) << "the id was not used up";
}

TYPED_TEST(PredictionsTest, MergesProfilesOverAnyRange) {
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(0, 2, "b", 2), MakePiece(5, 3, "c", 4), MakePiece(5, 4, "d", 1, 2)});
  const auto all = SyncWait(this->predictions_->MergedProfile({"late"}));
  ASSERT_TRUE(all.ok()) << all.error().ToString();
  EXPECT_EQ(all->Find("temp")->rows(), 10U);
  EXPECT_EQ(all->Find("temp")->moments().max(), 13);
  const auto some = SyncWait(this->predictions_->MergedProfile({"late", 1, kStart + hours(1), kStart + hours(6)}));
  EXPECT_EQ(some->Find("temp")->rows(), 4U);
  const auto prediction = SyncWait(this->predictions_->MergedPrediction({"late", 0, kStart, kStart + hours(1)}));
  EXPECT_EQ(prediction->rows(), 5U);
  EXPECT_EQ(SyncWait(this->predictions_->MergedProfile({"nobody"}))->size(), 0U);
}

TYPED_TEST(PredictionsTest, TellsWhatChanged) {
  int told = 0;
  this->predictions_->OnChange([&told] { ++told; });
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(1, 2, "b", 3)});
  const std::int64_t seen = this->predictions_->changes();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(this->predictions_->ChangedSince(0).size(), 2U);
  EXPECT_TRUE(this->predictions_->ChangedSince(seen).empty());
  this->AcceptLabels(MakeLabels("l1", "b", 1, 1, 1));
  EXPECT_EQ(told, 2);
  const auto changed = this->predictions_->ChangedSince(seen);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].window_start, kStart + hours(1));
  this->Restart();
  EXPECT_EQ(this->predictions_->ChangedSince(0).size(), 2U);
}

TYPED_TEST(PredictionsTest, OldWindowsSettleAndKeepWhatWasJoined) {
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(0, 2, "b", 2)});
  this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1));
  this->AcceptLabels(MakeLabels("l2", "x", 0, 1, 1));  // never to be known
  this->Accept({MakePiece(24 * 30 + 6, 3, "c", 1)});   // 30 days and more later
  const auto before = this->Lines();
  this->SettleAll();
  EXPECT_FALSE(this->predictions_->Windows({"late"})[0].settled) << "it was touched a moment ago";
  this->clock_.Advance(hours(25));
  this->SettleAll();
  this->SettleAll();  // its labels are let go once it is stored
  const auto check = [&](const char* when) {
    EXPECT_TRUE(this->predictions_->Windows({"late"})[0].settled) << when;
    EXPECT_FALSE(this->predictions_->Windows({"late"})[1].settled) << when;
    EXPECT_EQ(this->predictions_->Windows({"late"})[0].labelled, 2) << when;
    EXPECT_EQ(this->predictions_->Windows({"late"})[0].rows, 5) << when;
    EXPECT_EQ(this->predictions_->Windows({"late"})[0].failures, 2) << when;
    EXPECT_EQ(this->predictions_->Windows({"late"})[0].refused, 4) << when;
    EXPECT_EQ(this->Lines(), before) << when;
    EXPECT_NEAR(this->Coverage().delay_p99_s, 3 * 3600.0, 1e-3) << when;
    EXPECT_EQ(this->Coverage().labelled, 2) << when;
    EXPECT_EQ(this->Coverage().unknown, 0) << when;
  };
  check("settled");
  this->Restart();
  check("after a restart");
  EXPECT_EQ(this->AcceptLabels(MakeLabels("l3", "a", 0, 3, 0)).too_late, 3);
  EXPECT_EQ(this->Coverage().too_late, 3);
  EXPECT_EQ(this->Lines(), before);
  // A piece that comes after all that is kept, and joined.
  this->Accept({MakePiece(0, 4, "d", 2)});
  EXPECT_EQ(this->AcceptLabels(MakeLabels("l4", "d", 0, 1, 1)).joined, 1);
  EXPECT_EQ(this->predictions_->Windows({"late"})[0].rows, 7);
  EXPECT_EQ(this->predictions_->Windows({"late"})[0].labelled, 3);
  this->clock_.Advance(hours(25));
  this->SettleAll();
  this->Restart();
  EXPECT_EQ(this->predictions_->Windows({"late"})[0].rows, 7);
  EXPECT_EQ(this->predictions_->Windows({"late"})[0].labelled, 3);
  EXPECT_EQ(this->Joined().size(), 8U);
}

TYPED_TEST(PredictionsTest, TotalsOfWindowsThatSettledBeforeRefusalsWereCountedAreRead) {
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(24 * 30 + 6, 2, "b", 1)});
  this->clock_.Advance(hours(25));
  this->SettleAll();
  const auto altered = SyncWait(this->database_->Write([](db::Transaction& transaction) -> Result<std::int64_t> {
    const db::Rows rows = TRY(transaction.Query("SELECT totals FROM prediction_settled"));
    std::string totals = rows[0].Blob(0);
    totals.front() = 1;
    totals.pop_back();  // what was refused: less than 64, one byte
    return transaction.Execute("UPDATE prediction_settled SET totals = ?", {db::Bytes{std::move(totals)}});
  }));
  ASSERT_EQ(altered.value_or(0), 1);
  this->Restart();
  const WindowSummary window = this->predictions_->Windows({"late"})[0];
  EXPECT_TRUE(window.settled);
  EXPECT_EQ(window.rows, 3);
  EXPECT_EQ(window.failures, 1);
  EXPECT_EQ(window.refused, 0);
}

TYPED_TEST(PredictionsTest, LabelBatchesAreKeptAsLongAsTheyAreNeeded) {
  const auto batches = [this] {
    return SyncWait(this->database_->Read([](db::Snapshot& s) -> Result<std::int64_t> {
             return TRY(s.Query("SELECT count(*) FROM prediction_label_batches"))
             [0].Int(0);
           }))
        .value_or(-1);
  };
  this->Accept({MakePiece(0, 1, "a", 3)});
  this->AcceptLabels(MakeLabels("l1", "a", 0, 2, 1));
  this->Accept({MakePiece(24 * 30 + 2, 2, "c", 2)});
  this->AcceptLabels(MakeLabels("l2", "c", 24 * 30 + 2, 2, 1));
  this->clock_.Advance(hours(25));
  this->SettleAll();
  this->SettleAll();
  EXPECT_EQ(batches(), 1) << "the first's window is settled, the second's is not";
}

TYPED_TEST(PredictionsTest, TooManyRowsSettleTheOldestEarly) {
  this->options_.rows_max = 4;
  this->Restart();
  this->Accept({MakePiece(0, 1, "a", 3), MakePiece(1, 2, "b", 3)});
  this->SettleAll();
  EXPECT_TRUE(this->predictions_->Windows({"late"})[0].settled);
  EXPECT_FALSE(this->predictions_->Windows({"late"})[1].settled);
  EXPECT_EQ(this->Joined().size(), 6U);
}

TYPED_TEST(PredictionsTest, ColumnsOfSeveralVersionsAreUnited) {
  WindowPiece other = MakePiece(0, 2, "b", 2, 2);
  other.sample.feature_names = {"humid", "temp"};
  other.sample.features = {70, 1, 71, 2};
  other.sample_rate = 0.5;
  this->Accept({MakePiece(0, 1, "a", 1), other});
  const JoinedRows rows = this->Joined();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows.feature_names, (std::vector<std::string>{"temp", "humid"}));
  EXPECT_EQ(rows.features[0], 10);
  EXPECT_TRUE(std::isnan(rows.features[1]));
  EXPECT_EQ(rows.features[4], 2);
  EXPECT_EQ(rows.features[5], 71);
  EXPECT_EQ(rows.weights, (std::vector<float>{1, 2, 2}));
  EXPECT_EQ(rows.keys[0], "key-a");
  const auto narrow = SyncWait(this->predictions_->Joined({"late", 2}, JoinedColumns::kWithoutFeatures));
  EXPECT_EQ(narrow->size(), 2U);
  EXPECT_TRUE(narrow->features.empty());
}

/// The probabilities of one row.
Floats RowOf(const JoinedRows& rows, std::size_t row) {
  const auto begin = rows.class_probabilities.begin() + static_cast<std::ptrdiff_t>(row * rows.classes.size());
  return {begin, begin + static_cast<std::ptrdiff_t>(rows.classes.size())};
}

// Three versions: the first names its classes, the second orders them otherwise and has one more, the third is of a
// server that recorded none.
TYPED_TEST(PredictionsTest, ClassesOfSeveralVersionsAreOneList) {
  this->Accept(
      {MakeFlowers(1, "a", {"setosa", "virginica"}, 2), MakeFlowers(2, "b", {"iris", "virginica", "setosa"}, 3, 2)});
  WindowPiece without = MakePiece(0, 3, "c", 1, 3);
  without.sample.predictions = {1};
  this->Accept(without);
  for (int round = 0; round < 2; ++round) {
    const JoinedRows rows = this->Joined();
    EXPECT_EQ(rows.classes, (Names{"setosa", "virginica", "iris"}));
    ASSERT_EQ(rows.class_probabilities.size(), 18U);
    EXPECT_EQ(RowOf(rows, 0), (Floats{0.5F, 0.5F, 0}));
    EXPECT_EQ(RowOf(rows, 2), (Floats{0.25F, 0.25F, 0.5F}));
    EXPECT_EQ(RowOf(rows, 3), (Floats{0.25F, 0.5F, 0.25F}));
    EXPECT_EQ(RowOf(rows, 4), (Floats{0.5F, 0.25F, 0.25F}));
    for (const float none : RowOf(rows, 5)) EXPECT_TRUE(std::isnan(none));
    EXPECT_EQ(rows.predictions, (Floats{0, 1, 2, 1, 0, 1}));
    const auto narrow = SyncWait(this->predictions_->Joined({"late", 2}, JoinedColumns::kWithoutFeatures));
    EXPECT_EQ(narrow->class_probabilities.size(), 9U);
    this->Restart();
    this->Accept({MakeFlowers(2, "b", {"iris", "virginica", "setosa"}, 3, 2)});  // known already
  }
  this->Accept(MakeFlowers(4, "d", {"lily", "iris"}, 1, 4));
  EXPECT_EQ(SyncWait(this->predictions_->Classes("late")).value_or(Names{}),
            (Names{"setosa", "virginica", "iris", "lily"}));
  EXPECT_TRUE(SyncWait(this->predictions_->Classes("other")).value_or(Names{"x"}).empty());
}

TYPED_TEST(PredictionsTest, ProbabilitiesAreKeptBitForBitAlsoOfSettledWindows) {
  WindowPiece piece = MakeFlowers(1, "a", {"x", "y", "z"}, 3);
  for (std::size_t i = 0; i < 9; ++i) piece.sample.class_probabilities[i] = 1 / (3 + static_cast<float>(i) * 0.7F);
  const Floats sent = piece.sample.class_probabilities;
  this->Accept(piece);
  this->AcceptLabels(NameLabels("l1", "a", {"z", "x", "y"}));
  this->Accept({MakePiece(24 * 30 + 6, 2, "c", 1)});
  this->clock_.Advance(hours(25));
  this->SettleAll();
  this->SettleAll();
  ASSERT_TRUE(this->predictions_->Windows({"late"})[0].settled);
  this->Restart();
  const JoinedRows rows = this->Joined({"late", 0, kStart, kStart + hours(1)});
  ASSERT_EQ(rows.class_probabilities.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(rows.class_probabilities[i]), std::bit_cast<std::uint32_t>(sent[i]));
  }
  EXPECT_EQ(rows.labels, (std::vector<double>{2, 0, 1}));
}

TYPED_TEST(PredictionsTest, LabelsNameTheirClass) {
  this->Accept({MakeFlowers(1, "a", {"3", "setosa"}, 3)});
  EXPECT_EQ(this->AcceptLabels(NameLabels("l1", "a", {"setosa", "lily", "3.0"})).joined, 3);
  EXPECT_TRUE(this->AcceptLabels(NameLabels("l1", "a", {"setosa", "lily", "3.0"})).repeated);
  wire::LabelBatch number = MakeLabels("l2", "a", 0, 1, 0, hours(4));
  this->AcceptLabels(number);
  for (int round = 0; round < 2; ++round) {
    const JoinedRows rows = this->Joined();
    EXPECT_EQ(rows.classes, (Names{"3", "setosa", "lily"})) << "a class that no version has yet";
    EXPECT_EQ(rows.labels, (std::vector<double>{0, 2, 0}));
    EXPECT_EQ(RowOf(rows, 0), (Floats{0.5F, 0.5F, 0}));
    this->Restart();
  }
  const auto other = SyncWait(this->predictions_->AcceptLabels(NameLabels("l1", "a", {"lily", "lily", "3"})));
  EXPECT_EQ(other.error().code, Code::kAlreadyExists);
}

TYPED_TEST(PredictionsTest, LabelsBeforeTheFirstPieceTakeTheModelsOrder) {
  const auto accepted = SyncWait(this->predictions_->AcceptLabels(NameLabels("l1", "a", {"z", "w"}), {"x", "y", "z"}));
  ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
  this->Accept({MakeFlowers(1, "a", {"x", "y", "z"}, 2)});
  const JoinedRows rows = this->Joined();
  EXPECT_EQ(rows.classes, (Names{"x", "y", "z", "w"}));
  EXPECT_EQ(rows.labels, (std::vector<double>{2, 3}));
}

TYPED_TEST(PredictionsTest, RefusesNamesWhereThereAreNoneAndTooMany) {
  this->Accept({MakePiece(0, 1, "a", 2)});
  const auto refuse = [this](wire::LabelBatch batch) {
    const auto accepted = SyncWait(this->predictions_->AcceptLabels(std::move(batch)));
    return accepted.ok() ? std::string("accepted") : accepted.error().ToString();
  };
  EXPECT_EQ(refuse(NameLabels("l1", "a", {"", "yes"})),
            "label 2: it is \"yes\", but endpoint late has no classes with names; send a number");
  Names many;
  for (std::size_t i = 0; i < Predictions::kLabelClassesMax - 1; ++i) many.push_back(Cat("c", i));
  this->Accept({MakeFlowers(2, "b", many, 2, 2)});
  EXPECT_EQ(refuse(NameLabels("l1", "b", {"c3", "new"})), "accepted");
  EXPECT_EQ(refuse(NameLabels("l2", "b", {"c3", "newer"})),
            "label 2: \"newer\" is none of the 100 classes of endpoint late, and there can be no more of them: c0, c1, "
            "c2, c3, c4, c5, c6, c7, c8, c9, ...");
  for (std::uint64_t version = 3; version < 14; ++version) {
    Names others;
    for (int i = 0; i < 100; ++i) others.push_back(Cat("v", version, "-", i));
    this->Accept({MakeFlowers(version, Cat("v", version), others, 1, static_cast<std::int64_t>(version))});
  }
  EXPECT_EQ(SyncWait(this->predictions_->Classes("late"))->size(), 1000U);
  const JoinedRows rows = this->Joined();
  ASSERT_EQ(rows.size(), 15U);
  EXPECT_EQ(RowOf(rows, 11)[999], 0);
  EXPECT_GT(RowOf(rows, 12)[999], 0) << "the last of the list";
  for (const std::size_t row : {13U, 14U}) EXPECT_TRUE(std::isnan(RowOf(rows, row)[0])) << "the list is full";
}

}  // namespace
}  // namespace mw::predictions
