// Slices of windows against slices of baselines, settings that change what counts, earlier spans of production as
// baselines, and silence while it lasts: from pieces of windows to what the door shows.
#include <functional>

#include "monitoring/monitor_testing.h"
#include "monitoring/sampled_rows.h"
#include "sketch/baseline_maker.h"
#include "sketch/sliced_baselines.h"

namespace mw::monitoring {
namespace {

using testing::kMonday;
using testing::kToday;
using testing::MonitorTest;

constexpr int kRows = 500;  // of a day
const std::vector<std::string> kOrigins = {"EWR", "JFK", "LGA", "SWF"};
const std::string kSchema = R"({"format_version":1,"name":"f","columns":[{"name":"temp","type":"float","unit":"degF"},)"
                            R"({"name":"origin","type":"category","vocabulary":["EWR","JFK","LGA","SWF"]}]})";

struct Flight {
  float temp = 50;
  int origin = 0;
  float prediction = 0.2F;
};
using Change = std::function<void(Flight&)>;

/// 45 % from Newark, 35 % from Kennedy, 16 % from LaGuardia, 4 % from Stewart.
Flight MakeFlight(Random& random) {
  const std::uint64_t place = random.Below(100);
  Flight out;
  out.origin = place < 45 ? 0 : place < 80 ? 1 : place < 96 ? 2 : 3;
  out.temp = static_cast<float>(50 + 10 * random.Normal());
  out.prediction = static_cast<float>(0.2 + 0.05 * random.Normal());
  return out;
}

class SlicesTest : public MonitorTest {
 protected:
  void SetUp() override {
    MonitorTest::SetUp();
    PackageFiles files;
    files.features = {"temp", "origin"};
    files.schema = kSchema;
    files.warm_up_row = Json::Make({{"temp", 50}, {"origin", "LGA"}});
    const std::vector<schema::Column> columns = schema::FromJson(*Json::Parse(kSchema))->columns;
    SampledRows rows;
    rows.columns.resize(2);
    Random random(4);
    for (int i = 0; i < 90 * kRows; ++i) {
      const Flight flight = MakeFlight(random);
      rows.columns[0].push_back(flight.temp);
      rows.columns[1].push_back(static_cast<float>(flight.origin));
      rows.predictions.push_back(flight.prediction);
      rows.event_times_us.push_back((15'706 + i / kRows) * std::int64_t{86'400'000'000});
    }
    files.others["baseline.bin"] =
        MakeBaseline(rows, AllPlaces(rows), columns, sketch::kBaselineEdges, sketch::kBaselineCountsMax).Bytes();
    sketch::SlicesWriter slices;
    for (std::size_t i = 0; i < kOrigins.size(); ++i) {
      slices.Add({"origin", kOrigins[i],
                  MakeBaseline(rows, PlacesOf(rows, 1, static_cast<float>(i)), columns, sketch::kSliceEdges, 1 << 20)});
    }
    files.others["slices.bin"] = slices.Bytes();
    RegisterPackage(files);
  }

