// What the handler records of requests over real sockets: the ids, times, features and predictions that the
// client and the model saw, refusals, and nothing of a probe.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <map>

#include "api/inference/test_server.h"
#include "base/file.h"
#include "serving/test_model.h"
#include "serving/window_builder.h"

namespace mw::api::inference {
namespace {

using serving::testing::TestDirectory;
using serving::testing::WriteTestPackage;
using testing::ServerTest;

class RecordingTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    WriteTestPackage(directory_ / "p", 100);
    ASSERT_TRUE(catalog_.Deploy("late", 3, "sha256:3", directory_ / "p").ok());
    catalog_.SetReady(true);
    Listen(Loops(2), [this] {
      lanes_.push_back(std::make_unique<serving::RecordingLane>(clock_, wake_.get(), lost_));
      return InferenceContext{catalog_, metrics_, clock_, "9.9.9", lanes_.back().get()};
    });
  }

  /// Columns in the order of the test model, values as JSON lists; `head` goes before the inputs.
  static std::string Body(std::string_view head, std::string_view more = "", std::string_view carriers = "[\"AA\"]",
                          int rows = 1) {
    const auto tensor = [rows](std::string_view name, std::string_view type, std::string_view data) {
      return Cat(R"({"name":")", name, R"(","shape":[)", rows, R"(],"datatype":")", type, R"(","data":)", data, "}");
    };
    const auto list = [rows](std::string_view value) {
      std::string data = "[";
      for (int row = 0; row < rows; ++row) CatTo(data, row > 0 ? "," : "", value);
      return data + "]";
    };
    return Cat("{", head, R"("inputs":[)", tensor("temp", "FP32", list("21.5")), ",",
               tensor("wind", "FP32", list("null")), ",", tensor("hour", "INT64", list("7")), ",",
               tensor("holiday", "BOOL", list("true")), ",", tensor("carrier", "BYTES", carriers), ",",
               tensor("origin", "BYTES", list("\"JFK\"")), more, "]}");
  }
  Json Ask(const std::string& body, int status = 200, std::string_view model = "late") {
    return PostJson(Cat("/v2/models/", model, "/infer"), body, status);
  }
  /// Everything recorded, by start of the window.
  std::map<std::string, wire::WindowPiece> Pieces() {
    server_.reset();
    std::map<std::string, wire::WindowPiece> pieces;
    serving::WindowBuilder builder({.server = "s", .boot = "b"}, [&](const wire::WindowPiece& piece) {
      auto read = wire::WindowPieceFromBytes(wire::ToBytes(piece));
      EXPECT_TRUE(read.ok());
      pieces[FormatTime(piece.window_start)] = *std::move(read);
      return true;
    });
    for (const auto& lane : lanes_) {
      lane->Drain([&](const serving::RecordingLane::Record& record) { builder.Add(record); });
    }
    builder.Cut();
    return pieces;
  }

  TestDirectory directory_;
  serving::Catalog catalog_{metrics_};
  FileDescriptor wake_{eventfd(0, EFD_NONBLOCK)};
  Counter lost_;
  std::vector<std::unique_ptr<serving::RecordingLane>> lanes_;
};

TEST_F(RecordingTest, ARequestIsRecordedAsTheClientAndTheModelSawIt) {
  const Json answer =
      Ask(Body(R"("id":"UA-1545","parameters":{"event_time":"2013-07-01T00:30:00-04:00"},)", "", R"(["ZZ"])"));
  const auto pieces = Pieces();
  ASSERT_EQ(pieces.size(), 1U);
  const wire::WindowPiece& piece = pieces.at("2013-07-01T04:00:00Z");
  EXPECT_EQ(piece.endpoint, "late");
  EXPECT_EQ(piece.model, "late");
  EXPECT_EQ(piece.version, 3);
  EXPECT_EQ(piece.rows, 1);
  EXPECT_EQ(piece.sample.ids.front(), "UA-1545");
  EXPECT_EQ(FormatTime(FromMicros(piece.sample.event_times_us.front())), "2013-07-01T04:30:00Z");
  const double probability = answer.Find("outputs")->AsArray()[0].Find("data")->AsArray()[0].AsDouble();
  EXPECT_EQ(piece.sample.predictions.front(), static_cast<float>(probability));
  EXPECT_EQ(piece.flagged_rows, probability >= 0.25 ? 1 : 0);
  EXPECT_EQ(piece.sample.feature_names, serving::testing::TestFeatures());
  EXPECT_EQ(piece.sample.features[0], 21.5F);
  EXPECT_EQ(piece.features.Find("wind")->missing(), 1U);
  EXPECT_EQ(piece.features.Find("carrier")->wrong_type(), 1U) << "ZZ is not in the vocabulary";
  EXPECT_EQ(piece.features.Find("origin")->counts().CountOf("JFK"), 1U);
  EXPECT_EQ(piece.features.Find("holiday")->moments().mean(), 1);
  EXPECT_GE(piece.latency.Quantile(1), Duration(0));
  EXPECT_EQ(piece.latency.count(), 1U);
}

