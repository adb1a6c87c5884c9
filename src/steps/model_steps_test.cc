// From rows to a deployed version: train, evaluate, gate, register and deploy as programs see them, on small
// data and against a control plane that is played by a few routes.
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "blob/blob_store.h"
#include "data/dataset.h"
#include "data/testing.h"
#include "evaluation/report.h"
#include "net/stream_server.h"
#include "sketch/baseline.h"
#include "sketch/sliced_baselines.h"
#include "steps/booster.h"
#include "steps/scoring.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::string_view kGoal = R"yaml(goal: late
outcome: x
owner: y
model: late
predict: {label: late, threshold: 0.3}
kpi: {name: saving, require: saving >= 5%, costs: {missed: 10 USD, flagged: 3 USD}}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.70}
  - {name: calibration, priority: 1, require: ece <= 0.10}
  - {name: speed, priority: 1, require: latency <= 20ms}
)yaml";

// Numbers with gaps, a whole number, a truth value and a category decide the label together; chance does the rest.
std::string RowsSql(int from, int until) {
  return Cat(
      "SELECT 'k' || i AS id, TIMESTAMPTZ '2013-01-01 00:00:00Z' + to_minutes(i::INTEGER * 5) AS at, x, hour, weekend,"
      " carrier, CASE WHEN i % 50 = 7 THEN NULL ELSE u < 1 / (1 + exp(-(2 * coalesce(x, 0) + 0.1 * (hour - 12)"
      " + CASE carrier WHEN 'AA' THEN 1 WHEN 'BB' THEN -1 ELSE 0 END - 0.5))) END AS late"
      " FROM (SELECT i, CASE WHEN i % 11 = 0 THEN NULL ELSE hash(i) % 2001 / 1000.0 - 1 END AS x,"
      " (hash(i + 1000000) % 24)::INTEGER AS hour, hash(i + 2000000) % 7 < 2 AS weekend,"
      " CASE hash(i + 3000000) % 4 WHEN 0 THEN 'AA' WHEN 1 THEN 'BB' WHEN 2 THEN 'CC' ELSE NULL END AS carrier,"
      " hash(i + 4000000) % 100000 / 100000.0 AS u FROM range(",
      from, ", ", until, ") r(i))");
}

// A control plane of seven routes; everything it was told is kept.
class FakeControlPlane {
 public:
  explicit FakeControlPlane(const Clock& clock)
      : authenticator_(clock, net::Principal{"local", {net::Permission::kAdmin}}) {
    net::RouteTable routes;
    Add(routes, net::Method::kPost, "/api/v1/runs/{run}/log", [this](const Json& body) -> Result<Json> {
      points += body.Find("metrics")->AsArray().size();
      logged = body;
      return Json::MakeObject();
    });
    Add(routes, net::Method::kPost, "/api/v1/models/{model}/versions", [this](const Json& body) -> Result<Json> {
      registered = body;
      return Json::Make({{"version", 4}});
    });
    Add(routes, net::Method::kGet, "/api/v1/models/{model}/versions/production", [this](const Json&) -> Result<Json> {
      if (production.IsNull()) return NotFound("no alias production");
      return production;
    });
    Add(routes, net::Method::kPost, "/api/v1/endpoints/{endpoint}/deploy", [this](const Json& body) -> Result<Json> {
      deployed = body;
      return Json::Make({{"generation", 9}});
    });
    Add(routes, net::Method::kGet, "/api/v1/endpoints/{endpoint}", [this](const Json&) -> Result<Json> {
      return ++asked < 3 ? Json::Make({{"ready", false}, {"version", 3}}) : endpoint;
    });
    routes.Add(net::Route(net::Method::kGet, "/api/v1/artifacts/{digest}", net::Permission::kRead, 0,
                          net::Simple([this](net::Request& request) -> Task<Result<net::Response>> {
                            const auto found = blobs.find(request.params.find("digest")->second);
                            if (found == blobs.end()) co_return NotFound("no such blob");
                            net::Response response;
                            response.body = found->second;
                            co_return response;
                          })));
    auto server = net::StreamServer::Start({}, std::move(routes), authenticator_, metrics_);
    MW_ASSERT(server.ok());
    server_ = *std::move(server);
    setenv("MILLWRIGHT_URL", Cat("http://127.0.0.1:", server_->port()).c_str(), 1);
  }
  ~FakeControlPlane() { unsetenv("MILLWRIGHT_URL"); }

