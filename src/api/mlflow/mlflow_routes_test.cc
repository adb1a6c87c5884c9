// MLflow's API without a server: forms, codes and words. The unmodified client is tests/conformance/mlflow_client.py's.
#include <gtest/gtest.h>

#include <string>

#include "api/byte_range.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/testing.h"
#include "api/mlflow/validation.h"
#include "base/text.h"
#include "blob/directory_blobs.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "net/fake_exchange.h"

namespace mw::api::mlflow {
namespace {

class MlflowRoutesTest : public ::testing::Test {
 protected:
  MlflowRoutesTest() {
    std::vector<db::Migration> all = tracking::Migrations();
    for (const auto& more : {tracking::Uploads::Migrations(), registry::Migrations()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    EXPECT_TRUE(database_.Migrate(all).ok());
    AddExperimentRoutes(routes_, tracking_);
    AddRunRoutes(routes_, tracking_, clock_);
    AddInputRoutes(routes_, inputs_);
    AddMetricRoutes(routes_, tracking_);
    AddArtifactRoutes(routes_, tracking_, registry_, artifacts_, door_);
    AddUploadRoutes(routes_, artifacts_, uploads_, door_);
    AddServerRoutes(routes_);
  }

  net::Response Ask(net::Method method, std::string_view path, std::string body, std::string_view type) {
    const std::string target = path.starts_with('/') ? std::string(path) : Cat("/api/2.0/mlflow/", path);
    net::FakeRequest request(method, target, std::move(body));
    if (!type.empty()) request.headers.emplace_back("Content-Type", type);
    return net::Ask(routes_, request);
  }
  /// The answer, or "status code: message".
  std::string Post(std::string_view path, std::string body) {
    return Said(Ask(net::Method::kPost, path, std::move(body), "application/json; charset=utf-8"));
  }
  std::string Get(std::string_view path) { return Said(Ask(net::Method::kGet, path, "", "")); }
  static std::string Said(const net::Response& response) {
    if (response.status == 200) return response.body;
    const auto json = Json::Parse(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return json.ok() ? Cat(response.status, " ", json->StringOr("error_code", ""), ": ", json->StringOr("message", ""))
                     : response.body;
  }
  std::string NewRun(std::string_view more = "") {
    const auto json = Json::Parse(Post("runs/create", Cat(R"({"experiment_id":"0","start_time":5)", more, "}")));
    return json->Find("run")->Find("info")->StringOr("run_id", "");
  }
  /// The metrics, parameters and tags of a run, without its name.
  std::string DataOf(const std::string& run) {
    const auto json = Json::Parse(Get(Cat("runs/get?run_id=", run)));
    std::string data = json->Find("run")->Find("data")->Dump();
    const std::size_t name = data.find(R"({"key":"mlflow.runName")");
    return data.erase(name, data.find('}', name) + 1 - name);
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{FromMicros(testing::kNow * 1000)};
  tracking::Tracking tracking_{database_, clock_};
  tracking::Inputs inputs_{database_};
  tracking::Artifacts artifacts_{database_, clock_};
  registry::Registry registry_{database_, clock_};
  std::unique_ptr<blob::BlobStore> blobs_ = std::move(*blob::DirectoryBlobs::Open(directory_.path() + "/blobs"));
  testing::AtOnce workers_;
  BlobDoor door_{*blobs_, workers_};
  tracking::Uploads uploads_{database_, clock_};
  net::RouteTable routes_;
};

TEST_F(MlflowRoutesTest, MakesAndFindsExperiments) {
  EXPECT_EQ(Post("experiments/create", R"({"name":"a","tags":[{"key":"k","value":"v"}]})"), R"({"experiment_id":"1"})");
  const std::string experiment =
      R"({"experiment":{"experiment_id":"1","name":"a","artifact_location":"mlflow-artifacts:/1",)"
      R"("lifecycle_stage":"active","last_update_time":1700000000000,"creation_time":1700000000000,)"
      R"("tags":[{"key":"k","value":"v"}]}})";
  EXPECT_EQ(Get("experiments/get?experiment_id=1"), experiment);
  EXPECT_EQ(Get("/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=a"), experiment);
  EXPECT_EQ(Get("experiments/get?experiment_id=9"), "404 RESOURCE_DOES_NOT_EXIST: No Experiment with id=9 exists");
  EXPECT_EQ(Post("experiments/create", R"({"name":"a"})"),
            "400 RESOURCE_ALREADY_EXISTS: Experiment(name=a) already exists.");
  EXPECT_EQ(Post("experiments/create", "{}"),
            "400 INVALID_PARAMETER_VALUE: Missing value for required parameter 'name'. See the API docs for more "
            "information about request parameters.");
  EXPECT_EQ(
      Post("experiments/create", R"({"name":["a"]})"),
      "400 INVALID_PARAMETER_VALUE: Invalid value [\"a\"] for parameter 'name' supplied:  Hint: Value was of type "
      "'list'. See the API docs for more information about request parameters.");
  EXPECT_EQ(Post("experiments/delete", R"({"experiment_id":"1"})"), "{}");
  EXPECT_EQ(Post("experiments/search", R"({"max_results":10,"filter":"name = 'a'"})"), "{}");
  EXPECT_NE(
      Post("experiments/search", R"({"max_results":10,"view_type":"ALL","filter":"name LIKE 'a%'"})").find("deleted"),
      std::string::npos);
  EXPECT_EQ(Post("experiments/search", R"({"max_results":0})"),
            "400 INVALID_PARAMETER_VALUE: Invalid value 0 for parameter 'max_results' supplied. It must be a positive "
            "integer");
}

TEST_F(MlflowRoutesTest, FindsExperimentsByTheirIds) {
  for (const char* name : {"a", "b", "c"}) Post("experiments/create", Cat(R"({"name":")", name, R"("})"));
  const auto found = [this](std::string_view filter) {
    const auto page = Json::Parse(Post("experiments/search", Cat(R"({"max_results":9,"filter":")", filter, R"("})")));
    std::string names;
    if (page->Find("experiments") == nullptr) return page->Dump();
    for (const Json& one : page->Find("experiments")->AsArray()) names += one.StringOr("name", "?");
    return names;
  };
  EXPECT_EQ(found("experiment_id = '02'"), "b");
  EXPECT_EQ(found("experiment_id != '2' AND name != 'Default'"), "ac");
  EXPECT_EQ(found("experiment_id IN ('1', '3', '9')"), "ac");
  EXPECT_EQ(found("attributes.experiment_id NOT IN ('1', '0')"), "bc");
}

TEST_F(MlflowRoutesTest, RefusesWhatMlflowRefuses) {
  EXPECT_EQ(Post("experiments/create", R"({"name":" \t"})"),
            "400 INVALID_PARAMETER_VALUE: Invalid experiment name: ' \t'");
  EXPECT_EQ(Post("experiments/create", R"({"name":"x","artifact_location":"mlflow-artifacts:/a#b"})"),
            "400 INVALID_PARAMETER_VALUE: 'artifact_location' URL can't include fragments or params.");
  const std::string long_key = Cat(R"({"name":"x","tags":[{"key":")", std::string(251, 'k'), R"(","value":""}]})");
  EXPECT_EQ(Post("experiments/create", long_key),
            "400 INVALID_PARAMETER_VALUE: 'tags[0].key' exceeds the maximum length of 250 characters");
  EXPECT_EQ(Get("metrics/get-history?run_id=r&metric_key=m&max_results=0"),
            "400 INVALID_PARAMETER_VALUE: Invalid value 0 for parameter 'max_results' supplied. It must be a positive "
            "integer.");
  const std::string both =
      "400 INVALID_PARAMETER_VALUE: Request specifies both 'run_id' and 'runId'; provide only one "
      "of them.";
  EXPECT_EQ(Post("runs/update", R"({"run_id":"a","runId":"b"})"), both);
  EXPECT_EQ(Post("runs/log-batch", R"({"run_id":"a","runId":"b"})"), both);
  EXPECT_EQ(Get("runs/get?run_id=a&runId=b"), both);
  EXPECT_EQ(Post("runs/log-batch", R"({"run_id":"a","params":[{"some_key":"b","someKey":"c"}]})"),
            "400 INVALID_PARAMETER_VALUE: Request specifies both 'some_key' and 'someKey'; provide only one of them.");
}

TEST(MlflowRefusalTest, IsInTheClientsForm) {
  const net::Response answer = Refusal("/api/2.0/mlflow/runs/get", Unauthenticated("the token is unknown"));
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.body, R"({"error_code":"UNAUTHENTICATED","message":"the token is unknown"})");
  EXPECT_EQ(Refusal("/ajax-api/2.0/mlflow/runs/get", PermissionDenied("no")).body,
            R"({"error_code":"PERMISSION_DENIED","message":"no"})");
  EXPECT_EQ(Refusal("/api/v1/status", PermissionDenied("no")).body,
            R"({"error":{"code":"PERMISSION_DENIED","message":"no"}})");
}

TEST_F(MlflowRoutesTest, ARunIsMadeLoggedToAndEnded) {
  const std::string run = NewRun(R"(,"run_name":"first","user_id":"ada","tags":[{"key":"team","value":"ops"}])");
  EXPECT_EQ(run.size(), 32U);
  EXPECT_EQ(Get(Cat("runs/get?run_uuid=", run)),
            Cat(R"({"run":{"info":{"run_id":")", run, R"(","run_uuid":")", run,
                R"(","run_name":"first","experiment_id":"0","user_id":"ada","status":"RUNNING","start_time":5,)",
                R"("artifact_uri":"mlflow-artifacts:/0/)", run, R"(/artifacts","lifecycle_stage":"active"},)",
                R"("data":{"tags":[{"key":"mlflow.runName","value":"first"},{"key":"team","value":"ops"}]},)",
                R"("inputs":{},"outputs":{}}})"));
  EXPECT_EQ(
      Post("runs/log-metric", Cat(R"({"run_id":")", run, R"(","key":"loss","value":0.5,"timestamp":7,"step":"3"})")),
      "{}");
  EXPECT_EQ(Post("runs/log-parameter", Cat(R"({"runId":")", run, R"(","key":"depth","value":"6"})")), "{}");
  EXPECT_EQ(Post("runs/log-batch",
                 Cat(R"({"run_id":")", run, R"(","metrics":[{"key":"auc","value":"NaN","timestamp":1},)",
                     R"({"key":"far","value":"-Infinity","timestamp":1}],"tags":[{"key":"team","value":"sre"}]})")),
            "{}");
  EXPECT_EQ(DataOf(run), R"({"metrics":[{"key":"auc","value":"NaN","timestamp":1,"step":0},)"
                         R"({"key":"far","value":-1.7976931348623157e+308,"timestamp":1,"step":0},)"
                         R"({"key":"loss","value":0.5,"timestamp":7,"step":3}],)"
                         R"("params":[{"key":"depth","value":"6"}],"tags":[,{"key":"team","value":"sre"}]})");
  EXPECT_EQ(
      Post("runs/update", Cat(R"({"run_id":")", run, R"(","status":3,"end_time":9})")),
      Cat(R"({"run_info":{"run_id":")", run, R"(","run_uuid":")", run,
          R"(","run_name":"first","experiment_id":"0","user_id":"ada","status":"FINISHED","start_time":5,"end_time":9,)",
          R"("artifact_uri":"mlflow-artifacts:/0/)", run, R"(/artifacts","lifecycle_stage":"active"}})"));
  EXPECT_EQ(Get("runs/get?run_id=nobody"), "404 RESOURCE_DOES_NOT_EXIST: Run with id=nobody not found");
}

TEST_F(MlflowRoutesTest, RefusesInMlflowsWords) {
  const std::string run = NewRun();
  const auto metric = [&](std::string_view members) {
    return Post("runs/log-metric", Cat(R"({"run_id":")", run, "\",", members, "}"));
  };
  EXPECT_EQ(metric(R"("key":"a$","value":1,"timestamp":1)"),
            "400 INVALID_PARAMETER_VALUE: Invalid value \"a$\" for parameter 'name' supplied: Names may only contain "
            "alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).");
  EXPECT_EQ(metric(R"("key":"m","value":1,"timestamp":-1)"),
            "400 INVALID_PARAMETER_VALUE: Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.0). "
            "Timestamp must be a nonnegative long (64-bit integer) ");
  EXPECT_EQ(metric(R"("key":"m","value":1,"timestamp":1,"step":1.5)"),
            "400 INVALID_PARAMETER_VALUE: Invalid value 1.5 for parameter 'step' supplied:  Hint: Value was of type "
            "'float'. See the API docs for more information about request parameters.");
  std::string params;
  for (int i = 0; i < 101; ++i) CatTo(params, i == 0 ? "" : ",", R"({"key":"p)", i, R"(","value":"v"})");
  EXPECT_EQ(
      Post("runs/log-batch", Cat(R"({"run_id":")", run, R"(","params":[)", params, "]}")),
      "400 INVALID_PARAMETER_VALUE: A batch logging request can contain at most 100 params. Got 101 params. Please "
      "split up params across multiple requests and try again.");
  EXPECT_EQ(
      Post("runs/log-batch",
           Cat(R"({"run_id":")", run, R"(","params":[{"key":"a","value":"1"},{"key":"a","value":"1"}]})")),
      "400 INVALID_PARAMETER_VALUE: Duplicate parameter keys have been submitted: ['a']. Please ensure the request "
      "contains only one param value per param key.");
  EXPECT_EQ(Said(Ask(net::Method::kPost, "runs/create", "{}", "text/plain")),
            "400 INVALID_PARAMETER_VALUE: Bad Request. Content-Type must be one of ['application/json'].");
  EXPECT_TRUE(Post("runs/create", "{").starts_with("400 INVALID_PARAMETER_VALUE: "));
  EXPECT_TRUE(Post("runs/create", "[]").starts_with("400 INVALID_PARAMETER_VALUE: "));
}

TEST_F(MlflowRoutesTest, SearchesPageByPageWhileRunsAreAdded) {
  for (int i = 0; i < 5; ++i) {
    const std::string run = NewRun(Cat(R"(,"run_name":"r)", i, "\""));
    Post("runs/log-metric", Cat(R"({"run_id":")", run, R"(","key":"loss","value":)", i % 3, R"(,"timestamp":1})"));
  }
  std::string names, token;
  for (int page = 0; page < 10; ++page) {
    const auto json = Json::Parse(
        Post("runs/search", Cat(R"({"experiment_ids":["0"],"max_results":2,"filter":"metrics.loss < 2",)",
                                R"("order_by":["metrics.loss DESC","run_name ASC"],"page_token":")", token, "\"}")));
    if (const Json* runs = json->Find("runs")) {
      for (const Json& run : runs->AsArray()) names += run.Find("info")->StringOr("run_name", "");
    }
    token = json->StringOr("next_page_token", "");
    if (token.empty()) break;
    // In front of what was seen: it moves nothing.
    const std::string late = NewRun(R"(,"run_name":"a")");
    Post("runs/log-metric", Cat(R"({"run_id":")", late, R"(","key":"loss","value":1.5,"timestamp":1})"));
  }
  EXPECT_EQ(names, "r1r4r0r3");
  EXPECT_TRUE(Post("runs/search", R"({"experiment_ids":["0"],"page_token":"5b5d"})").starts_with("400 "));
  EXPECT_TRUE(Post("runs/search", R"({"experiment_ids":["0"],"filter":"metrics.loss <"})").starts_with("400 "));
  EXPECT_EQ(Post("runs/search", R"({"experiment_ids":[]})"), "{}");
  EXPECT_NE(Post("runs/search", R"({"experiment_ids":["0","x"]})").find("Invalid experiment ID 'x'. Experiment ID "),
            std::string::npos);
}

