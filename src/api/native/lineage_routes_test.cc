// Lineage over its routes: where a version came from, what a file reached, which live endpoints; a record by hand.
#include <gtest/gtest.h>

#include "api/native/testing.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::api::native {
namespace {

class LineageRoutesTest : public ::testing::Test {
 protected:
  LineageRoutesTest() {
    AddLineageRoutes(world_.routes, world_.database, world_.registry, world_.endpoints, world_.machine.clock);
    world_.registry.OnVersion([this](db::Transaction& t, const registry::ModelVersion& made) {
      lineage::ToldVersion told{.model = made.model, .version = made.version, .digest = made.package};
      told.run_id = made.run_id;
      return lineage::RecordVersion(t, world_.machine.clock, told);
    });
    const Status recorded = SyncWait(world_.database.Write([this](db::Transaction& t) -> Status {
      lineage::NewExecution train;
      train.id = lineage::ExecutionId("attempt");
      train.type = "train";
      train.name = "flights/train";
      train.inputs = {{"file flights.csv", {}, "file", kFile}};
      train.outputs = {{"model", "model", kPackage}};
      train.contexts = {{"default", "run", "run-1"}};
      TRY(lineage::Lineage(world_.machine.clock).RecordExecution(t, train));
      return Ok();
    }));
    EXPECT_TRUE(recorded.ok());
    registry::NewVersion version;
    version.name.model = "late";
    version.package = kPackage;
    version.run_id = "run-1";
    EXPECT_TRUE(SyncWait(world_.registry.CreateVersion(std::move(version))).ok());
    endpoints::DeployRequest deploy;
    deploy.endpoint = "desk";
    deploy.model = "late";
    deploy.version = "1";
    EXPECT_TRUE(SyncWait(world_.endpoints.Deploy(std::move(deploy))).ok());
  }