  /// Serves the directory's files as blobs and makes it the package in production.
  void PutInProduction(const std::string& directory, Json metrics) {
    Json files = Json::MakeArray();
    for (const char* name :
         {"baseline.bin", "model.json", "package.json", "profile.json", "schema.json", "warmup.json"}) {
      files.Append(Json::Make({{"path", name}, {"size", 1}, {"digest", Keep(*ReadFile(Cat(directory, "/", name)))}}));
    }
    const std::string package = Keep(Json::Make({{"files", std::move(files)}}).Dump());
    production = Json::Make({{"version", 3}, {"package", package}, {"metrics", std::move(metrics)}});
  }

  std::atomic<std::size_t> points = 0;
  std::atomic<int> asked = 0;
  Json logged, registered, production, deployed;
  Json endpoint = Json::Make({{"ready", true}, {"version", 4}});
  std::map<std::string, std::string> blobs;

 private:
  using Answer = std::function<Result<Json>(const Json&)>;
  static void Add(net::RouteTable& routes, net::Method method, std::string pattern, Answer answer) {
    routes.Add(net::Route(method, std::move(pattern), net::Permission::kWrite, std::size_t{1} << 22,
                          net::Simple([answer](net::Request& request) -> Task<Result<net::Response>> {
                            Json body = CO_TRY(co_await request.ReadJson());
                            const Json out = CO_TRY(answer(body));
                            co_return net::JsonResponse(out);
                          })));
  }
  std::string Keep(std::string bytes) {
    std::string digest = Cat("sha256:", Sha256Hex(bytes));
    blobs[digest] = std::move(bytes);
    return digest;
  }

  net::TokenAuthenticator authenticator_;
  MetricsRegistry metrics_;
  std::unique_ptr<net::StreamServer> server_;
};

class ModelSteps : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv("MILLWRIGHT_URL");
    setenv("MILLWRIGHT_CPU", "1", 1);
    MakeDataset("train", 0, 3000);
    MakeDataset("stop", 3000, 4000);
    MakeDataset("april", 4000, 8000);
    ASSERT_TRUE(WriteFileDurably(Path("goal.yaml"), kGoal).ok());
  }

  [[nodiscard]] std::string Path(const std::string& name) const { return Cat(directory_.path(), "/", name); }

  void MakeDataset(const std::string& name, int from, int until) {
    const std::string path = Path(name);
    ASSERT_TRUE(MakeDirectories(path).ok());
    data::DuckdbSession session = data::OpenOver({path});
    data::DatasetSpec spec;
    spec.roles = {"at", "", "id", "late"};
    const auto dataset = data::WriteDataset(session, RowsSql(from, until), spec, path);
    ASSERT_TRUE(dataset.ok()) << dataset.error().ToString();
  }

  StepTask Task(std::string uses, std::map<std::string, std::string> inputs, std::string output) {
    StepTask task;
    task.uses = task.step = std::move(uses);
    task.run_id = "run1";
    task.attempt_id = "attempt1";
    task.pipeline = "late-training";
    task.goal_file = Path("goal.yaml");
    for (const auto& [name, path] : inputs) task.inputs[name] = {Path(path), "directory", "sha256:00"};
    task.outputs[output] = Path(output);
    task.result_path = Path("result.json");
    return task;
  }

  StepTask TrainTask() {
    StepTask task = Task("train", {{"rows", "train"}, {"stop_early", "stop"}}, "model");
    task.with =
        Json::Make({{"max_depth", 3}, {"learning_rate", 0.2}, {"max_rounds", 60}, {"early_stopping_rounds", 5}});
    return task;
  }

  StepResult Trained() {
    auto result = RunTrain(TrainTask());
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
    return result.ok() ? *std::move(result) : StepResult{};
  }

  StepResult Evaluated() {
    StepTask task = Task("evaluate", {{"model", "model"}, {"rows", "april"}}, "report");
    task.with = Json::Make({{"slices", "carrier"}});
    auto result = RunEvaluate(task);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().ToString());
    return result.ok() ? *std::move(result) : StepResult{};
  }

  StepTask GateTask(Json with) {
    StepTask task = Task("gate", {{"report", "report"}, {"model", "model"}, {"rows", "april"}}, "verdict");
    task.with = std::move(with);
    return task;
  }

  evaluation::Report Report() { return *evaluation::ReportFromJson(*Json::Parse(*ReadFile(Path("report")))); }

  data::ScratchDirectory directory_;
  RealClock clock_;
};

