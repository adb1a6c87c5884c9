// Windows and labels over HTTP, against a real server and a real database: what is taken, what is refused, and that a
// refusal loses nothing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "api/native/routes.h"
#include "base/file.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/memory_blobs.h"
#include "db/temporary_database.h"
#include "net/authenticator.h"
#include "net/http_client.h"
#include "net/stream_server.h"
#include "predictions/predictions.h"
#include "wire/label_batch.h"
#include "wire/package.h"

namespace mw::api::native {
namespace {

using net::Method;

class PredictionRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *driver_.Open();
    std::vector<db::Migration> all;
    for (const auto& module :
         {lineage::Migrations(), registry::Migrations(), endpoints::Migrations(), predictions::Migrations()}) {
      all.insert(all.end(), module.begin(), module.end());
    }
    ASSERT_TRUE(database_->Migrate(all).ok());
    predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
    net::RouteTable routes;
    AddPredictionRoutes(routes, *predictions_, *endpoints_, blobs_);
    authenticator_.Add("server", {"server:s1", {net::Permission::kFollow}});
    authenticator_.Add("user", {"user", {net::Permission::kWrite, net::Permission::kRead}});
    server_ = *net::StreamServer::Start({}, std::move(routes), authenticator_, metrics_);
  }

  net::Response Send(const std::string& token, Method method, const std::string& target, std::string_view body = "",
                     const std::string& type = "application/json") {
    net::ClientOptions options;
    options.bearer_token = token;
    auto client = *net::HttpClient::Make(Cat("http://127.0.0.1:", server_->port()), options);
    const auto response = client.Send(method, target, body, {{"Content-Type", type}});
    EXPECT_TRUE(response.ok()) << response.error().ToString();
    return response.value_or(net::Response{});
  }
  /// "STATUS message" of a refusal, or the JSON that was answered.
  static std::string Said(const net::Response& response) {
    if (response.status == 200) return response.body;
    return Cat(response.status, " ", net::ErrorFromResponse(response).message);
  }
  Json Ask(const std::string& target) {
    const net::Response response = Send("user", Method::kGet, target);
    EXPECT_EQ(response.status, 200) << response.body;
    const Result<Json> parsed = Json::Parse(response.body);
    return parsed.ok() ? *parsed : Json();
  }

  static std::string Piece(std::uint64_t sequence, const std::string& id, const std::string& server = "s1") {
    wire::WindowPiece piece;
    piece.server = server;
    piece.boot = "b1";
    piece.sequence = sequence;
    piece.endpoint = "late";
    piece.model = "late-departures";
    piece.version = 1;
    piece.window_start = *ParseTime("2013-05-01T10:00:00Z");
    piece.rows = piece.sampled_rows = 1;
    piece.requests = 4;
    piece.failures = 1;
    piece.refused = 2;
    piece.first_received = piece.last_received = *ParseTime("2026-01-01T00:00:00Z");
    piece.latency.Add(std::chrono::milliseconds(2));
    piece.sample.ids = {id};
    piece.sample.event_times_us = {ToMicros(piece.window_start) + 1};
    piece.sample.predictions = {0.25F};
    piece.prediction.AddNumber(0.25);
    return wire::ToBytes(piece);
  }
  static std::string Frame(const std::vector<std::string>& pieces) {
    std::string frame;
    for (const std::string& piece : pieces) wire::AppendToFrame(frame, piece);
    return frame;
  }

  /// The endpoint shall answer with a model of which the package says this.
  void Deploy(wire::PackageInfo info) {
    std::string directory = Cat(::testing::TempDir(), "/mw-routes-XXXXXX");
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    ASSERT_TRUE(WriteFileDurably(directory + "/model.json", "{}").ok());
    wire::Package package;
    package.info = std::move(info);
    package.info.model = "late-departures";
    package.info.features = {"distance"};
    package.schema = Json::MakeObject();
    const Status written = wire::WritePackage(directory, package);
    ASSERT_TRUE(written.ok()) << written.error().ToString();
    const auto stored = blob::PutDirectory(blobs_, directory);
    ASSERT_TRUE(stored.ok()) << stored.error().ToString();
    std::filesystem::remove_all(directory);
    registry::NewVersion version;
    version.name = {"default", "late-departures"};
    version.package = *stored;
    version.attempt_id = Cat("attempt-", ++deployed_);
    const auto created = SyncWait(registry_->CreateVersion(std::move(version)));
    ASSERT_TRUE(created.ok()) << created.error().ToString();
    endpoints::DeployRequest request{"late", "late-departures", Cat(created->version), "test", ""};
    const auto deployment = SyncWait(endpoints_->Deploy(std::move(request)));
    ASSERT_TRUE(deployment.ok()) << deployment.error().ToString();
  }
  /// What became of one label.
  std::string Label(std::string_view label) {
    const std::string body =
        Cat(R"({"batch_id":")", ++batches_, R"(","labels":[{"prediction_id":"a","label":)", label, "}]}");
    return Said(Send("user", Method::kPost, "/api/v1/endpoints/late/labels", body));
  }
  double LabelSum() {
    return Ask("/api/v1/endpoints/late/windows").Find("windows")->AsArray()[0].DoubleOr("label_sum", -1);
  }