  void SendFlights(Timestamp start, const Change& change = {}, Timestamp received = kToday) {
    wire::WindowPiece piece = MakePiece(start, kRows, received);
    piece.features = sketch::Profile({{"temp", sketch::ValueKind::kNumber}, {"origin", sketch::ValueKind::kCategory}});
    piece.sample.feature_names = {"temp", "origin"};
    for (int i = 0; i < kRows; ++i) {
      Flight flight = MakeFlight(random_);
      if (change) change(flight);
      piece.features.column(0).AddNumber(static_cast<double>(flight.temp));
      piece.features.column(1).AddValue(kOrigins[static_cast<std::size_t>(flight.origin)]);
      piece.prediction.AddNumber(static_cast<double>(flight.prediction));
      piece.sample.ids.push_back(Cat(sequence_, "-", i));
      piece.sample.event_times_us.push_back(ToMicros(start) + i);
      piece.sample.predictions.push_back(flight.prediction);
      piece.sample.features.insert(piece.sample.features.end(), {flight.temp, static_cast<float>(flight.origin)});
    }
    Accept(std::move(piece));
  }
  void SendFlightWeeks(int from, int until, const Change& change = {}) {
    for (int day = from * 7; day < until * 7; ++day) {
      SendFlights(kMonday + day * kDay + std::chrono::hours(12), change);
    }
  }
  void Put(std::string_view settings) {
    const Status put = SyncWait(monitoring_->PutSettings("late", *SettingsFromJson(*Json::Parse(settings))));
    ASSERT_TRUE(put.ok()) << put.error().ToString();
  }
  std::string Refused(std::string_view settings) {
    return SyncWait(monitoring_->PutSettings("late", *SettingsFromJson(*Json::Parse(settings)))).error().message;
  }
  Json FirstFinding() { return Report().Find("findings")->AsArray().at(0); }
};

Change InOrigin(int origin, std::function<void(Flight&)> change) {
  return [origin, change = std::move(change)](Flight& flight) {
    if (flight.origin == origin) change(flight);
  };
}
const Change kWithoutTemp = [](Flight& flight) { flight.temp = std::nanf(""); };
const Change kWarm = [](Flight& flight) { flight.temp += 15; };

TEST_F(SlicesTest, HealthyWeeksSayNothing) {
  SendFlightWeeks(0, 6);
  Settle();
  EXPECT_EQ(States(Report()), "ok ok ok ok ok ok ");
  const Json report = Report();
  ASSERT_EQ(report.Find("slices")->AsArray().size(), 4U);
  EXPECT_EQ(report.Find("slices")->AsArray()[2].StringOr("value", ""), "LGA");
  EXPECT_EQ(report.Find("slices")->AsArray()[2].StringOr("state", ""), "ok");
  EXPECT_EQ(report.Find("baseline")->StringOr("source", ""), "training");
  EXPECT_EQ(report.Find("baseline")->IntOr("blocks", 0), 90);
}

// What the whole window shows too is said once, with where it comes from; and it is as grave as it is there.
TEST_F(SlicesTest, AFaultOfOneSliceThatTheWholeShowsNamesTheSlice) {
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 2, InOrigin(2, kWithoutTemp));
  SendFlightWeeks(2, 3);
  Settle();
  EXPECT_EQ(Sentences(),
            "07-08 alert temp is missing in 15 % of rows, was 0 % in training: the source has gaps; only where "
            "origin=LGA, in 100 % of its rows\n");
  EXPECT_EQ(FirstFinding().Find("slice")->Dump(), R"({"column":"origin","value":"LGA"})");
}

TEST_F(SlicesTest, AFaultOfASmallSliceIsNamedWithItsSlice) {
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 2, InOrigin(3, kWithoutTemp));
  SendFlightWeeks(2, 3);
  Settle();
  EXPECT_EQ(Sentences(),
            "07-08 alert origin=SWF: temp is missing in 100 % of rows, was 0 % in training: the source stopped or was "
            "renamed\n");
  EXPECT_EQ(FirstFinding().Find("slice")->Dump(), R"({"column":"origin","value":"SWF"})");
  EXPECT_NEAR(FirstFinding().DoubleOr("impact", 0), 0.5 * 0.04, 0.005);  // two features, 4 % of the rows
}

TEST_F(SlicesTest, AFaultEverywhereNamesNoSlice) {
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 2, kWithoutTemp);
  SendFlightWeeks(2, 3);
  Settle();
  EXPECT_EQ(Sentences(),
            "07-08 alert temp is missing in 100 % of rows, was 0 % in training: the source stopped or was renamed\n");
  EXPECT_TRUE(FirstFinding().Find("slice")->IsNull());
}

TEST_F(SlicesTest, DriftOfASliceCountsInTheSecondWeek) {
  SendFlightWeeks(0, 2);
  SendFlightWeeks(2, 4, InOrigin(3, kWarm));
  SendFlightWeeks(4, 5);
  Settle();
  const std::string sentences = Sentences();
  EXPECT_EQ(sentences.substr(0, 42), "07-22 note origin=SWF: temp moved: median ") << sentences;
  EXPECT_EQ(std::count(sentences.begin(), sentences.end(), '\n'), 1) << sentences;
  Restart();
  Settle();
  EXPECT_EQ(Evaluated(), 0U);
  EXPECT_EQ(Sentences(), sentences);
}

TEST_F(SlicesTest, AnswersThatMoveInASliceAreANoteUnlessTheyWeigh) {
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 3, InOrigin(3, [](Flight& flight) { flight.prediction += 0.05F; }));
  SendFlightWeeks(3, 4);
  Settle();
  EXPECT_EQ(Sentences().substr(0, 42), "07-15 note origin=SWF: predictions moved: ") << Sentences();
}