TEST_F(RecordingTest, GeneratedIdsAreThoseOfTheAnswers) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Ask(Body("")).StringOr("id", ""));
  const Json batch = Ask(Body("", "", R"(["AA","B6","DL"])", 3));
  for (int row = 0; row < 3; ++row) ids.push_back(Cat(batch.StringOr("id", ""), "/", row));
  const Timestamp now = clock_.Now();
  std::vector<std::string> recorded;
  for (const auto& [start, piece] : Pieces()) {
    recorded.insert(recorded.end(), piece.sample.ids.begin(), piece.sample.ids.end());
    for (const std::int64_t time : piece.sample.event_times_us) {
      EXPECT_LT(std::abs(time - ToMicros(now)), 60'000'000) << "the receipt is the event time";
    }
  }
  std::sort(ids.begin(), ids.end());
  std::sort(recorded.begin(), recorded.end());
  EXPECT_EQ(recorded, ids);
  EXPECT_EQ(ids.front().size(), 32U);
}

TEST_F(RecordingTest, RowsOfABatchHaveTheirOwnTimesAndKeys) {
  const std::string more =
      R"(,{"name":"departure","shape":[3],"datatype":"BYTES","data":["2013-07-01T04:00:00Z","2013-07-01T06:59:00Z",null]})"
      R"(,{"name":"flight","shape":[3],"datatype":"BYTES","data":["UA 1","quo\"te",17]})";
  const Json answer = Ask(Body(R"("id":"b",)", more, R"(["AA","B6","DL"])", 3));
  EXPECT_EQ(answer.Find("parameters")->StringOr("event_time", ""), "2013-07-01T04:00:00Z");
  const auto pieces = Pieces();
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces.at("2013-07-01T04:00:00Z").sample.keys.front(), "UA 1");
  EXPECT_EQ(pieces.at("2013-07-01T06:00:00Z").sample.ids.front(), "b/1");
  EXPECT_EQ(pieces.at("2013-07-01T06:00:00Z").sample.keys.front(), "quo\"te");
  EXPECT_EQ(pieces.rbegin()->second.sample.keys.front(), "17") << "no event time: now";
  // The parameter stands above the column.
  EXPECT_EQ(pieces.at("2013-07-01T04:00:00Z").requests, 1);
}

TEST_F(RecordingTest, OfSeveralClassesEveryProbabilityIsRecordedAsItWasAnswered) {
  const std::vector<std::string> classes = {"early", "on time", "late"};
  WriteTestPackage(directory_ / "classes", 7, "when", serving::testing::TestFeatures(), classes);
  ASSERT_TRUE(catalog_.Deploy("when", 1, "sha256:4", directory_ / "classes").ok());
  const Json answer =
      Ask(Body(R"("id":"b","parameters":{"event_time":"2013-07-01T04:30:00Z"},)", "", R"(["AA","B6","DL"])", 3), 200,
          "when");
  const Json::Array& outputs = answer.Find("outputs")->AsArray();
  const Json::Array& probabilities = outputs[0].Find("data")->AsArray();
  const Json::Array& labels = outputs[1].Find("data")->AsArray();
  const auto pieces = Pieces();
  ASSERT_EQ(pieces.size(), 1U);
  const wire::PredictionSample& sample = pieces.begin()->second.sample;
  EXPECT_EQ(sample.class_names, classes);
  ASSERT_EQ(sample.rows(), 3U);
  ASSERT_EQ(sample.class_probabilities.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(sample.class_probabilities[i], static_cast<float>(probabilities[i].AsDouble()));
  }
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(classes[static_cast<std::size_t>(sample.predictions[row])], labels[row].AsString());
  }
}