TEST_F(ModelSteps, TrainWritesAPackageThatServesItsOwnAnswers) {
  const StepResult result = Trained();
  EXPECT_EQ(result.metrics.IntOr("train.rows", 0), 2940) << "one row in fifty has no label";
  EXPECT_GT(result.metrics.DoubleOr("stop_early.roc_auc", 0), 0.7);
  EXPECT_LE(result.metrics.IntOr("trees", 0), result.metrics.IntOr("rounds_run", 0));
  EXPECT_NE(result.summary.find("2,940 rows, 4 features"), std::string::npos) << result.summary;
  EXPECT_EQ(result.params.StringOr("label", ""), "late");

  const auto model = LoadModel(Path("model"));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  const wire::Package& package = model->package;
  EXPECT_EQ(package.info.features, (std::vector<std::string>{"x", "hour", "weekend", "carrier"}));
  EXPECT_EQ(package.info.model, "late");
  EXPECT_DOUBLE_EQ(*package.info.threshold, 0.3);
  EXPECT_EQ(package.warm_up.rows.size(), 66u);
  EXPECT_EQ(package.info.lineage.Find("params")->IntOr("max_depth", 0), 3);
  EXPECT_EQ(static_cast<std::int64_t>(model->forest.num_trees()), result.metrics.IntOr("trees", 0));
  const Json targets = *result.output_metadata.at("model").Find("targets");
  EXPECT_EQ(targets.StringOr("stage", ""), "experiment");
  EXPECT_EQ(targets.Find("verdicts")->AsArray().size(), 4u);
}

TEST_F(ModelSteps, ThePackageKeepsWhatTheTrainingRowsLookedLike) {
  Trained();
  const auto baseline = sketch::Baseline::FromBytes(*ReadFile(Path("model/baseline.bin")));
  ASSERT_TRUE(baseline.ok()) << baseline.error().ToString();
  EXPECT_EQ(baseline->rows(), 2940u);
  EXPECT_EQ(baseline->event_time, "at");
  std::vector<std::string> names;
  for (const sketch::ColumnProfile& column : baseline->whole.columns()) names.push_back(column.name());
  EXPECT_EQ(names, (std::vector<std::string>{"x", "hour", "weekend", "carrier", "prediction", "late"}));
  const double answered = baseline->whole.Find("prediction")->moments().mean();
  EXPECT_NEAR(answered, baseline->whole.Find("late")->moments().mean(), 0.01);
  EXPECT_EQ(baseline->whole.Find("carrier")->kind(), sketch::ValueKind::kCategory);
  std::uint64_t rows = 0;
  for (const sketch::BaselineBlock& block : baseline->blocks) rows += block.rows;
  EXPECT_EQ(rows, 2940u);
  EXPECT_GT(baseline->blocks.size(), 1u);
  const auto package = wire::ReadPackage(Path("model"));
  ASSERT_TRUE(package.ok());
  EXPECT_EQ(package->info.files.front().path, "baseline.bin");
}

