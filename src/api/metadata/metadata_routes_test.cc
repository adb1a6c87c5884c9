// The metadata API over HTTP: forms, names, custom methods and errors as its clients know them.
#include <gtest/gtest.h>

#include "api/metadata/routes.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"
#include "net/fake_exchange.h"

namespace mw::api::metadata {
namespace {

constexpr std::string_view kStorePath = "/v1/projects/default/locations/local/metadataStores/default";

class MetadataRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *driver_.Open();
    ASSERT_TRUE(database_->Migrate(lineage::Migrations()).ok());
    AddMetadataRoutes(routes_, *database_, clock_);
  }
  Json Ask(net::Method method, std::string_view path, std::string body = "") {
    const net::Response response = net::Ask(routes_, method, Cat(kStorePath, path), std::move(body));
    status_ = response.status;
    return Json::Parse(response.body).value_or(Json(response.body));
  }
  Json Get(std::string_view path) { return Ask(net::Method::kGet, path); }
  Json Post(std::string_view path, std::string body) { return Ask(net::Method::kPost, path, std::move(body)); }
  static std::string Error(const Json& answer) {
    const Json* error = answer.Find("error");
    return error == nullptr
               ? answer.Dump()
               : Cat(error->IntOr("code", 0), " ", error->StringOr("status", ""), ": ", error->StringOr("message", ""));
  }

  db::TemporarySqlite driver_;
  std::unique_ptr<db::Database> database_;
  SimulatedClock clock_{*ParseTime("2026-01-02T03:04:05Z")};
  net::RouteTable routes_;
  int status_ = 0;
};

TEST_F(MetadataRoutesTest, AnArtifactIsMadeReadListedAndChanged) {
  const Json made =
      Post("/artifacts?artifactId=rows-1",
           R"({"displayName":"rows","schemaTitle":"system.Dataset","uri":"file:/x","metadata":{"rows":3}})");
  EXPECT_EQ(status_, 200) << made.Dump();
  EXPECT_EQ(made.StringOr("name", ""), "projects/default/locations/local/metadataStores/default/artifacts/rows-1");
  EXPECT_EQ(made.StringOr("createTime", ""), "2026-01-02T03:04:05Z");
  EXPECT_EQ(made.StringOr("state", ""), "LIVE");
  EXPECT_EQ(Get("/artifacts/rows-1"), made);
  const Json patched =
      Ask(net::Method::kPatch, "/artifacts/rows-1?updateMask=metadata,display_name", R"({"metadata":{"rows":4}})");
  EXPECT_EQ(patched.Find("metadata")->Dump(), R"({"rows":4})");
  EXPECT_EQ(patched.StringOr("displayName", "x"), "") << "in the mask and not in the body: cleared";
  EXPECT_EQ(patched.StringOr("uri", ""), "file:/x");
  const Json list = Get("/artifacts?filter=metadata.rows.number_value%20%3D%204");
  EXPECT_EQ(list.Find("artifacts")->AsArray().size(), 1U) << list.Dump();
  EXPECT_EQ(list.Find("nextPageToken"), nullptr);
  EXPECT_EQ(Error(Post("/artifacts?artifactId=rows-1", "{}")),
            "409 ALREADY_EXISTS: there is an artifact \"rows-1\" already");
}

TEST_F(MetadataRoutesTest, AnExecutionTiesArtifactsAndContextsHoldThem) {
  for (const char* id : {"in", "out"}) Post(Cat("/artifacts?artifactId=", id), "{}");
  Post("/executions?executionId=e1", R"({"schemaTitle":"acme.Review","state":"RUNNING","displayName":"review"})");
  Post("/contexts?contextId=c1", R"({"schemaTitle":"acme.Study","displayName":"spring"})");
  Post("/executions/e1:addExecutionEvents",
       R"({"events":[{"artifact":"projects/x/locations/y/metadataStores/default/artifacts/in","type":"INPUT"},)"
       R"({"artifact":"out","type":"OUTPUT","labels":{"port":"report"}}]})");
  EXPECT_EQ(status_, 200);
  Post("/contexts/c1:addContextArtifactsAndExecutions", R"({"executions":["e1"]})");
  EXPECT_EQ(status_, 200);
  const Json ports = Get("/executions/e1:queryExecutionInputsAndOutputs");
  EXPECT_EQ(ports.Find("events")->AsArray().size(), 2U) << ports.Dump();
  EXPECT_EQ(ports.Find("events")->AsArray()[1].StringOr("type", ""), "OUTPUT");
  EXPECT_EQ(Get("/contexts/c1:queryContextLineageSubgraph").Find("artifacts")->AsArray().size(), 2U);
  const Json around = Get("/artifacts/out:queryArtifactLineageSubgraph?maxHops=2");
  EXPECT_EQ(around.Find("artifacts")->AsArray().size(), 2U) << around.Dump();
  EXPECT_EQ(Get("/artifacts/out:queryArtifactLineageSubgraph?maxHops=0").Find("executions")->AsArray().size(), 0U);
  const Json listed = Get("/executions?filter=in_context(%22c1%22)%20AND%20state%3DRUNNING");
  EXPECT_EQ(listed.Find("executions")->AsArray()[0].StringOr("schemaTitle", ""), "acme.Review");
}

TEST_F(MetadataRoutesTest, MistakesAreToldInTheProtocolsForm) {
  EXPECT_TRUE(Error(Get("/artifacts?filter=colour%3D3")).starts_with("400 INVALID_ARGUMENT: filter: \"colour\""));
  EXPECT_EQ(Error(Get("/artifacts/none")), "404 NOT_FOUND: lineage has no artifact \"none\"");
  EXPECT_TRUE(Error(Get("/artifacts/none:dance")).starts_with("404 NOT_FOUND: there is no method \"dance\""));
  EXPECT_EQ(Error(Post("/artifacts", R"({"schemaTitle":"Model"})")),
            "400 INVALID_ARGUMENT: schemaTitle \"Model\" needs a namespace: acme.Model");
  EXPECT_EQ(Error(Post("/executions", R"({"state":"DONE"})")),
            "400 INVALID_ARGUMENT: state is NEW, RUNNING, COMPLETE, FAILED, CACHED or CANCELLED, not \"DONE\"");
  EXPECT_EQ(Error(Get("/artifacts?pageSize=5000")), "400 INVALID_ARGUMENT: page_size is 1 to 1000, not 5000");
  const net::Response other =
      net::Ask(routes_, net::Method::kGet, "/v1/projects/p9/locations/local/metadataStores/default/artifacts", "");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(Get("").StringOr("name", ""), "projects/default/locations/local/metadataStores/default");
}

}  // namespace
}  // namespace mw::api::metadata