  int deployed_ = 0, batches_ = 0;
  blob::MemoryBlobs blobs_;
  db::TemporarySqlite driver_;
  RealClock clock_;
  MetricsRegistry metrics_;
  net::TokenAuthenticator authenticator_{clock_, std::nullopt};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<predictions::Predictions> predictions_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<net::StreamServer> server_;
};

constexpr const char* kWindows = "/api/v1/servers/s1/windows";
constexpr const char* kLabels = "/api/v1/endpoints/late/labels";

TEST_F(PredictionRoutesTest, TakesPiecesOnceAndShowsTheirWindows) {
  const std::string frame = Frame({Piece(1, "a"), Piece(2, "b")});
  EXPECT_EQ(Said(Send("server", Method::kPut, kWindows, frame)), R"({"pieces":2,"repeated":0,"rows":2})");
  EXPECT_EQ(Said(Send("server", Method::kPut, kWindows, frame)), R"({"pieces":0,"repeated":2,"rows":0})");
  const Json windows =
      Ask("/api/v1/endpoints/late/windows?from=2013-05-01T00:00:00Z&to=2013-05-02T00:00:00Z&version=1");
  ASSERT_EQ(windows.Find("windows")->AsArray().size(), 1U);
  const Json& window = windows.Find("windows")->AsArray()[0];
  EXPECT_EQ(window.IntOr("failures", -1), 2);
  EXPECT_EQ(window.IntOr("refused", -1), 4);
  EXPECT_EQ(window.StringOr("from", ""), "2013-05-01T10:00:00Z");
  EXPECT_EQ(window.IntOr("rows", 0), 2);
  EXPECT_NEAR(window.Find("latency_ms")->DoubleOr("p50", 0), 2, 0.2);
  EXPECT_TRUE(Ask("/api/v1/endpoints/late/windows?version=2").Find("windows")->AsArray().empty());
}

TEST_F(PredictionRoutesTest, TakesMorePiecesThanATransactionDoes) {
  std::vector<std::string> pieces;
  for (std::uint64_t i = 1; i <= 5000; ++i) pieces.push_back(Piece(i, Cat("p", i)));
  const std::string frame = Frame(pieces);
  EXPECT_EQ(Said(Send("server", Method::kPut, kWindows, frame)), R"({"pieces":5000,"repeated":0,"rows":5000})");
  EXPECT_EQ(Said(Send("server", Method::kPut, kWindows, frame)), R"({"pieces":0,"repeated":5000,"rows":0})");
}

TEST_F(PredictionRoutesTest, TakesLabelsInThreeForms) {
  Send("server", Method::kPut, kWindows, Frame({Piece(1, "a"), Piece(2, "b"), Piece(3, "c")}));
  const std::string json =
      R"({"batch_id":"j","labels":[{"prediction_id":"a","label":true,"time":"2013-05-01T11:00:00Z"}]})";
  const std::string taken = R"({"batch_id":"j","labels":1,"repeated":false,"joined":1,"waiting":0,"too_late":0})";
  EXPECT_EQ(Said(Send("user", Method::kPost, kLabels, json)), taken);
  EXPECT_EQ(Said(Send("user", Method::kPost, kLabels, json)),
            R"({"batch_id":"j","labels":1,"repeated":true,"joined":0,"waiting":0,"too_late":0})");
  EXPECT_EQ(Send("user", Method::kPost, Cat(kLabels, "?batch_id=n"),
                 "{\"prediction_id\":\"b\",\"label\":0}\n{\"key\":\"nobody\",\"label\":0}\n", "application/x-ndjson")
                .status,
            200);
  EXPECT_EQ(Send("user", Method::kPost, Cat(kLabels, "?batch_id=c"),
                 wire::LabelBytes({{wire::LabelBy::kPrediction, "c", 1, wire::kNoLabelTime}}),
                 std::string(wire::kLabelBatchType))
                .status,
            200);
  const Json coverage = Ask(kLabels);
  EXPECT_EQ(coverage.IntOr("predictions", 0), 3);
  EXPECT_EQ(coverage.IntOr("labelled", 0), 3);
  EXPECT_EQ(coverage.IntOr("unknown", 0), 1);
  EXPECT_NEAR(coverage.Find("delay_s")->DoubleOr("p50", 0), 3600, 1);
  EXPECT_EQ(Ask("/api/v1/endpoints/late/windows").Find("windows")->AsArray()[0].DoubleOr("label_sum", 0), 2);
}