TEST_F(ModelSteps, ThePackageKeepsWhatSlicesLookedLike) {
  StepTask train = TrainTask();
  train.with["slices"] = Json::Array{"carrier", "weekend"};
  const auto result = RunTrain(train);
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  const std::string bytes = *ReadFile(Path("model/slices.bin"));
  const auto slices = sketch::SlicesFromBytes(bytes);
  ASSERT_TRUE(slices.ok()) << slices.error().ToString();
  std::string names;
  std::uint64_t rows = 0;
  for (const sketch::BaselineSlice& slice : *slices) {
    CatTo(names, slice.column, "=", slice.value, " ");
    if (slice.column == "carrier") rows += slice.baseline.rows();
    EXPECT_EQ(slice.baseline.whole.Find(slice.column)->distinct(), 1u);
    EXPECT_GT(slice.baseline.blocks.size(), 1u);
    EXPECT_NE(slice.baseline.whole.Find("prediction"), nullptr);
  }
  EXPECT_EQ(slices->size(), 5u) << names;
  EXPECT_EQ(slices->back().value, "true");  // fewer rows than false
  EXPECT_NEAR(static_cast<double>(rows), 2940 * 0.75, 100);
  EXPECT_EQ(result->metrics.IntOr("train.slices", 0), 5);
  EXPECT_EQ(result->metrics.IntOr("train.slices_bytes", 0), static_cast<std::int64_t>(bytes.size()));
  EXPECT_EQ(wire::ReadPackage(Path("model"))->info.files.size(), 6u);
  train.with["slices"] = "x";
  EXPECT_EQ(RunTrain(train).error().message,
            "with.slices: \"x\" is no feature with categories, truth values or whole numbers; name one that is");
}

TEST_F(ModelSteps, ScoresAreXgboostsOwnBitForBit) {
  Trained();
  const auto model = LoadModel(Path("model"));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  const auto rows = LoadRows(Task("evaluate", {{"rows", "april"}}, "report"), "rows", {&model->encoder, "late", {}});
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  const FeatureInfo features{{"x", "hour", "weekend", "carrier"}, {"q", "int", "i", "c"}};
  const auto matrix = TrainingMatrix::Make(rows->values, rows->count, features, {});
  ASSERT_TRUE(matrix.ok()) << matrix.error().ToString();
  const auto booster = Booster::Load(Path("model/model.json"));
  const std::vector<float> expected = *booster->Predict(*matrix, Booster::Answer::kProbability);
  const std::vector<double> scored = Score(*model, *rows);
  ASSERT_EQ(scored.size(), expected.size());
  for (std::size_t i = 0; i < scored.size(); ++i) ASSERT_EQ(scored[i], static_cast<double>(expected[i])) << i;
}

TEST_F(ModelSteps, TrainingTwiceGivesTheSameModel) {
  Trained();
  const std::string first = *ReadFile(Path("model/model.json"));
  const std::string package = *ReadFile(Path("model/package.json"));
  Trained();
  EXPECT_EQ(*ReadFile(Path("model/model.json")), first);
  EXPECT_EQ(*ReadFile(Path("model/package.json")), package);
}