TEST_F(SlicesTest, SettingsAreKeptAndEveryWindowIsEvaluatedAgain) {
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 2, InOrigin(3, kWithoutTemp));
  SendFlightWeeks(2, 3);
  Settle();
  EXPECT_EQ(States(Report()), "ok alert ok ");
  const std::uint64_t before = Evaluated();
  Put(R"({"slices":[]})");
  Settle();
  EXPECT_EQ(States(Report()), "ok ok ok ");
  EXPECT_EQ(Evaluated() - before, 3U);
  EXPECT_EQ(Report().Find("settings")->Find("slices")->Dump(), "[]");
  Restart();
  Settle();
  EXPECT_EQ(Evaluated(), 0U);
  Put(R"({"slices":["origin"]})");
  Settle();
  EXPECT_EQ(States(Report()), "ok alert ok ");
}

TEST_F(SlicesTest, AThresholdOfZeroCountsWhateverExceedsTheFloor) {
  const Change little = [](Flight& flight) { flight.temp += 2; };  // 0.2 sigma: JSD below the default's 0.02
  SendFlightWeeks(0, 1);
  SendFlightWeeks(1, 3, little);
  SendFlightWeeks(3, 4);
  Put(R"({"slices":[]})");
  Settle();
  EXPECT_EQ(Sentences(), "");
  Put(R"({"slices":[],"thresholds":{"temp":0}})");
  Settle();
  EXPECT_EQ(Sentences().substr(0, 22), "07-15 note temp moved:") << Sentences();
  Put(R"({"slices":[],"thresholds":{"temp":0},"windows_in_a_row":3})");
  Settle();
  EXPECT_EQ(Sentences(), "");
}

TEST_F(SlicesTest, SettingsOfColumnsThatThereAreNotAreRefused) {
  EXPECT_EQ(Refused(R"({"thresholds":{"tmp":0.1}})"),
            "thresholds: the model has no column \"tmp\"; did you mean temp? It has temp, origin");
  EXPECT_EQ(Refused(R"({"slices":["carrier"]})"), "slices: the model has no column \"carrier\"; it has temp, origin");
  EXPECT_EQ(Refused(R"({"slices":["temp"]})"),
            "slices: \"temp\" is a float; slices are by categories, truth values or whole numbers");
  EXPECT_EQ(Report().Find("slices_missing")->Dump(), "[]");
  EXPECT_TRUE(SyncWait(monitoring_->SettingsOf("late")).value() == Settings());
  EXPECT_EQ(SyncWait(monitoring_->SettingsOf("nobody")).error().code, Code::kNotFound);
  Put(R"({"thresholds":{"prediction":0.5}})");
}

TEST_F(SlicesTest, AnEarlierSpanOfProductionIsTheBaselineOfWhatFollows) {
  const Change warmer = [](Flight& flight) { flight.temp += 15; };
  SendFlightWeeks(0, 12, warmer);
  SendFlightWeeks(12, 14, [](Flight& flight) { flight.temp += 30; });
  SendFlightWeeks(14, 15, warmer);
  Settle();
  EXPECT_EQ(States(Report()),
            "ok warning warning warning warning warning warning warning warning warning warning "
            "warning warning warning ok ");        // the last week is not over
  Put(R"({"baseline":"2013-07-01/2013-09-16"})");  // eleven weeks
  Settle();
  const Json report = Report();
  EXPECT_EQ(States(report),
            "ok warning warning warning warning warning warning warning warning warning warning "
            "ok ok warning ok ");
  const Json& baseline = *report.Find("baseline");
  EXPECT_EQ(baseline.StringOr("source", ""), "production");
  EXPECT_EQ(baseline.StringOr("from", ""), "2013-07-01T00:00:00Z");
  EXPECT_EQ(baseline.StringOr("to", ""), "2013-09-16T00:00:00Z");
  EXPECT_EQ(baseline.IntOr("rows", 0), 77 * kRows);
  EXPECT_EQ(baseline.IntOr("blocks", 0), 77);
  EXPECT_EQ(FirstFinding().StringOr("floor_method", ""), "blocks");
  EXPECT_EQ(FirstFinding().StringOr("sentence", "").substr(0, 39), "temp moved: median 79.8 degF, was 65 (J");
  ASSERT_EQ(report.Find("slices")->AsArray().size(), 4U);  // the span has slices of its own
  const auto feature = SyncWait(monitoring_->Feature("late", 0, "temp", kMonday + 84 * kDay, kMonday + 91 * kDay));
  ASSERT_TRUE(feature.ok());
  EXPECT_EQ(feature->StringOr("source", ""), "production");
  EXPECT_GT(feature->DoubleOr("jsd", 0), 0.2);
}