TEST_F(PredictionRoutesTest, OfTwoClassesALabelMayBeOneOfItsValues) {
  Send("server", Method::kPut, kWindows, Frame({Piece(1, "a")}));
  EXPECT_EQ(Label("\"Yes\""), "400 label 1: it is \"Yes\", but endpoint late has no classes with names; send a number");
  wire::PackageInfo info;
  info.label = "Attrition";
  Deploy(info);
  EXPECT_EQ(Label("\"late\""), "400 label 1: it is \"late\"; Attrition is \"false\" or \"true\"");
  for (const char* wrong : {"99", "17", "-1", "0.5"}) {
    EXPECT_EQ(Label(wrong), Cat("400 label 1: it is ", wrong, "; Attrition is 0 or 1"));
  }
  Label("\"Yes\"");
  EXPECT_EQ(LabelSum(), 1) << "Yes is true";
  Label("\"no\"");
  EXPECT_EQ(LabelSum(), 0);
  info.label_values = {"No", "Yes"};
  Deploy(info);
  EXPECT_EQ(Ask(kLabels).Find("classes")->Dump(), R"(["No","Yes"])");
  EXPECT_EQ(Label("\"maybe\""), "400 label 1: it is \"maybe\"; Attrition is \"No\" or \"Yes\"");
  EXPECT_NE(Label("\"Yes\"").find("\"joined\":1"), std::string::npos);
  EXPECT_EQ(LabelSum(), 1);
  Label("\"No\"");
  EXPECT_EQ(LabelSum(), 0);
  Label("true");
  EXPECT_EQ(LabelSum(), 1);
  EXPECT_TRUE(SyncWait(predictions_->Classes("late"))->empty());
}

TEST_F(PredictionRoutesTest, OfSeveralClassesALabelMayBeAName) {
  wire::PackageInfo info;
  info.type = "multiclass_classification";
  info.classes = {"setosa", "versicolor", "virginica"};
  Deploy(info);
  EXPECT_EQ(Ask(kLabels).Find("classes")->Dump(), R"(["setosa","versicolor","virginica"])");
  EXPECT_NE(Label("\"virginica\"").find("\"waiting\":1"), std::string::npos);
  Send("server", Method::kPut, kWindows, Frame({Piece(1, "a")}));
  EXPECT_EQ(LabelSum(), 2);
  for (const char* wrong : {"99", "3", "-1", "1.5"}) {
    EXPECT_EQ(Label(wrong), Cat("400 label 1: it is ", wrong, "; the label is the number of a class, or its name: ",
                                "0 setosa, 1 versicolor, 2 virginica"));
  }
  EXPECT_EQ(LabelSum(), 2) << "what is refused changes nothing";
  EXPECT_NE(Label("\"lily\"").find(R"("new_classes":[{"name":"lily","labels":1,"did_you_mean":null}])"),
            std::string::npos);
  EXPECT_EQ(LabelSum(), 3);
  EXPECT_EQ(Label("\"lily\"").find("new_classes"), std::string::npos) << "it is there now";
  EXPECT_EQ(Label("3").substr(0, 1), "{") << "its number is a place in the list";
  EXPECT_EQ(Ask(kLabels).Find("foreign_classes")->Dump(), R"([{"name":"lily","did_you_mean":null}])");
  EXPECT_EQ(Ask(kLabels).Find("classes")->Dump(), R"(["setosa","versicolor","virginica","lily"])");
  const std::string lines = "{\"prediction_id\":\"a\",\"label\":\"versicolor\"}\n";
  EXPECT_EQ(Send("user", Method::kPost, Cat(kLabels, "?batch_id=n"), lines, "application/x-ndjson").status, 200);
  EXPECT_EQ(LabelSum(), 1);
  EXPECT_EQ(Send("user", Method::kPost, Cat(kLabels, "?batch_id=c"),
                 wire::LabelBytes({{wire::LabelBy::kPrediction, "a", 0, wire::kNoLabelTime, "virginica"}}),
                 std::string(wire::kLabelBatchType))
                .status,
            200);
  EXPECT_EQ(LabelSum(), 2);
}