  const std::string kFile = Cat("sha256:", std::string(64, 'f'));
  const std::string kPackage = Cat("sha256:", std::string(64, 'a'));
  RecordedWorld world_;
};

TEST_F(LineageRoutesTest, AVersionSaysWhatItWasMadeOf) {
  const Json origin = world_.Get("/api/v1/lineage/origin?of=late@1");
  ASSERT_EQ(origin.Find("data")->AsArray().size(), 1U) << origin.Dump();
  EXPECT_EQ(origin.Find("data")->AsArray()[0].StringOr("digest", ""), kFile);
  EXPECT_EQ(origin.Find("runs")->Dump(), R"(["run-1"])");
  EXPECT_EQ(origin.Find("executions")->AsArray().size(), 2U) << "the step and the registration";
}

TEST_F(LineageRoutesTest, AFileSaysWhichEndpointsItReached) {
  const Json impact = world_.Get("/api/v1/lineage/impact?of=" + kFile);
  EXPECT_EQ(impact.Find("endpoints")->AsArray().size(), 1U) << impact.Dump();
  EXPECT_EQ(impact.Find("endpoints")->AsArray()[0].StringOr("endpoint", ""), "desk");
  EXPECT_EQ(impact.Find("versions")->AsArray()[0].IntOr("version", 0), 1);
  EXPECT_EQ(impact.IntOr("artifacts", 0), 3) << "file, package, version";
}

TEST_F(LineageRoutesTest, GraphsGoBothWaysAndStopAfterHops) {
  const Json all = world_.Get("/api/v1/lineage?of=run:run-1");
  EXPECT_EQ(all.Find("artifacts")->AsArray().size(), 3U) << all.Dump();
  EXPECT_EQ(all.Find("of")->Find("executions")->AsArray().size(), 2U);
  const Json near = world_.Get("/api/v1/lineage?of=late@1&direction=upstream&hops=2");
  EXPECT_EQ(near.Find("artifacts")->AsArray().size(), 2U);
  EXPECT_EQ(world_.Get("/api/v1/lineage/" + kPackage).Find("artifacts")->AsArray().size(), 3U)
      << "the version is the package";
}

TEST_F(LineageRoutesTest, ANameOfSeveralContentsOffersThemAll) {
  const auto read = [&](std::string_view run, const char* digest) {
    world_.Advance(std::chrono::seconds(1));
    EXPECT_TRUE(SyncWait(world_.database.Write([&](db::Transaction& t) -> Status {
                  const lineage::ToldArtifact rows{.title = "rows@noon", .digest = digest};
                  TRY(lineage::RecordRun(t, world_.machine.clock, {.id = std::string(run), .started = {}}));
                  return lineage::RecordRunInput(t, world_.machine.clock, run, rows);
                })).ok());
  };
  read("r1", "d1");
  EXPECT_EQ(world_.Get("/api/v1/lineage?of=dataset:rows@noon").Find("of")->Find("digests"), nullptr);
  for (const char* run : {"r2", "r3"}) read(run, "d2");
  const auto shown = [&](const std::string& of) {
    std::string text;
    const Json answer = world_.Get("/api/v1/lineage?of=" + of);
    const std::string here = answer.Find("of")->Find("artifacts")->AsArray()[0].AsString();
    for (const Json& one : answer.Find("of")->Find("digests")->AsArray()) {
      CatTo(text, one.StringOr("artifact", "") == here ? "*" : "", one.StringOr("digest", ""),
            one.Find("runs")->Dump());
    }
    return text;
  };
  EXPECT_EQ(shown("dataset:rows@noon"), R"(*d2["r3","r2"]d1["r1"])");
  EXPECT_EQ(shown("dataset:rows@noon@d1"), R"(d2["r3","r2"]*d1["r1"])");
  for (int i = 0; i < 30; ++i) read(Cat("s", i), "d3");
  const Json newest =
      world_.Get("/api/v1/lineage/origin?of=dataset:rows@noon").Find("of")->Find("digests")->AsArray()[0];
  EXPECT_EQ(newest.Find("runs")->AsArray().size(), 20U);
  EXPECT_TRUE(newest.BoolOr("more_runs", false));
  EXPECT_TRUE(world_.Say("/api/v1/lineage?of=dataset:rows@noon@d9").starts_with("404 lineage knows no dataset"));
}

TEST_F(LineageRoutesTest, PeopleRecordTheirOwn) {
  const std::string said = world_.Say("/api/v1/lineage/records", net::Method::kPost,
                                      R"({"type":"sign-off","on":["late@1"],"by":"Ann","note":"fine"})");
  EXPECT_TRUE(said.starts_with(R"({"execution":")")) << said;
  const Json below = world_.Get("/api/v1/lineage?of=late@1&direction=downstream");
  bool found = false;
  for (const Json& execution : below.Find("executions")->AsArray()) {
    found = found || execution.StringOr("name", "") == "sign-off by Ann";
  }
  EXPECT_TRUE(found) << below.Dump();
}

TEST_F(LineageRoutesTest, FilesOfABatchAreTiedToItsVersion) {
  const std::string wrote = Cat("sha256:", std::string(64, 'e'));
  const auto put = [&](std::string_view model, std::string_view digest) {
    return world_.Say("/api/v1/lineage/batches/0123", net::Method::kPut,
                      Cat(R"({"model":")", model, R"(","version":1,"rows":7,"started_us":5,"ended_us":9,)",
                          R"("output":{"uri":"file:///out.parquet","digest":")", digest, R"("},)",
                          R"("inputs":[{"uri":"file:///flights.csv","digest":")", kFile, R"("}]})"));
  };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(put("late", wrote), R"({"execution":"batch-0123"})");
  const Json origin = world_.Get("/api/v1/lineage/origin?of=" + wrote);
  ASSERT_EQ(origin.Find("data")->AsArray().size(), 1U) << origin.Dump();
  EXPECT_EQ(origin.Find("data")->AsArray()[0].StringOr("digest", ""), kFile) << "read, and trained on: one file";
  EXPECT_EQ(origin.Find("executions")->AsArray().size(), 3U) << "the batch too";
  const Json graph = world_.Get("/api/v1/lineage?of=predictions:0123&direction=upstream&hops=1");
  EXPECT_EQ(graph.Find("executions")->AsArray().at(0).Find("metadata")->IntOr("rows", 0), 7) << graph.Dump();
  EXPECT_EQ(graph.Find("artifacts")->AsArray().at(0).StringOr("uri", ""), "file:///out.parquet");
  EXPECT_TRUE(put("late", "md5").starts_with("400 the digest of file:///out.parquet")) << put("late", "md5");
  EXPECT_TRUE(put("nobody", wrote).starts_with("404 "));
  EXPECT_TRUE(world_.Say("/api/v1/lineage/batches/1", net::Method::kPut, R"({"model":"late","version":1})")
                  .starts_with("400 a batch has an output"));
}

TEST_F(LineageRoutesTest, WhatIsNotThereIsSaid) {
  EXPECT_TRUE(world_.Say("/api/v1/lineage").starts_with("400 of=... is missing"));
  EXPECT_TRUE(world_.Say("/api/v1/lineage?of=late@9").starts_with("404 "));
  EXPECT_TRUE(world_.Say("/api/v1/lineage?of=nothing").starts_with("404 lineage knows nothing of run \"nothing\""));
  EXPECT_TRUE(world_.Say("/api/v1/lineage?of=dataset:none").starts_with("404 lineage knows no dataset \"none\""));
  EXPECT_EQ(world_.Say("/api/v1/lineage?of=late@1&direction=sideways"),
            "400 direction is upstream, downstream or both, not \"sideways\"");
}

}  // namespace
}  // namespace mw::api::native