TEST_F(ModelSteps, APackageWhoseTreesWereChangedIsRefused) {
  Trained();
  const std::string path = Path("model/model.json");
  std::string text = *ReadFile(path);
  text[text.find("base_weights") + 16] ^= 1;
  ASSERT_TRUE(WriteFileDurably(path, text).ok());
  const auto model = LoadModel(Path("model"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, Code::kDataLoss);
}

TEST_F(ModelSteps, TrainSaysWhatIsWrong) {
  const auto refused = [&](Json with, std::map<std::string, std::string> inputs = {{"rows", "train"}}) {
    StepTask task = Task("train", std::move(inputs), "model");
    task.with = std::move(with);
    const auto result = RunTrain(task);
    return result.ok() ? std::string("accepted") : result.error().ToString();
  };
  EXPECT_NE(refused(Json::Make({{"max_dept", 3}})).find("max_depth"), std::string::npos);
  EXPECT_NE(refused(Json::Make({{"max_depth", 99}})).find("with.max_depth is 99; write a number from 1 to 16"),
            std::string::npos);
  EXPECT_NE(refused(Json::Make({{"algorithm", "lightgbm"}})).find("write xgboost"), std::string::npos);
  EXPECT_NE(refused(Json::Make({{"label", "other"}})).find("the goal predicts \"late\""), std::string::npos);
  EXPECT_NE(refused(Json::Make({{"features", Json(Json::Array{"x", "at"})}})).find("at is the label, key or a time"),
            std::string::npos);
  EXPECT_NE(refused(Json::Make({{"features", "carier"}})).find("carier"), std::string::npos);
  EXPECT_NE(refused(Json::MakeObject(), {}).find("rows"), std::string::npos);
  for (const Json& values : {Json(Json::Array{"No"}), Json(Json::Array{"No", "No"})}) {
    EXPECT_NE(refused(Json::Make({{"label_values", values}})).find("two different texts"), std::string::npos);
  }
}

TEST_F(ModelSteps, ThePackageKnowsHowTheLabelSaysNoAndYes) {
  StepTask task = Task("train", {{"rows", "train"}}, "model");
  task.with = Json::Make({{"label_values", Json(Json::Array{"on time", "late"})}, {"max_rounds", 3}});
  const auto result = RunTrain(task);
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(wire::ReadPackage(Path("model"))->info.label_values, (std::vector<std::string>{"on time", "late"}));
}

TEST_F(ModelSteps, EvaluateWritesAReportWithSlicesAndIntervals) {
  Trained();
  const StepResult result = Evaluated();
  const evaluation::Report report = Report();
  EXPECT_EQ(report.counts.rows, 3920);
  EXPECT_EQ(report.counts.blocks, 334) << "twelve rows an hour";
  EXPECT_EQ(report.block, "hour of at");
  ASSERT_EQ(report.slices.size(), 4u);
  EXPECT_EQ(report.slices[0].value, "(missing)");
  EXPECT_EQ(report.from, "2013-01-14T21:20:00Z");
  EXPECT_TRUE(report.rule_cost.has_value());
  const evaluation::MetricValue* auc = evaluation::FindMetric(report.overall, "roc_auc");
  EXPECT_GT(*auc->value, 0.7);
  EXPECT_LT(*auc->low, *auc->value);
  EXPECT_EQ(result.metrics.DoubleOr("roc_auc", 0), *auc->value);
  EXPECT_EQ(result.metrics.IntOr("unlabelled", 0), 80);
  EXPECT_NE(report.trivial_model.rule.find("every row"), std::string::npos);
}

TEST_F(ModelSteps, GatePassesAndRefusesByTheGoal) {
  Trained();
  Evaluated();
  const auto passed = RunGate(GateTask(Json::Make({{"targets", "goal"}})));
  ASSERT_TRUE(passed.ok()) << passed.error().ToString();
  EXPECT_FALSE(passed->gate_failed) << *ReadFile(Path("verdict"));

  std::string strict(kGoal);
  strict.replace(strict.find("roc_auc >= 0.70"), 15, "roc_auc >= 0.99");
  ASSERT_TRUE(WriteFileDurably(Path("goal.yaml"), strict).ok());
  const auto refused = RunGate(GateTask(Json::Make({{"targets", "goal"}})));
  ASSERT_TRUE(refused.ok()) << refused.error().ToString();
  EXPECT_TRUE(refused->gate_failed);
  EXPECT_TRUE(refused->summary.starts_with("gate fail, 4/5: ranking roc_auc 0.")) << refused->summary;
  EXPECT_TRUE(refused->summary.ends_with(", need >= 0.99")) << refused->summary;
  EXPECT_EQ(Json::Parse(*ReadFile(Path("verdict")))->StringOr("verdict", ""), "fail");
  ASSERT_EQ(refused->findings.AsArray().size(), 1u);
  EXPECT_NE(refused->findings.AsArray()[0].StringOr("message", "").find("ranking: roc_auc must be >= 0.99"),
            std::string::npos);
}

const Json kAgainst = Json::Make({{"against", "production"}, {"margin", Json::Make({{"roc_auc", 0.01}})}});

TEST_F(ModelSteps, GateComparesWithProductionOnTheSameRows) {
  Trained();
  Evaluated();
  FakeControlPlane control(clock_);
  EXPECT_FALSE(RunGate(GateTask(kAgainst))->gate_failed) << "nothing in production yet";

  control.PutInProduction(Path("model"), Json::MakeObject());
  const auto same = RunGate(GateTask(kAgainst));
  ASSERT_TRUE(same.ok()) << same.error().ToString();
  EXPECT_FALSE(same->gate_failed);
  EXPECT_NE(ReadFile(Path("verdict"))->find("version 3, same rows"), std::string::npos);

  // A model of two trees takes on the better one in production.
  StepTask weak = TrainTask();
  weak.with["max_rounds"] = 2;
  weak.with["max_depth"] = 1;
  ASSERT_TRUE(RunTrain(weak).ok());
  Evaluated();
  const auto worse = RunGate(GateTask(kAgainst));
  ASSERT_TRUE(worse.ok()) << worse.error().ToString();
  EXPECT_TRUE(worse->gate_failed) << *ReadFile(Path("verdict"));
}

TEST_F(ModelSteps, GateFallsBackToRecordedMetrics) {
  Trained();
  Evaluated();
  FakeControlPlane control(clock_);
  control.production =
      Json::Make({{"version", 3}, {"package", "sha256:gone"}, {"metrics", Json::Make({{"roc_auc", 0.999}})}});
  EXPECT_TRUE(RunGate(GateTask(kAgainst))->gate_failed);
  control.production["metrics"]["roc_auc"] = 0.6;
  EXPECT_FALSE(RunGate(GateTask(kAgainst))->gate_failed);
  control.production["metrics"] = Json::MakeObject();
  EXPECT_TRUE(RunGate(GateTask(kAgainst))->gate_failed) << "unknown is no pass";
}

TEST_F(ModelSteps, GateWithoutAControlPlaneSaysWhatToSet) {
  Trained();
  Evaluated();
  const auto result = RunGate(GateTask(kAgainst));
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("MILLWRIGHT_URL"), std::string::npos);
}

