// The verb as people start it, against a model server in this process: every protocol, exit codes, what JSON says.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "api/inference/grpc/grpc_server.h"
#include "api/inference/inference_api.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "serving/serve.h"
#include "serving/test_model.h"

namespace mw::app::cli {
namespace {

using serving::testing::TestDirectory;

struct Outcome {
  int exit_code = -1;
  std::string text;  ///< stdout and stderr
  [[nodiscard]] Json Measurement() const {
    const Result<Json> json = Json::Parse(text);
    const Json* found = json.ok() ? json->Find("measurement") : nullptr;
    return found == nullptr ? Json::MakeObject() : *found;
  }
};

Outcome Bench(const std::string& arguments) {
  Outcome outcome;
  FILE* pipe = popen(Cat(kBinaryDirectory, "/bin/millwright bench ", arguments, " 2>&1").c_str(), "r");
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) outcome.text.append(buffer, got);
  outcome.exit_code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

/// A server of one model with five columns of numbers, over HTTP and gRPC.
class BenchVerbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
    ASSERT_TRUE(WriteFileDurably(directory_ / "model.json", serving::testing::RandomXgboostJson(7, names)).ok());
    const auto context = [this] {
      return api::inference::InferenceContext{catalog_, metrics_, clock_, "test", nullptr};
    };
    const Status deployed = catalog_.Deploy("late", 1, directory_ / "model.json", directory_ / "model.json");
    ASSERT_TRUE(deployed.ok()) << deployed.error().ToString();
    catalog_.SetReady(true);
    http_ = *net::LoopServer::Start(
        {}, [&](int) { return std::make_unique<api::inference::InferenceHandler>(context()); }, metrics_);
    api::inference::GrpcServerOptions options;
    options.port = 0;
    grpc_ = *api::inference::GrpcServer::Start(options, context);
  }
  [[nodiscard]] std::string Model() const { return Cat("http://127.0.0.1:", http_->port(), "/late "); }

  TestDirectory directory_;
  RealClock clock_;
  MetricsRegistry metrics_;
  serving::Catalog catalog_{metrics_};
  std::unique_ptr<net::LoopServer> http_;
  std::unique_ptr<api::inference::GrpcServer> grpc_;
};

TEST_F(BenchVerbTest, AsksByEveryProtocol) {
  for (const std::string& flags :
       {std::string("--rows-per-request 3"), std::string("--layout matrix --pipeline 4"),
        std::string("--protocol binary --rows-per-request 64"), std::string("--mix 1:3,binary/7:1"),
        Cat("--protocol grpc --rows-per-request 64 --grpc-address ", grpc_->address())}) {
    const Outcome outcome = Bench(Cat(Model(), "--rate 200 --duration 500ms --connections 4 --json ", flags));
    EXPECT_EQ(outcome.exit_code, 0) << flags << outcome.text;
    const Json measurement = outcome.Measurement();
    EXPECT_GT(measurement.IntOr("planned", 0), 40) << flags;
    EXPECT_EQ(measurement.IntOr("answered", -1), measurement.IntOr("planned", 0)) << flags << outcome.text;
    EXPECT_GT(measurement.DoubleOr("server_cpu_us_per_request", 0), 0) << flags;
  }
}

TEST_F(BenchVerbTest, SaysWhetherATargetIsHeld) {
  const Outcome held = Bench(Cat(Model(), "--rate 100 --duration 300ms --target p50=9s --for 1000/s"));
  EXPECT_EQ(held.exit_code, 0);
  EXPECT_NE(held.text.find("target p50 <= 9000 ms held"), std::string::npos) << held.text;
  EXPECT_NE(held.text.find("extrapolated"), std::string::npos);
  const Outcome missed = Bench(Cat(Model(), "--rate 100 --duration 300ms --target p50=1us"));
  EXPECT_EQ(missed.exit_code, 1);
  EXPECT_NE(missed.text.find("missed"), std::string::npos) << missed.text;
}

TEST_F(BenchVerbTest, DrawsARamp) {
  const Outcome outcome =
      Bench(Cat(Model(), "--ramp 50:500 --duration 1s --plot ", directory_ / "ramp.svg", " --recorded"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  const Result<std::string> svg = ReadFile(directory_ / "ramp.svg");
  ASSERT_TRUE(svg.ok());
  EXPECT_NE(svg->find("late: latency against rate"), std::string::npos);
}

TEST_F(BenchVerbTest, RefusesWhatMakesNoSenseBeforeItAsks) {
  for (const char* flags : {"--rate fast", "--find-rate", "--ramp 1:2 --rate 3", "--plot x.svg --rate 3", "--ramp 5",
                            "--protocol carrier-pigeon", "--mix 0:1", "--mix 1:1,grpc/1:1", "--target p99",
                            "--layout rows", "--duration 1ms", "--arrivals late", "--for many --rate 1"}) {
    const Outcome outcome = Bench(Cat(Model(), flags));
    EXPECT_EQ(outcome.exit_code, 2) << flags << ": " << outcome.text;
  }
  EXPECT_EQ(Bench("http://127.0.0.1:1/late --rate 10").exit_code, 3);
  const Outcome unknown = Bench(Cat("http://127.0.0.1:", http_->port(), "/lite"));
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_NE(unknown.text.find("did you mean \"late\""), std::string::npos) << unknown.text;
}

}  // namespace
}  // namespace mw::app::cli