TEST_F(PredictionRoutesTest, AnyNumberIsALabelOfARegression) {
  Send("server", Method::kPut, kWindows, Frame({Piece(1, "a")}));
  wire::PackageInfo info;
  info.type = "regression";
  Deploy(info);
  Label("-12.5");
  EXPECT_EQ(LabelSum(), -12.5);
}

TEST_F(PredictionRoutesTest, AClassThatIsNearlyOneOfThoseThereIsAskedAbout) {
  wire::PackageInfo info;
  info.type = "multiclass_classification";
  info.classes = {"Adelie", "Chinstrap", "Gentoo"};
  Deploy(info);
  const std::string asked = R"({"name":"Gentooo","labels":1,"did_you_mean":"Gentoo"})";
  EXPECT_NE(Label("\"Gentooo\"").find(Cat(R"("new_classes":[)", asked, "]")), std::string::npos);
  const Json labels = Ask(kLabels);
  EXPECT_EQ(labels.Find("foreign_classes")->Dump(), R"([{"name":"Gentooo","did_you_mean":"Gentoo"}])");
  EXPECT_EQ(labels.Find("key")->Dump(), "null");
}

TEST_F(PredictionRoutesTest, SaysHowManyPredictionsAreKept) {
  wire::WindowPiece piece = *wire::WindowPieceFromBytes(Piece(1, "a"));
  piece.rows = 4;
  Send("server", Method::kPut, kWindows, Frame({wire::ToBytes(piece)}));
  const std::string none = "?from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:00Z";
  EXPECT_EQ(Ask(kLabels + none).Find("recorded")->Dump(), R"({"rows":4,"kept":1})") << "of all windows";
}

TEST_F(PredictionRoutesTest, RefusesWhatIsBrokenAndLosesNothing) {
  std::string frame = Frame({Piece(1, "a"), Piece(2, "b")});
  frame.resize(frame.size() - 3);
  EXPECT_EQ(Send("server", Method::kPut, kWindows, frame).status, 400) << "a sender tries again on any other";
  EXPECT_EQ(Said(Send("server", Method::kPut, kWindows, Frame({Piece(1, "a", "s2")}))),
            "400 a piece of server \"s2\" came under the name \"s1\"");
  EXPECT_TRUE(predictions_->EndpointNames().empty());
  EXPECT_EQ(Send("user", Method::kPost, kLabels, R"({"batch_id":"j","labels":[]})").status, 404) << "nobody knows it";
  Send("server", Method::kPut, kWindows, Frame({Piece(1, "a")}));
  const auto refuse = [this](std::string_view body, const std::string& type = "application/json") {
    return Said(Send("user", Method::kPost, kLabels, body, type));
  };
  EXPECT_EQ(refuse(R"({"batch_id":"j"})"), "400 \"labels\" is missing");
  EXPECT_EQ(refuse(R"({"batch_id":"j","labels":[{"prediction_id":"a","label":1},{"label":1}]})"),
            "400 label 2: a label has either \"prediction_id\" or \"key\"");
  EXPECT_EQ(refuse("", "application/x-ndjson"),
            "400 labels in this form carry their batch in the address: ?batch_id=...");
  EXPECT_EQ(Said(Send("user", Method::kPost, Cat(kLabels, "?batch_id=c"), "MWL9", std::string(wire::kLabelBatchType))),
            "400 no labels: they begin with MWL1 or MWL2");
  EXPECT_NE(refuse("{").find("400 "), std::string::npos);
  EXPECT_EQ(Ask(kLabels).IntOr("labelled", -1), 0);
  EXPECT_EQ(refuse(R"({"batch_id":"j","labels":[{"prediction_id":"a","label":1}]})"),
            R"({"batch_id":"j","labels":1,"repeated":false,"joined":1,"waiting":0,"too_late":0})")
      << "the batch's id was not used up";
  EXPECT_EQ(Said(Send("user", Method::kGet, "/api/v1/endpoints/late/windows?version=x")),
            "400 version is \"x\"; it must be a number");
}

TEST_F(PredictionRoutesTest, EachMayOnlyDoItsOwn) {
  EXPECT_EQ(Send("user", Method::kPut, kWindows, Frame({Piece(1, "a")})).status, 403);
  EXPECT_EQ(Send("server", Method::kPost, kLabels, R"({"batch_id":"j","labels":[]})").status, 403);
  EXPECT_EQ(Send("server", Method::kGet, "/api/v1/endpoints/late/windows").status, 403);
  EXPECT_EQ(Send("nobody", Method::kGet, kLabels).status, 401);
}

}  // namespace
}  // namespace mw::api::native