TEST_F(RecordingTest, RefusalsCountAndProbesDoNot) {
  Ask(Body(R"("parameters":{"event_time":"2013-07-01T04:30:00Z"},)", "", R"([5])"), 400);
  Ask(Body(R"("parameters":{"event_time":"2013-07-01T04:30:00Z"},)"));
  Ask(Cat(R"({"id":")", kProbeId, R"(",)", Body("").substr(1)));
  const auto pieces = Pieces();
  ASSERT_EQ(pieces.size(), 1U);
  const wire::WindowPiece& piece = pieces.at("2013-07-01T04:00:00Z");
  EXPECT_EQ(piece.requests, 2);
  EXPECT_EQ(piece.refused, 1);
  EXPECT_EQ(piece.failures, 0);
  EXPECT_EQ(piece.rows, 1);
}

// Sums that overflow make no probability: the answer says null, and that is no answer.
TEST_F(RecordingTest, ARequestWithARowOfNoPredictionIsAFailure) {
  const std::vector<std::string> classes = {"early", "on time", "late"};
  serving::testing::WriteTestPackageOf(serving::testing::OverflowingXgboostJson(serving::testing::TestFeatures(), 3),
                                       directory_ / "overflows", 7, "when", serving::testing::TestFeatures(), classes);
  ASSERT_TRUE(catalog_.Deploy("when", 1, "sha256:4", directory_ / "overflows").ok());
  const std::string head = R"("parameters":{"event_time":"2013-07-01T04:30:00Z"},)";
  Ask(Body(head), 200, "when");
  std::string hot = Body(head);
  hot.replace(hot.find("21.5"), 4, "2e6");
  const Json answer = Ask(hot, 200, "when");
  EXPECT_TRUE(answer.Find("outputs")->AsArray()[0].Find("data")->AsArray()[0].IsNull()) << answer.Dump();
  Ask("{", 400, "when");
  Ask(Body(R"("parameters":{"event_time":"0001-01-01T00:00:00Z"},)"), 400, "when");
  const Timestamp now = clock_.Now();
  const auto pieces = Pieces();
  EXPECT_NE(metrics_.Expose().find("millwright_inference_failures_total{model=\"when\",version=\"1\"} 1"),
            std::string::npos);
  EXPECT_NE(metrics_.Expose().find("millwright_inference_refused_total{model=\"when\",version=\"1\"} 2"),
            std::string::npos);
  const wire::WindowPiece& piece = pieces.at("2013-07-01T04:00:00Z");
  EXPECT_EQ(piece.requests, 2);
  EXPECT_EQ(piece.failures, 1);
  EXPECT_EQ(piece.refused, 0);
  EXPECT_EQ(piece.rows, 2);
  std::int64_t refused = 0;
  for (const auto& [start, each] : pieces) {
    refused += each.refused;
    EXPECT_TRUE(each.refused == 0 || now - each.window_start < 2 * wire::kWindowLength) << "not in the year 1";
  }
  EXPECT_EQ(refused, 2);
}

TEST_F(RecordingTest, TheDesiredStateDecidesHowMuchIsSampled) {
  catalog_.SetRecording({.rows_per_second_full = 0});
  for (int i = 0; i < 10; ++i) Ask(Body(""));
  std::int64_t rows = 0;
  for (const auto& [start, piece] : Pieces()) {
    rows += piece.rows;
    EXPECT_EQ(piece.sampled_rows, 0);
    EXPECT_EQ(piece.prediction.rows(), static_cast<std::uint64_t>(piece.rows));
    EXPECT_EQ(piece.sample_rate, 0);
  }
  EXPECT_EQ(rows, 10);
}

}  // namespace
}  // namespace mw::api::inference
