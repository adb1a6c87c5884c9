// Replaying a small dataset against a server that keeps what it is asked.
#include "steps/replay_step.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/testing.h"
#include "net/loop_server.h"
#include "wire/label_batch.h"

namespace mw::steps {
namespace {

/// Serves "m" with four inputs; answers temp / 100, and 400 where temp is missing. Takes labels as a control plane
/// does.
class FakeModelServer {
 public:
  FakeModelServer() {
    net::LoopServerOptions options;
    options.loops = 1;
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, metrics_);
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  std::vector<Json> requests() {
    const Lock lock(mutex_);
    return requests_;
  }
  std::vector<wire::Label> labels() {
    const Lock lock(mutex_);
    return labels_;
  }

 private:
  class Handler final : public net::LoopHandler {
   public:
    explicit Handler(FakeModelServer& server) : server_(server) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { server_.Answer(request, out); }

   private:
    FakeModelServer& server_;
  };

  void AnswerLabels(const net::RequestView& request, net::ResponseWriter& out) {
    if (request.method == net::Method::kGet) return out.Json(R"({"key":"flight","classes":[]})");
    const auto labels = wire::ParseLabelBytes(request.body);
    ASSERT_TRUE(labels.ok()) << labels.error().ToString();
    const Lock lock(mutex_);
    labels_.insert(labels_.end(), labels->begin(), labels->end());
    out.Json(Cat(R"({"labels":)", labels->size(), "}"));
  }

  void Answer(const net::RequestView& request, net::ResponseWriter& out) {
    if (request.path.ends_with("/labels")) return AnswerLabels(request, out);
    if (request.path == "/v2") return out.Json(R"({"name":"fake","models":["m"]})");
    if (request.path == "/v2/models/m") {
      return out.Json(
          R"({"name":"m","inputs":[{"name":"temp"},{"name":"carrier"},{"name":"holiday"},{"name":"hour"}]})");
    }
    if (request.path == "/v2/models/flowers") {
      return out.Json(
          R"({"name":"m","inputs":[{"name":"temp"}],"parameters":{"classes":["setosa","virginica","1","2"]}})");
    }
    if (request.path != "/v2/models/m/infer") return out.Send(404, "application/json", R"({"error":"no such model"})");
    const auto body = Json::Parse(request.body);
    ASSERT_TRUE(body.ok()) << request.body;
    const Json& temp = body->Find("inputs")->AsArray()[0].Find("data")->AsArray()[0];
    {
      const Lock lock(mutex_);
      requests_.push_back(*body);
    }
    if (temp.IsNull()) return out.Send(400, "application/json", R"({"error":"column \"temp\" is missing"})");
    out.Json(Cat(R"({"model_name":"m","model_version":"3","outputs":[{"name":"probability","data":[)",
                 temp.AsDouble() / 100, "]}]}"));
  }