TEST_F(MlflowRoutesTest, TellsHistoriesWholeAndThin) {
  const std::string run = NewRun();
  for (int i = 0; i < 50; ++i) {
    Post("runs/log-metric", Cat(R"({"run_id":")", run, R"(","key":"loss","value":)", i == 20 ? 1000 : i,
                                R"(,"timestamp":)", i, R"(,"step":)", i, "}"));
  }
  const auto count = [](const std::string& answer) {
    const auto json = Json::Parse(answer);
    return json->Find("metrics") == nullptr ? 0 : json->Find("metrics")->AsArray().size();
  };
  EXPECT_EQ(count(Get(Cat("metrics/get-history?metric_key=loss&run_id=", run))), 50U);
  EXPECT_EQ(Get(Cat("metrics/get-history?metric_key=never&run_id=", run)), "{}");
  const std::string first = Get(Cat("metrics/get-history?metric_key=loss&max_results=30&run_id=", run));
  EXPECT_EQ(count(first), 30U);
  EXPECT_TRUE(first.ends_with(R"("next_page_token":"30"})")) << first;
  EXPECT_EQ(count(Get(Cat("metrics/get-history?metric_key=loss&max_results=30&page_token=30&run_id=", run))), 20U);
  const std::string thin = Get(Cat("metrics/get-history-bulk-interval?metric_key=loss&max_results=10&run_ids=", run));
  EXPECT_LE(count(thin), 10U);
  EXPECT_NE(thin.find("\"value\":1000.0"), std::string::npos) << thin;
  EXPECT_EQ(count(Get(Cat("metrics/get-history-bulk-interval?metric_key=loss&start_step=5&end_step=9&run_ids=", run))),
            5U);
  EXPECT_TRUE(
      Get(Cat("metrics/get-history-bulk-interval?metric_key=loss&start_step=5&run_ids=", run)).starts_with("400 "));
}

