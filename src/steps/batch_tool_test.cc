// Batches of a few thousand rows against the model itself, row by row.
#include "steps/batch_tool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "data/duckdb_session.h"
#include "data/testing.h"
#include "forest/xgboost_oracle.h"
#include "net/loop_server.h"
#include "serving/backend/test_onnx.h"
#include "serving/model.h"
#include "serving/test_model.h"
#include "steps/batch_encoder.h"
#include "steps/batch_marker.h"
#include "steps/batch_run.h"
#include "wire/window_record.h"

namespace mw::steps {
namespace {

namespace testing = serving::testing;
using serving::Model;

/// Rows as RandomRow makes them, with key and event time, as texts of a CSV file.
std::string CsvRow(Random& random, int row) {
  const Json values = testing::RandomRow(random);
  std::string line = Cat("f", row, ",2024-05-01T", 10 + row / 1000 % 10, ":00:00Z");
  for (const std::string& name : testing::TestFeatures()) {
    const Json* value = values.Find(name);
    std::string text = value->IsNull() ? "" : value->IsString() ? value->AsString() : value->Dump();
    if (text.find('"') != std::string::npos) text = "\"quo\"\"te\"";
    CatTo(line, ",", text);
  }
  return line + "\n";
}

std::string CsvOf(int rows, std::uint64_t seed = 7) {
  Random random(seed);
  std::string text = "flight,departure,temp,wind,hour,holiday,carrier,origin\n";
  for (int row = 0; row < rows; ++row) text += CsvRow(random, row);
  return text;
}

class BatchToolTest : public ::testing::Test {
 protected:
  BatchToolTest() {
    testing::WriteTestPackage(Path("model"), 3);
    csv_ = scratch_.File("rows.csv", CsvOf(5000));
    parquet_ = Path("rows.parquet");
    data::DuckdbSession session = data::OpenOver({scratch_.path()});
    EXPECT_TRUE(session
                    .WriteParquet(Cat("SELECT * REPLACE (departure::TIMESTAMPTZ AS departure, temp::DOUBLE AS temp, "
                                      "wind::FLOAT AS wind, hour::SMALLINT AS hour, holiday::BOOLEAN AS holiday), ",
                                      "[1, 2] AS extra FROM ", *data::SourceSql(csv_)),
                                  parquet_)
                    .ok());
  }

  [[nodiscard]] std::string Path(const std::string& name) const { return scratch_.path() + "/" + name; }
  static Status Run(const std::vector<std::string>& words) {
    ::testing::internal::CaptureStdout();
    const Status status = PredictBatch(words);
    static_cast<void>(::testing::internal::GetCapturedStdout());
    return status;
  }
  Status RunModel(const std::string& input, const std::string& output, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"--input", input,         "--output",    output,
                                      "--model", Path("model"), "--part-rows", "999"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }
  std::vector<std::vector<Json>> Ask(const std::string& select, const std::string& output) const {
    data::DuckdbSession session = data::OpenOver({scratch_.path()});
    auto rows = session.Query(Cat(select, " FROM read_parquet(", data::SqlText(output), ")"));
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return rows.ok() ? *rows : std::vector<std::vector<Json>>();
  }