  Mutex mutex_;
  std::vector<Json> requests_ MW_GUARDED_BY(mutex_);
  std::vector<wire::Label> labels_ MW_GUARDED_BY(mutex_);
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
};

class ReplayTest : public ::testing::Test {
 protected:
  /// Five flights out of order, one without a temperature when `with_missing`.
  std::string Dataset(bool with_missing) {
    std::string directory = scratch_.Directory(with_missing ? "missing" : "rows");
    data::DuckdbSession session = data::OpenOver({directory});
    data::DatasetSpec spec;
    spec.roles.event_time = "departure";
    spec.roles.key = "flight";
    spec.roles.label = "late";
    spec.roles.known_at = "known";
    spec.origins = {{"weather", {"temp", "hour"}}};
    const std::string sql = Cat(
        "SELECT 'f\"' || i AS flight, TIMESTAMPTZ '2013-05-01 00:00:00+00' + INTERVAL (5 - i) HOUR AS departure, ",
        with_missing ? "CASE WHEN i = 2 THEN NULL ELSE 10.5 * i END" : "10.5 * i", "::DOUBLE AS temp, ",
        "CASE WHEN i % 2 = 0 THEN 'AA' ELSE 'B6' END AS carrier, i = 3 AS holiday, i AS hour, ",
        "i >= 4 AS late, CASE WHEN i != 2 THEN departure + INTERVAL 90 MINUTE END AS known ", "FROM range(1, 6) t(i)");
    const auto written = data::WriteDataset(session, sql, spec, directory);
    EXPECT_TRUE(written.ok()) << written.error().ToString();
    return directory;
  }
  /// The labels of three rows, as they are sent for a model of several classes.
  std::string LabelsOfClasses(const std::string& label_sql) {
    const std::string directory = scratch_.Directory("classes");
    data::DuckdbSession session = data::OpenOver({directory});
    data::DatasetSpec spec;
    spec.roles.event_time = "at";
    spec.roles.key = "flower";
    spec.roles.label = "species";
    const std::string sql =
        Cat("SELECT 'f' || i AS flower, TIMESTAMPTZ '2013-05-01 00:00:00+00' + INTERVAL (i) HOUR AS at, ",
            "i * 1.5::DOUBLE AS temp, ", label_sql, " AS species FROM range(0, 3) t(i)");
    const auto written = data::WriteDataset(session, sql, spec, directory);
    EXPECT_TRUE(written.ok()) << written.error().ToString();
    const std::size_t before = server_.labels().size();
    const Status replayed =
        Replay({directory, "--url", server_.url(), "--model", "flowers", "--labels-to", server_.url()});
    EXPECT_TRUE(replayed.ok()) << replayed.error().ToString();
    std::string out;
    const std::vector<wire::Label> labels = server_.labels();
    for (std::size_t i = before; i < labels.size(); ++i) CatTo(out, labels[i].id, "=", labels[i].text, " ");
    return out;
  }
  data::ScratchDirectory scratch_;
  FakeModelServer server_;
};

TEST_F(ReplayTest, OfSeveralClassesLabelsHaveNames) {
  EXPECT_EQ(LabelsOfClasses("CASE i WHEN 0 THEN 'virginica' WHEN 2 THEN 'setosa' END"), "f0=virginica f2=setosa ");
  EXPECT_EQ(LabelsOfClasses("(i + 1)::BIGINT"), "f0=1 f1=2 f2=3 ");
}

TEST_F(ReplayTest, SendsEachRowInEventTimeOrderWithItsKeyAndTime) {
  const Status replayed = Replay({Dataset(false), "--url", server_.url(), "--connections", "1", "--json"});
  ASSERT_TRUE(replayed.ok()) << replayed.error().ToString();
  const std::vector<Json> requests = server_.requests();
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(requests[0].Dump(), R"({"id":"f\"5","parameters":{"event_time":"2013-05-01T00:00:00Z"},"inputs":[)"
                                R"({"name":"temp","shape":[1],"datatype":"FP64","data":[52.5]},)"
                                R"({"name":"carrier","shape":[1],"datatype":"BYTES","data":["B6"]},)"
                                R"({"name":"holiday","shape":[1],"datatype":"BOOL","data":[false]},)"
                                R"({"name":"hour","shape":[1],"datatype":"INT64","data":[5]}]})");
  EXPECT_EQ(requests[4].StringOr("id", ""), "f\"1");
}

TEST_F(ReplayTest, NamesTheEntityWhereTheModelHasAKey) {
  const std::vector<std::string> words = {Dataset(false), "--url",       server_.url(),
                                          "--labels-to",  server_.url(), "--no-labels"};
  ASSERT_TRUE(Replay(words).ok());
  for (const Json& request : server_.requests()) {
    const Json& last = request.Find("inputs")->AsArray().back();
    EXPECT_EQ(last.StringOr("name", ""), "flight");
    EXPECT_EQ(last.Find("data")->AsArray()[0].AsString(), request.StringOr("id", ""));
  }
}

TEST_F(ReplayTest, SaysThatNoRowLiesThereAndWhereTheyLie) {
  const std::string rows = Dataset(false);
  const auto refused = [&](const std::vector<std::string>& span) {
    std::vector<std::string> words = {rows, "--url", server_.url()};
    words.insert(words.end(), span.begin(), span.end());
    const Status replayed = Replay(words);
    EXPECT_EQ(replayed.error().code, Code::kInvalidArgument);
    return replayed.error().message;
  };
  const std::string span = "; the dataset's 5 rows are from 2013-05-01T00:00:00Z to 2013-05-01T04:00:00Z";
  EXPECT_EQ(refused({"--from", "2020-01-01", "--to", "2020-02-01"}),
            "no row lies from 2020-01-01T00:00:00Z until 2020-02-01T00:00:00Z" + span);
  EXPECT_EQ(refused({"--to", "2013-01-01"}), "no row lies until 2013-01-01T00:00:00Z" + span);
}

TEST_F(ReplayTest, BringsLabelsInTheOrderInWhichTheyAreKnown) {
  const Status replayed = Replay({Dataset(false), "--url", server_.url(), "--labels-to", server_.url()});
  ASSERT_TRUE(replayed.ok()) << replayed.error().ToString();
  const std::vector<wire::Label> labels = server_.labels();
  ASSERT_EQ(labels.size(), 4U) << "one row never gets a label";
  EXPECT_EQ(labels[0],
            (wire::Label{wire::LabelBy::kPrediction, "f\"5", 1, ToMicros(*ParseTime("2013-05-01T01:30:00Z"))}));
  EXPECT_EQ(labels[3],
            (wire::Label{wire::LabelBy::kPrediction, "f\"1", 0, ToMicros(*ParseTime("2013-05-01T05:30:00Z"))}));
  ASSERT_TRUE(Replay({Dataset(false), "--url", server_.url(), "--labels-to", server_.url(), "--no-labels"}).ok());
  EXPECT_EQ(server_.labels().size(), 4U);
}

TEST_F(ReplayTest, RowsWithoutATimeComeNoFasterThanTheyAreRecorded) {
  const std::string directory = scratch_.Directory("slow");
  {
    data::DuckdbSession session = data::OpenOver({directory});
    const std::string sql =
        "SELECT 10.5::DOUBLE AS temp, 'AA' AS carrier, true AS holiday, i AS hour FROM range(270) t(i)";
    ASSERT_TRUE(data::WriteDataset(session, sql, {}, directory).ok());
  }
  const RealClock clock;
  const auto seconds = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {directory, "--url", server_.url()};
    words.insert(words.end(), more.begin(), more.end());
    const Duration start = clock.Elapsed();
    EXPECT_TRUE(Replay(words).ok());
    return static_cast<double>((clock.Elapsed() - start).count()) * 1e-6;
  };
  EXPECT_GE(seconds({}), 0.27) << "270 rows, 900 a second, and a moment's burst";
  EXPECT_GE(seconds({"--rate", "450"}), 0.55);
  EXPECT_NE(Replay({directory, "--url", server_.url(), "--to", "2020-01-01"}).error().message.find("do not say when"),
            std::string::npos);
  EXPECT_EQ(server_.requests().size(), 540U);
}