TEST_F(SlicesTest, ASpanWithTooFewRowsIsNoBaselineAndSaysWhy) {
  SendFlightWeeks(0, 3);
  Put(R"({"baseline":"2013-07-01/2013-07-02"})");
  Settle();
  const Json report = Report();
  EXPECT_EQ(States(report), "ok baseline_missing baseline_missing ");  // the first begins before the span's end
  EXPECT_EQ(report.Find("baseline")->StringOr("reason", ""),
            "version 1 has 500 sampled rows in 2013-07-01/2013-07-02, a baseline takes 1000: choose another span, or "
            "baseline=training");
  SendFlights(kMonday + std::chrono::hours(14), {});
  SendFlights(kMonday + std::chrono::hours(15), {});
  Settle();
  EXPECT_EQ(States(Report()), "ok ok ok ") << Report().Find("baseline")->Dump();  // late pieces made it one
}

/// Flights that are asked about while they happen, day by day from the Monday before `kToday`.
class LiveTest : public SlicesTest {
 protected:
  static Timestamp Noon(int day) { return *ParseTime("2025-12-29T12:00:00Z") + day * kDay; }
  void SendLive(int day) { SendFlights(Noon(day), {}, Noon(day) + std::chrono::minutes(50)); }
};

TEST_F(LiveTest, SilenceIsAnOutageOnceTheWindowHasPassed) {
  for (int day = 0; day < 7; ++day) SendLive(day);
  now_ = Noon(6) + std::chrono::hours(1);
  Settle();
  EXPECT_EQ(States(Report()), "ok ");
  EXPECT_FALSE(Report().Find("windows")->AsArray()[0].BoolOr("closed", true));
  now_ = Noon(7);  // the week is over, nothing has come since
  Settle();
  EXPECT_TRUE(Report().Find("windows")->AsArray()[0].BoolOr("closed", false));
  now_ = Noon(13);
  Settle();
  EXPECT_EQ(States(Report()), "ok ");
  now_ = Noon(14);
  Settle();
  EXPECT_EQ(States(Report()), "ok no_data ");
  EXPECT_EQ(Sentences(), "01-05 alert no predictions were asked for: callers, network or server are down\n");
  Restart();
  Settle();
  EXPECT_EQ(Evaluated(), 0U);
  now_ = Noon(21);
  Settle();
  EXPECT_EQ(States(Report()), "ok no_data no_data ");
  SendLive(21);
  Settle();
  EXPECT_EQ(States(Report()), "ok no_data no_data ok ");
}

TEST_F(LiveTest, WakesByItselfWhenTheWindowEnds) {
  for (int day = 0; day < 7; ++day) SendLive(day);
  now_ = Noon(6) + std::chrono::hours(1);
  Settle();
  const auto tick = [this]() -> Task<Timestamp> { co_return co_await reconciler_->Tick(now_); };
  EXPECT_EQ(SyncWait(tick()), *ParseTime("2026-01-05T00:00:00Z") + MonitorReconciler::kGrace);
}

// A year that is played again stands still with its last flight, however late it gets.
TEST_F(LiveTest, TheEndOfAReplayIsNoOutage) {
  SendFlightWeeks(0, 2);
  Settle();
  now_ += 365 * kDay;
  Settle();
  EXPECT_EQ(States(Report()), "ok ok ");
}

// Somebody tried it once: its silence wakes nobody.
TEST_F(LiveTest, AnEndpointThatIsHardlyUsedIsNotMissed) {
  wire::WindowPiece piece = MakePiece(Noon(0), 3, Noon(0) + std::chrono::minutes(5));
  Accept(std::move(piece));
  now_ = Noon(30);
  Settle();
  EXPECT_EQ(States(Report()), "insufficient_data ");
}

}  // namespace
}  // namespace mw::monitoring