TEST_F(ModelSteps, RoundsAreLoggedWhileTraining) {
  FakeControlPlane control(clock_);
  const StepResult result = Trained();
  EXPECT_EQ(control.points, 2u * static_cast<std::size_t>(result.metrics.IntOr("rounds_run", 0)));
  EXPECT_EQ(control.logged.StringOr("attempt_id", ""), "attempt1");
  EXPECT_EQ(control.logged.Find("params")->IntOr("max_depth", 0), 3);
}

TEST_F(ModelSteps, ALostControlPlaneDoesNotFailTraining) {
  setenv("MILLWRIGHT_URL", "http://127.0.0.1:1", 1);
  EXPECT_GT(Trained().metrics.IntOr("trees", 0), 0);
  unsetenv("MILLWRIGHT_URL");
}

TEST_F(ModelSteps, RegisterAndDeployAskAndWait) {
  Trained();
  FakeControlPlane control(clock_);
  StepTask task = Task("register", {{"model", "model"}}, "version");
  task.with = Json::Make({{"model", "late"}, {"alias", "candidate"}});
  const auto registered = RunRegister(task);
  ASSERT_TRUE(registered.ok()) << registered.error().ToString();
  EXPECT_EQ(control.registered.StringOr("package", ""), "sha256:00");
  EXPECT_EQ(control.registered.StringOr("alias", ""), "candidate");
  EXPECT_EQ(Json::Parse(*ReadFile(Path("version")))->IntOr("version", 0), 4);

  StepTask deploy = Task("deploy", {{"version", "version"}}, "deployment");
  const auto deployed = RunDeploy(deploy);
  ASSERT_TRUE(deployed.ok()) << deployed.error().ToString();
  EXPECT_EQ(control.deployed.IntOr("version", 0), 4);
  EXPECT_GE(control.asked, 3);

  control.endpoint = Json::Make({{"ready", false}, {"version", 3}});
  deploy.with = Json::Make({{"timeout", "200ms"}});
  const auto late = RunDeploy(deploy);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);

  control.endpoint["servers"] = Json(
      Json::Array{Json::Make({{"server", "s1"}, {"version", 4}, {"state", "FAILED"}, {"error", "no such feature"}})});
  const auto failed = RunDeploy(deploy);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("model server s1 could not load version 4: no such feature"),
            std::string::npos);
}

}  // namespace
}  // namespace mw::steps