TEST_F(ReplayTest, RowsWithoutATimeArePredictionsOfTheirOwnInEachReplay) {
  const std::string directory = scratch_.Directory("undated");
  data::DatasetSpec spec;
  spec.roles.label = "late";
  {
    data::DuckdbSession session = data::OpenOver({directory});
    ASSERT_TRUE(data::WriteDataset(session,
                                   "SELECT 10.5::DOUBLE AS temp, 'AA' AS carrier, true AS holiday, i AS hour, i = 1 AS "
                                   "late FROM range(3) t(i)",
                                   spec, directory)
                    .ok());
  }
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(Replay({directory, "--url", server_.url(), "--labels-to", server_.url()}).ok());
  }
  std::set<std::string> asked, labelled;
  for (const Json& request : server_.requests()) {
    asked.insert(request.StringOr("id", ""));
    EXPECT_EQ(request.Find("parameters"), nullptr) << "their receipt counts";
  }
  for (const wire::Label& label : server_.labels()) labelled.insert(label.id);
  EXPECT_EQ(asked.size(), 6u);
  EXPECT_EQ(labelled, asked);
  EXPECT_EQ(asked.begin()->rfind("replay-", 0), 0u) << *asked.begin();
}

TEST_F(ReplayTest, BreaksTheRequestsAsItWasTold) {
  const Status scaled = Replay({Dataset(false), "--url", server_.url(), "--fault", "scale=temp:2", "--fault",
                                "missing=carrier", "--fault", "scale=hour:-1", "--limit", "1"});
  ASSERT_TRUE(scaled.ok()) << scaled.error().ToString();
  const std::string request = server_.requests()[0].Dump();
  EXPECT_NE(request.find(R"("name":"temp","shape":[1],"datatype":"FP64","data":[105.0])"), std::string::npos)
      << request;
  EXPECT_NE(request.find(R"("name":"carrier","shape":[1],"datatype":"BYTES","data":[null])"), std::string::npos);
  EXPECT_NE(request.find(R"("name":"hour","shape":[1],"datatype":"INT64","data":[-5])"), std::string::npos);
  EXPECT_FALSE(Replay({Dataset(false), "--url", server_.url(), "--fault", "drop=weather"}).ok());
  const Json dropped = server_.requests().back();
  EXPECT_TRUE(dropped.Find("inputs")->AsArray()[0].Find("data")->AsArray()[0].IsNull());
  EXPECT_TRUE(dropped.Find("inputs")->AsArray()[3].Find("data")->AsArray()[0].IsNull());
  EXPECT_FALSE(dropped.Find("inputs")->AsArray()[1].Find("data")->AsArray()[0].IsNull());
}