  data::ScratchDirectory scratch_;
  std::string csv_;
  std::string parquet_;
};

TEST_F(BatchToolTest, AnswersAreThoseOfTheModelRowByRow) {
  const std::string output = Path("out.parquet");
  const Status done = RunModel(parquet_, output);
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  EXPECT_FALSE(std::filesystem::exists(output + ".unfinished"));
  const auto rows = Ask("SELECT flight, probability, decision, prediction_error, prediction_id", output);
  ASSERT_EQ(rows.size(), 5000U);
  const auto model = *Model::Load(Path("model"));
  Random random(7);
  for (int row = 0; row < 5000; ++row) {
    const Json values = testing::RandomRow(random);
    std::vector<float> features;
    for (int i = 0; i < static_cast<int>(model->num_features()); ++i) {
      features.push_back(testing::EncodeForTest(model->encoder(), i,
                                                *values.Find(testing::TestFeatures()[static_cast<std::size_t>(i)])));
    }
    float probability = 0;
    model->Predict(features, 1, std::span(&probability, 1));
    const auto& cells = rows[static_cast<std::size_t>(row)];
    ASSERT_EQ(cells[0].AsString(), Cat("f", row));
    ASSERT_EQ(static_cast<float>(cells[1].AsDouble()), probability) << row;
    ASSERT_EQ(cells[2].AsBool(), static_cast<double>(probability) >= 0.25);
    ASSERT_TRUE(cells[3].IsNull());
    ASSERT_TRUE(cells[4].AsString().ends_with(Cat("/", row)));
  }
}

TEST_F(BatchToolTest, CsvAndSeveralFilesGiveTheSameAnswers) {
  ASSERT_TRUE(RunModel(parquet_, Path("one.parquet")).ok());
  std::filesystem::create_directory(Path("many"));
  const std::string text = *ReadFile(csv_);
  const std::string header = text.substr(0, text.find('\n') + 1);
  std::size_t at = header.size();
  for (int file = 0; file < 3; ++file) {
    const std::size_t end =
        file == 2 ? text.size() : text.find('\n', text.size() * static_cast<std::size_t>(file + 1) / 3) + 1;
    ASSERT_TRUE(WriteFileDurably(Cat(Path("many"), "/", file, ".csv"), header + text.substr(at, end - at)).ok());
    at = end;
  }
  for (const std::string& input : {csv_, Path("many"), Path("many/*.csv")}) {
    const Status done = RunModel(input, Path("two.parquet"));
    ASSERT_TRUE(done.ok()) << done.error().ToString();
    data::DuckdbSession session = data::OpenOver({scratch_.path()});
    const auto same = session.Query(Cat("SELECT count(*) FROM read_parquet(", data::SqlText(Path("one.parquet")),
                                        ") a POSITIONAL JOIN read_parquet(", data::SqlText(Path("two.parquet")),
                                        ") b WHERE a.flight = b.flight AND a.departure = b.departure AND "
                                        "a.probability = b.probability AND a.decision = b.decision"));
    ASSERT_TRUE(same.ok()) << same.error().ToString();
    EXPECT_EQ((*same)[0][0].AsInt(), 5000) << input;
  }
}

TEST_F(BatchToolTest, KeepsWhatItIsAskedTo) {
  const auto columns = [&](const std::string& keep) {
    EXPECT_TRUE(RunModel(parquet_, Path("out.parquet"), {"--keep", keep}).ok());
    std::vector<std::string> names;
    data::DuckdbSession session = data::OpenOver({scratch_.path()});
    const auto described = session.Query(Cat("SELECT name FROM parquet_schema(", data::SqlText(Path("out.parquet")),
                                             ") WHERE num_children IS "
                                             "NULL OR name = 'extra'"));
    EXPECT_TRUE(described.ok());
    for (const auto& row : *described) names.push_back(row[0].AsString());
    return Join(names, " ");
  };
  EXPECT_EQ(columns("key"), "flight departure prediction_id probability decision prediction_error");
  EXPECT_EQ(columns("extra,temp"), "extra element temp prediction_id probability decision prediction_error");
  EXPECT_TRUE(columns("all").starts_with("flight departure temp wind hour holiday carrier origin extra"));
  const Status absent = RunModel(parquet_, Path("out.parquet"), {"--keep", "flght"});
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find("has no column \"flght\", which --keep names; did you mean \"flight\""),
            std::string::npos)
      << absent.error().message;
}

TEST_F(BatchToolTest, BadRowsAreNamedAndHaveNoPrediction) {
  std::string text = CsvOf(3);
  text += "bad1,2024-05-01T00:00:00Z,warm,1,3,true,AA,JFK\n";
  text += "bad2,2024-05-01T00:00:00Z,1,1,,true,AA,JFK\n";
  text += "bad3,yesterday,1,1,3,true,AA,JFK\n";
  text += "good,2024-05-01T00:00:00Z,NA,?,3,YES,null,ZZZ\n";
  const std::string input = scratch_.File("bad.csv", text);
  const Status done = RunModel(input, Path("out.parquet"));
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  const auto rows = Ask("SELECT flight, probability, decision, prediction_error", Path("out.parquet"));
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_TRUE(rows[3][1].IsNull() && rows[3][2].IsNull());
  EXPECT_TRUE(rows[3][3].AsString().starts_with("column \"temp\": \"warm\" is not ")) << rows[3][3].AsString();
  EXPECT_TRUE(rows[4][3].AsString().starts_with("column \"hour\" is required and has no value"));
  EXPECT_FALSE(rows[6][1].IsNull());
  EXPECT_TRUE(rows[6][3].IsNull());

  const Status refused = RunModel(input, Path("strict.parquet"), {"--strict"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(refused.error().message.starts_with(Cat(input, ": row 4: column \"temp\": \"warm\" is not ")))
      << refused.error().message;
  EXPECT_FALSE(std::filesystem::exists(Path("strict.parquet")));
}

TEST_F(BatchToolTest, AnInputThatDoesNotFitTheModelIsRefusedAtOnce) {
  const auto refusal = [&](const std::string& csv) {
    const Status refused = RunModel(scratch_.File("wrong.csv", csv), Path("out.parquet"));
    return refused.ok() ? std::string("taken") : refused.error().message.substr(scratch_.path().size());
  };
  EXPECT_EQ(refusal("flight,temp,wind,hours,holiday,carrier,origin\n"),
            "/wrong.csv has no column \"hour\", which the model takes; did you mean \"hours\"");
  data::DuckdbSession session = data::OpenOver({scratch_.path()});
  ASSERT_TRUE(
      session
          .WriteParquet(Cat("SELECT * REPLACE (now() AS temp) FROM read_parquet(", data::SqlText(parquet_), ")"),
                        Path("time.parquet"))
          .ok());
  const Status refused = RunModel(Path("time.parquet"), Path("out.parquet"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("column \"temp\" is a TIMESTAMP WITH TIME ZONE; the model takes a float"),
            std::string::npos);
  const Status clash = RunModel(parquet_, Path("out.parquet"), {"--keep", "flight"});
  EXPECT_TRUE(clash.ok());
  EXPECT_FALSE(RunModel(Path("out.parquet"), Path("again.parquet")).ok());
}

TEST_F(BatchToolTest, NoRowsGiveAnOutputWithItsColumns) {
  const std::string input = scratch_.File("none.csv", "flight,departure,temp,wind,hour,holiday,carrier,origin\n");
  const Status done = RunModel(input, Path("out.parquet"));
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  EXPECT_TRUE(Ask("SELECT flight, departure, prediction_id, probability, decision", Path("out.parquet")).empty());
}

TEST_F(BatchToolTest, ABareModelFileAnswersWithItsOwnColumns) {
  ASSERT_TRUE(WriteFileDurably(Path("bare.json"), testing::RandomXgboostJson(5, {"temp", "wind"}, 9, 3, 3)).ok());
  const Status done =
      Run({"--input", parquet_, "--output", Path("out.parquet"), "--model", Path("bare.json"), "--keep", "flight"});
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  const auto rows =
      Ask("SELECT count(*), count(label), min(list_sum(probability)), max(list_sum(probability)), "
          "min(label = (list_position(probability, list_max(probability)) - 1)::VARCHAR)",
          Path("out.parquet"));
  EXPECT_EQ(rows[0][0].AsInt(), 5000);
  EXPECT_EQ(rows[0][1].AsInt(), 5000);
  EXPECT_NEAR(rows[0][2].AsDouble(), 1, 1e-5);
  EXPECT_NEAR(rows[0][3].AsDouble(), 1, 1e-5);
  EXPECT_TRUE(rows[0][4].AsBool());
}

/// A process of its own predicts and is killed when it has come to that part; true when it was.
bool RunAndKill(const std::vector<std::string>& words, const std::string& directory, std::int64_t part) {
  std::vector<std::string> command = {Cat(kBinaryDirectory, "/bin/mw-step"), "predict"};
  command.insert(command.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  EXPECT_EQ(posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    const auto marker = ReadMarker(directory);
    if (marker.ok() && *marker && (*marker)->parts >= part) kill(child, SIGKILL);
  }
  return WIFSIGNALED(status);
}

TEST_F(BatchToolTest, AKilledRunGoesOnToTheSameBytes) {
  const std::string input = scratch_.File("long.csv", CsvOf(60'000));
  const auto words = [&](const std::string& output) {
    return std::vector<std::string>{"--input",     input,    "--output",    Path(output),  "--model",
                                    Path("model"), "--keep", "flight,temp", "--part-rows", "999"};
  };
  ASSERT_TRUE(Run(words("undisturbed.parquet")).ok());
  int killed = 0;
  for (const std::int64_t part : {1, 7, 20, 40}) {
    killed += RunAndKill(words("killed.parquet"), Path("killed.parquet.unfinished"), part) ? 1 : 0;
    ASSERT_FALSE(std::filesystem::exists(Path("killed.parquet"))) << "visible before it was whole";
  }
  EXPECT_GE(killed, 2);
  const auto marker = ReadMarker(Path("killed.parquet.unfinished"));
  ASSERT_TRUE(marker.ok() && *marker);
  EXPECT_GT((*marker)->rows, 0);
  EXPECT_EQ((*marker)->rows, (*marker)->parts * 999);
  const Status done = Run(words("killed.parquet"));
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  EXPECT_EQ(*ReadFile(Path("killed.parquet")), *ReadFile(Path("undisturbed.parquet")));
}

/// Three columns of numbers, some of them missing, with a key.
std::string NumbersCsv(int rows) {
  Random random(11);
  std::string text = "flight,f0,f1,f2\n";
  for (int row = 0; row < rows; ++row) {
    CatTo(text, "f", row);
    for (int column = 0; column < 3; ++column) {
      CatTo(text, ",", column == 2 && row % 7 == 0 ? "" : Cat(random.Normal()));
    }
    text += "\n";
  }
  return text;
}

std::string LinearXgboost() {
  Random random(5);
  forest::TrainingRows rows;
  rows.num_features = 3;
  for (int i = 0; i < 300; ++i) rows.values.push_back(static_cast<float>(random.Normal()));
  for (int i = 0; i < 100; ++i) rows.labels.push_back(static_cast<float>(random.Below(2)));
  return forest::XgboostOracle::Train(rows, {{"booster", "gblinear"}, {"objective", "binary:logistic"}}, 3).Json();
}

// The workers that answered go with the process that is killed; its successor's give the same answers.
TEST_F(BatchToolTest, AKilledRunOfALibrarysModelGoesOnWithoutLosingOrRepeatingRows) {
  constexpr int kRows = 60'000;
  const std::string input = scratch_.File("numbers.csv", NumbersCsv(kRows));
  const std::map<std::string, std::string> models = {
      {"perceptron", scratch_.File("model.onnx", testing::OnnxPerceptron({3, 8, 1}))},
      {"linear", scratch_.File("linear.json", LinearXgboost())}};
  for (const auto& [model, path] : models) {
    const auto words = [&, &name = model, &file = path](const std::string& output) {
      return std::vector<std::string>{"--input", input,    "--output", Path(name + output), "--model",
                                      file,      "--keep", "flight",   "--part-rows",       "999"};
    };
    const Status undisturbed = Run(words(".undisturbed.parquet"));
    ASSERT_TRUE(undisturbed.ok()) << undisturbed.error().ToString();
    const std::string output = model + ".killed.parquet";
    int killed = 0;
    for (const std::int64_t part : {1, 20, 40}) {
      killed += RunAndKill(words(".killed.parquet"), Path(output + ".unfinished"), part) ? 1 : 0;
      ASSERT_FALSE(std::filesystem::exists(Path(output))) << "visible before it was whole";
    }
    EXPECT_GE(killed, 2) << model;
    const Status done = Run(words(".killed.parquet"));
    ASSERT_TRUE(done.ok()) << done.error().ToString();
    EXPECT_EQ(*ReadFile(Path(output)), *ReadFile(Path(model + ".undisturbed.parquet"))) << model;
    const auto rows = Ask("SELECT count(*), count(DISTINCT flight), count(DISTINCT prediction_id)", Path(output));
    for (const Json& count : rows[0]) EXPECT_EQ(count.AsInt(), kRows) << model;
  }
}

TEST_F(BatchToolTest, OtherArgumentsBeginAnew) {
  const std::string input = scratch_.File("long.csv", CsvOf(60'000));
  const std::vector<std::string> words = {"--input", input,         "--output",    Path("out.parquet"),
                                          "--model", Path("model"), "--part-rows", "999"};
  if (!RunAndKill(words, Path("out.parquet.unfinished"), 3)) GTEST_SKIP() << "it was done before it could be killed";
  ASSERT_TRUE(WriteFileDurably(input, CsvOf(2000, 8)).ok());
  ASSERT_TRUE(Run(words).ok());
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT prediction_id)", Path("out.parquet"))[0][1].AsInt(), 2000);
}

/// A registry of one version, and what servers tell it.
class FakeRegistry {
 public:
  explicit FakeRegistry(const std::string& package) {
    Json files = Json::MakeArray();
    for (const auto& entry : std::filesystem::directory_iterator(package)) {
      const std::string bytes = *ReadFile(entry.path().string());
      const std::string digest = "sha256:" + Sha256Hex(bytes);
      blobs_[digest] = bytes;
      files.Append(Json::Make({{"path", entry.path().filename().string()},
                               {"size", static_cast<std::int64_t>(bytes.size())},
                               {"digest", digest}}));
    }
    const std::string manifest = Json::Make({{"files", files}}).Dump();
    package_ = "sha256:" + Sha256Hex(manifest);
    blobs_[package_] = manifest;
    net::LoopServerOptions options;
    options.loops = 1;
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, metrics_);
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  /// Counted once for each (server, boot, sequence), as the control plane does.
  std::vector<wire::WindowPiece> pieces() {
    const Lock lock(mutex_);
    std::vector<wire::WindowPiece> pieces;
    for (const auto& [name, piece] : pieces_) pieces.push_back(piece);
    return pieces;
  }
  /// What lineage was told, by the batch's id.
  std::map<std::string, std::string> told() {
    const Lock lock(mutex_);
    return told_;
  }
  void Refuse(bool refuse) {
    const Lock lock(mutex_);
    refuses_ = refuse;
  }

 private:
  class Handler final : public net::LoopHandler {
   public:
    explicit Handler(FakeRegistry& plane) : plane_(plane) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { plane_.Answer(request, out); }

   private:
    FakeRegistry& plane_;
  };

  void Answer(const net::RequestView& request, net::ResponseWriter& out) {
    const std::string path(request.path);
    if (path == "/api/v1/models/late/versions/production") {
      return out.Json(Cat(R"({"version":4,"package":")", package_, R"(","metrics":{}})"));
    }
    if (path.starts_with("/api/v1/artifacts/")) {
      const std::string digest = "sha256:" + path.substr(path.size() - 64);
      return out.Send(200, "application/octet-stream", blobs_.at(digest));
    }
    if (path.starts_with("/api/v1/lineage/batches/")) {
      const Lock lock(mutex_);
      told_[path.substr(path.rfind('/') + 1)] = request.body;
      return out.Json("{}");
    }
    if (!path.ends_with("/windows")) return out.Send(404, "application/json", R"({"error":"nothing here"})");
    const Lock lock(mutex_);
    if (refuses_) return out.Send(503, "application/json", R"({"error":"not now"})");
    const auto pieces = wire::WindowPiecesFromFrame(request.body);
    ASSERT_TRUE(pieces.ok()) << pieces.error().ToString();
    for (const wire::WindowPiece& piece : *pieces) {
      pieces_.emplace(Cat(piece.server, "/", piece.boot, "/", piece.sequence), piece);
    }
    out.Json("{}");
  }

  std::map<std::string, std::string> blobs_;
  std::string package_;
  Mutex mutex_;
  std::map<std::string, wire::WindowPiece> pieces_ MW_GUARDED_BY(mutex_);
  std::map<std::string, std::string> told_ MW_GUARDED_BY(mutex_);
  bool refuses_ MW_GUARDED_BY(mutex_) = false;
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
};

TEST_F(BatchToolTest, ARegisteredModelsRowsAreRecordedOnceWhateverWasKilled) {
  FakeRegistry plane(Path("model"));
  std::string text = CsvOf(40'000);
  text += "bad,2024-05-01T00:00:00Z,warm,1,3,true,AA,JFK\nlate,yesterday,1,1,3,true,AA,JFK\n";
  const std::vector<std::string> words = {"--input",     scratch_.File("long.csv", text),
                                          "--output",    Path("out.parquet"),
                                          "--version",   "late",
                                          "--url",       plane.url(),
                                          "--part-rows", "5000"};
  for (const std::int64_t part : {1, 4}) RunAndKill(words, Path("out.parquet.unfinished"), part);
  const Status done = Run(words);
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  const auto rows = Ask("SELECT count(*), count(probability), max(prediction_error) FILTER (WHERE flight = 'late')",
                        Path("out.parquet"));
  EXPECT_EQ(rows[0][0].AsInt(), 40'002);
  EXPECT_EQ(rows[0][1].AsInt(), 40'000);
  EXPECT_TRUE(rows[0][2].AsString().starts_with("column \"departure\": \"yesterday\" is not a time"));
  const auto check = [&] {
    std::int64_t recorded = 0;
    std::int64_t sampled = 0;
    std::map<std::string, std::int64_t> by_hour;
    std::map<std::string, std::string> key_of_id;
    for (const wire::WindowPiece& piece : plane.pieces()) {
      recorded += piece.rows;
      sampled += piece.sampled_rows;
      by_hour[FormatTime(piece.window_start)] += piece.rows;
      EXPECT_EQ(piece.endpoint, "late");
      EXPECT_EQ(piece.version, 4);
      EXPECT_EQ(piece.requests, 0);
      for (std::size_t i = 0; i < piece.sample.rows(); ++i) key_of_id[piece.sample.ids[i]] = piece.sample.keys[i];
    }
    EXPECT_EQ(recorded, 40'000);
    EXPECT_EQ(sampled, 40'000);
    EXPECT_EQ(by_hour.size(), 10U);
    EXPECT_EQ(by_hour["2024-05-01T15:00:00Z"], 4000);
    return key_of_id;
  };
  const auto key_of_id = check();
  ASSERT_EQ(key_of_id.size(), 40'000U);
  for (const auto& row : Ask("SELECT prediction_id, flight, probability", Path("out.parquet"))) {
    if (row[2].IsNull()) continue;
    ASSERT_EQ(key_of_id.at(row[0].AsString()), row[1].AsString());
  }
  // The whole batch again: the same rows are not counted twice.
  ASSERT_TRUE(Run(words).ok());
  check();
  const auto told = plane.told();
  ASSERT_EQ(told.size(), 1U) << "one batch, told under one name";
  const Json lineage = *Json::Parse(told.begin()->second);
  EXPECT_EQ(lineage.StringOr("model", ""), "late");
  EXPECT_EQ(lineage.IntOr("version", 0), 4);
  EXPECT_EQ(lineage.IntOr("bad_rows", 0), 2);
  EXPECT_EQ(lineage.Find("output")->StringOr("digest", ""), Cat("sha256:", Sha256Hex(*ReadFile(Path("out.parquet")))));
  ASSERT_EQ(lineage.Find("inputs")->AsArray().size(), 1U);
  EXPECT_EQ(lineage.Find("inputs")->AsArray()[0].StringOr("digest", ""), Cat("sha256:", Sha256Hex(text)));
}

TEST_F(BatchToolTest, WhatASecondRunOfTheSameOutputIsTold) {
  ASSERT_TRUE(MakeDirectories(Path("out.parquet.unfinished")).ok());
  const auto lock = LockFile(Path("out.parquet.unfinished/lock"));
  ASSERT_TRUE(lock.ok());
  const Status refused = RunModel(parquet_, Path("out.parquet"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, Cat("another process is writing ", Path("out.parquet")));
}

}  // namespace
}  // namespace mw::steps