TEST_F(MlflowRoutesTest, KeepsArtifactsAndGivesThemWholeOrInParts) {
  const std::string run = NewRun();
  const std::string root = Cat("/api/2.0/mlflow-artifacts/artifacts/0/", run, "/artifacts");
  const auto send = [&](net::Method method, const std::string& path, std::string body = "",
                        std::string_view range = "") {
    net::FakeRequest request(method, path, std::move(body));
    if (!range.empty()) request.headers.emplace_back("Range", range);
    return net::Ask(routes_, request);
  };
  EXPECT_EQ(send(net::Method::kPut, root + "/model/weights.bin", "0123456789").body, "{}");
  EXPECT_EQ(send(net::Method::kPut, root + "/empty", "").body, "{}");
  net::Response whole = send(net::Method::kGet, root + "/model/weights.bin");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, "0123456789");
  EXPECT_EQ(*net::FindHeader(whole.headers, "Content-Disposition"), "attachment; filename*=UTF-8''weights.bin");
  EXPECT_EQ(*net::FindHeader(whole.headers, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(*net::FindHeader(whole.headers, "Content-Security-Policy"),
            "default-src 'none'; sandbox; frame-ancestors 'none'");
  EXPECT_EQ(*net::FindHeader(whole.headers, "Repr-Digest"), "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:");
  const net::Response part = send(net::Method::kGet, root + "/model/weights.bin", "", "bytes=2-4");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(*net::FindHeader(part.headers, "Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(send(net::Method::kGet, root + "/model/weights.bin", "", "bytes=10-").status, 416);
  EXPECT_EQ(send(net::Method::kGet, root + "/empty").body, "");
  EXPECT_EQ(send(net::Method::kGet, root + "/never").status, 404);
  EXPECT_EQ(Get(Cat("/api/2.0/mlflow-artifacts/artifacts?path=0/", run, "/artifacts")),
            R"({"files":[{"path":"empty","is_dir":false,"file_size":0},{"path":"model","is_dir":true}]})");
  EXPECT_EQ(Get(Cat("artifacts/list?path=model&run_id=", run)),
            Cat(R"({"files":[{"path":"model/weights.bin","is_dir":false,"file_size":10}],)",
                R"("root_uri":"mlflow-artifacts:/0/)", run, R"(/artifacts"})"));
  EXPECT_EQ(send(net::Method::kGet, Cat("/get-artifact?path=model/weights.bin&run_uuid=", run)).body, "0123456789");
  EXPECT_TRUE(
      Get(Cat("/get-artifact?path=../x&run_id=", run)).starts_with("400 INVALID_PARAMETER_VALUE: Invalid path"));
  EXPECT_TRUE(Get("/get-artifact?path=x&run_id=nobody").starts_with("404 RESOURCE_DOES_NOT_EXIST"));
  registry::NewVersion version;
  version.name = {"default", "iris"};
  version.source_uri = Cat("mlflow-artifacts:/0/", run, "/artifacts/model");
  ASSERT_TRUE(SyncWait(registry_.CreateVersion(version)).ok());
  version.source_uri = "s3://elsewhere/model";
  ASSERT_TRUE(SyncWait(registry_.CreateVersion(version)).ok());
  const std::string of_version = "/model-versions/get-artifact?name=iris&version=";
  EXPECT_EQ(send(net::Method::kGet, of_version + "1&path=weights.bin").body, "0123456789");
  EXPECT_TRUE(Get(of_version + "1&path=../x").starts_with("400 INVALID_PARAMETER_VALUE: Invalid path"));
  EXPECT_TRUE(Get(of_version + "1&path=none").starts_with("404 RESOURCE_DOES_NOT_EXIST"));
  EXPECT_TRUE(Get(of_version + "1").starts_with("400 INVALID_PARAMETER_VALUE: Missing value"));
  EXPECT_TRUE(Get(of_version + "9&path=x").starts_with("404 RESOURCE_DOES_NOT_EXIST: Model Version (name=iris"));
  EXPECT_EQ(Get(of_version + "2&path=x"), "501 NOT_IMPLEMENTED: these artifacts lie at s3://elsewhere/model");
  EXPECT_EQ(send(net::Method::kDelete, root + "/model").body, "{}");
  EXPECT_EQ(send(net::Method::kGet, root + "/model/weights.bin").status, 404);
}

TEST_F(MlflowRoutesTest, WhatIsThereIsToldByItsDigest) {
  const std::string path = "/api/2.0/mlflow-artifacts/artifacts/0/r/x";
  const auto send = [&](net::Method method, std::string body, std::vector<std::pair<std::string, std::string>> fields) {
    net::FakeRequest request(method, path, std::move(body));
    for (auto& field : fields) request.headers.push_back(std::move(field));
    return net::Ask(routes_, request);
  };
  const std::string abc = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";  // FIPS 180-2
  EXPECT_EQ(send(net::Method::kPut, "abd", {{"Content-Digest", abc}}).status, 400);
  EXPECT_EQ(send(net::Method::kGet, "", {}).status, 404) << "what was refused is not there";
  const net::Response put = send(net::Method::kPut, "abc", {{"Content-Digest", abc}});
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(*net::FindHeader(put.headers, "Repr-Digest"), abc);
  const std::string tag = *net::FindHeader(put.headers, "ETag");
  EXPECT_EQ(send(net::Method::kGet, "", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(send(net::Method::kGet, "", {{"Range", "bytes=1-"}, {"If-Range", tag}}).body, "bc");
  EXPECT_EQ(send(net::Method::kGet, "", {{"Range", "bytes=1-"}, {"If-Range", "\"another\""}}).body, "abc");
}

TEST_F(MlflowRoutesTest, ALargeFileArrivesInParts) {
  const std::string base = "/api/2.0/mlflow-artifacts";
  const auto post = [&](std::string_view step, std::string body) {
    return Said(
        Ask(net::Method::kPost, Cat(base, "/mpu/", step, "/0/r/artifacts"), std::move(body), "application/json"));
  };
  const auto created = Json::Parse(post("create", R"({"path":"/tmp/big.bin","num_parts":3})"));
  ASSERT_TRUE(created.ok());
  const std::string id = created->StringOr("upload_id", "");
  const auto& credentials = created->Find("credentials")->AsArray();
  ASSERT_EQ(credentials.size(), 3U);
  std::vector<std::string> tags;
  for (const std::size_t at : {2U, 0U, 0U, 1U}) {  // in any order, one of them twice
    const std::string url = credentials[at].StringOr("url", "");
    ASSERT_TRUE(url.starts_with("http:///api/2.0/mlflow-artifacts/mpu/part/")) << url;
    const net::Response put =
        net::Ask(routes_, net::Method::kPut, url.substr(7), std::string(3, static_cast<char>('a' + at)));
    EXPECT_EQ(put.status, 200);
    tags.resize(3);
    tags[at] = *net::FindHeader(put.headers, "ETag");
  }
  const auto parts = [&](std::initializer_list<int> numbers) {
    Json list = Json::MakeArray();
    for (const int number : numbers) {
      list.Append(Json::Make({{"part_number", number}, {"etag", tags[static_cast<std::size_t>(number) - 1]}}));
    }
    return Json::Make({{"path", "/tmp/big.bin"}, {"upload_id", id}, {"parts", std::move(list)}}).Dump();
  };
  EXPECT_EQ(Json::Parse(Get(Cat(base, "/mpu/parts/", id)))->Find("parts")->AsArray().size(), 3U);
  EXPECT_TRUE(post("complete", parts({1, 3})).starts_with("400 INVALID_PARAMETER_VALUE: part 2 is not named once"));
  EXPECT_TRUE(post("complete", parts({})).starts_with("400 "));
  std::swap(tags[0], tags[1]);
  EXPECT_TRUE(post("complete", parts({1, 2, 3})).starts_with("400 INVALID_PARAMETER_VALUE: part 1 has the ETag"));
  std::swap(tags[0], tags[1]);
  EXPECT_TRUE(Get(Cat(base, "/artifacts/0/r/artifacts/big.bin")).starts_with("404 ")) << "it is not there before";
  EXPECT_EQ(post("complete", parts({3, 1, 2})), "{}");
  EXPECT_EQ(post("complete", parts({1, 2, 3})), "{}") << "the client may ask again";
  EXPECT_EQ(Get(Cat(base, "/artifacts/0/r/artifacts/big.bin")), "aaabbbccc");
  EXPECT_TRUE(post("abort", parts({})).starts_with("404 "));
  EXPECT_TRUE(post("create", R"({"path":"x","num_parts":0})").starts_with("400 "));
  EXPECT_TRUE(post("create", R"({"path":"..","num_parts":1})").starts_with("400 "));
}

TEST_F(MlflowRoutesTest, ALargeFileIsFetchedWhereItIsSaid) {
  const std::string base = "/api/2.0/mlflow-artifacts";
  Ask(net::Method::kPut, Cat(base, "/artifacts/0/r/100%25.txt"), "abc", "");
  EXPECT_EQ(Get(Cat(base, "/presigned/0/r/100%25.txt")),
            R"({"url":"http:///api/2.0/mlflow-artifacts/artifacts/0/r/100%25.txt","headers":{},"file_size":3})");
  EXPECT_TRUE(Get(Cat(base, "/presigned/0/r/never")).starts_with("404 "));
}

TEST_F(MlflowRoutesTest, AnUploadThatIsAbortedLeavesNothing) {
  const std::string base = "/api/2.0/mlflow-artifacts/mpu/";
  const auto post = [&](std::string_view step, std::string body) {
    return Said(Ask(net::Method::kPost, Cat(base, step, "/0/r"), std::move(body), "application/json"));
  };
  const std::string id = Json::Parse(post("create", R"({"path":"x","num_parts":1})"))->StringOr("upload_id", "");
  EXPECT_TRUE(post("abort", Cat(R"({"path":"y","upload_id":")", id, "\"}")).starts_with("400 ")) << "of another file";
  EXPECT_EQ(post("abort", Cat(R"({"path":"x","upload_id":")", id, "\"}")), "{}");
  EXPECT_EQ(net::Ask(routes_, net::Method::kPut, Cat(base, "part/", id, "/1"), "x").status, 404);
}

TEST(ByteRanges, AreReadAsTheStandardSays) {
  const auto read = [](std::string_view header, std::uint64_t size) {
    const auto range = ParseRange(header, size);
    if (!range.ok()) return std::string("beyond");
    return *range ? Cat((*range)->begin, " ", (*range)->end) : std::string("whole");
  };
  EXPECT_EQ(read("bytes=2-4", 10), "2 5");
  EXPECT_EQ(read("bytes=7-", 10), "7 10");
  EXPECT_EQ(read("bytes=-3", 10), "7 10");
  EXPECT_EQ(read("bytes=-30", 10), "0 10");
  EXPECT_EQ(read("bytes=0-99", 10), "0 10");
  EXPECT_EQ(read("bytes=10-", 10), "beyond");
  EXPECT_EQ(read("bytes=-0", 10), "beyond");
  EXPECT_EQ(read("bytes=0-", 0), "beyond");
  for (const char* other :
       {"bytes=4-2", "bytes=a-b", "bytes=1-2,4-5", "bytes=-", "lines=1-2", "bytes=5", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(read(other, 10), "whole") << other;
  }
}

TEST_F(MlflowRoutesTest, WhatIsNotServedIsNotMistakenForWhatIsNotThere) {
  EXPECT_EQ(Post("runs/dance", "{}"), "404 ENDPOINT_NOT_FOUND: POST /api/2.0/mlflow/runs/dance is not served here");
  EXPECT_TRUE(Get("/api/9.0/mlflow/runs/get").starts_with("404 ENDPOINT_NOT_FOUND"));
  EXPECT_EQ(Ask(net::Method::kGet, "/version", "", "").body, "3.3.0");
}

TEST(MlflowValidation, NamesAreOnesThatFilesCouldHave) {
  for (const char* good :
       {"a", "a/b", "a b", "train:loss", "größe", "a.b-c_d", ".a", "損失/学習", "потери", "x²", "½", "𝒟"}) {
    EXPECT_TRUE(CheckName("key", good).ok()) << good;
  }
  for (const char* bad : {"", ".", "..", "../a", "/a", "a//b", "a/./b", "a/", "a$", "a\nb", "a\"b", "a…", "5€", "😀",
                          "a\u00a0b", "a\u0301", "a\xff", "a\xc3", "\xe2\x82"}) {
    EXPECT_FALSE(CheckName("key", bad).ok()) << bad;
  }
  EXPECT_TRUE(CheckName("key", "5€😀")
                  .error()
                  .message.starts_with("Invalid value \"5\\u20ac\\ud83d\\ude00\" for parameter 'key' supplied: "));
  EXPECT_EQ(NormalPath("a//b/../c/."), "a/c");
  EXPECT_EQ(NormalPath("//a"), "//a");
  EXPECT_EQ(NormalPath("///a/../.."), "/");
  EXPECT_EQ(NormalPath("../.."), "../..");
}

TEST(MlflowValidation, LengthsAreCountedInCharacters) {
  EXPECT_EQ(CountCharacters("größe"), 5U);
  EXPECT_EQ(Truncated("größe", 3), "grö");
  EXPECT_EQ(Truncated("abc", 5), "abc");
  std::string name;
  for (int i = 0; i < 250; ++i) name += "ö";
  EXPECT_TRUE(CheckLength("key", name, kKeyCharactersMax).ok());
  EXPECT_EQ(CheckLength("key", name + "o", kKeyCharactersMax).error().message,
            "'key' exceeds the maximum length of 250 characters");
  EXPECT_FALSE(CheckRunId("").ok());
  EXPECT_FALSE(CheckRunId("a b").ok());
  EXPECT_TRUE(CheckRunId("0a-_").ok());
}

}  // namespace
}  // namespace mw::api::mlflow