TEST_F(ReplayTest, TakesAPieceOfTheTimeAndKeepsPredictions) {
  const std::string path = scratch_.path() + "/predictions.parquet";
  const Status replayed =
      Replay({Dataset(false), "--url", server_.url(), "--model", "m", "--from", "2013-05-01T01:00:00Z", "--to",
              "2013-05-01T04:00:00Z", "--limit", "2", "--predictions", path, "--rate", "1000"});
  ASSERT_TRUE(replayed.ok()) << replayed.error().ToString();
  data::DuckdbSession session = data::OpenOver({path});
  ASSERT_TRUE(session.Bind("p", path).ok());
  const auto rows = session.Query("SELECT key, version, prediction FROM p ORDER BY event_time");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0][0].AsString(), "f\"4");
  EXPECT_EQ((*rows)[0][1].AsInt(), 3);
  EXPECT_FLOAT_EQ(static_cast<float>((*rows)[0][2].AsDouble()), 0.42F);
}

TEST_F(ReplayTest, CountsRefusalsAndShowsTheFirst) {
  const Status replayed = Replay({Dataset(true), "--url", server_.url()});
  ASSERT_FALSE(replayed.ok());
  EXPECT_EQ(replayed.error().message,
            "1 of 5 requests failed; the first: 400 {\"error\":\"column \\\"temp\\\" is missing\"}");
}

TEST_F(ReplayTest, SaysWhatDoesNotFit) {
  const std::string rows = Dataset(false);
  EXPECT_EQ(Replay({rows}).error().code, Code::kInvalidArgument);
  EXPECT_NE(Replay({rows, "--url", server_.url(), "--model", "x"}).error().message.find("no such model"),
            std::string::npos);
  EXPECT_EQ(Replay({rows, "--url", "http://127.0.0.1:1"}).error().code, Code::kUnavailable);
  EXPECT_NE(Replay({rows, "--url", server_.url(), "--rate", "x"}).error().message.find("--rate is \"x\""),
            std::string::npos);
}

}  // namespace
}  // namespace mw::steps
