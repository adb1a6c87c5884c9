// Files of labels, sent to a control plane that keeps what it gets: what a column's values are sent as.
#include "steps/labels_tool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/text.h"
#include "data/testing.h"
#include "net/http.h"
#include "net/loop_server.h"
#include "wire/label_batch.h"

namespace mw::steps {
namespace {

/// Has one endpoint, "m"; takes labels as a control plane does, but for the class "maybe".
class FakeEndpoint {
 public:
  FakeEndpoint() {
    net::LoopServerOptions options;
    options.loops = 1;
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, metrics_);
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  void SetClasses(std::vector<std::string> classes) {
    const Lock lock(mutex_);
    classes_ = std::move(classes);
    labels_.clear();
    batch_.clear();
  }
  void SetKept(int kept) {
    const Lock lock(mutex_);
    kept_ = kept;
  }
  /// Each label as its value, or its class in quotes.
  std::string said() {
    const Lock lock(mutex_);
    std::vector<std::string> out;
    for (const wire::Label& label : labels_) out.push_back(label.text.empty() ? Cat(label.value) : Quoted(label.text));
    return Join(out, " ");
  }
  std::string batch() {
    const Lock lock(mutex_);
    return batch_;
  }

 private:
  class Handler final : public net::LoopHandler {
   public:
    explicit Handler(FakeEndpoint& server) : server_(server) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { server_.Answer(request, out); }

   private:
    FakeEndpoint& server_;
  };

  static void Refuse(net::ResponseWriter& out, const Error& error) {
    out.Send(HttpStatus(error.code), "application/json", net::ErrorResponse(error).body);
  }
  void Answer(const net::RequestView& request, net::ResponseWriter& out) {
    const Lock lock(mutex_);
    if (request.path != "/api/v1/endpoints/m/labels") return Refuse(out, NotFound("no endpoint of that name"));
    if (request.method == net::Method::kGet) {
      Json facts = Json::Make({{"classes", Json(Json::Array(classes_.begin(), classes_.end()))}});
      facts["recorded"] = Json::Make({{"rows", 4454}, {"kept", kept_}});
      return out.Json(facts.Dump());
    }
    const auto labels = wire::ParseLabelBytes(request.body);
    ASSERT_TRUE(labels.ok()) << labels.error().ToString();
    for (std::size_t i = 0; i < labels->size(); ++i) {
      if ((*labels)[i].text == "maybe") return Refuse(out, InvalidArgument("label ", i + 1, ": it is \"maybe\""));
    }
    labels_.insert(labels_.end(), labels->begin(), labels->end());
    batch_ = request.query;
    const bool is_new =
        std::any_of(labels->begin(), labels->end(), [](const auto& one) { return one.text == "Gentooo"; });
    out.Json(Cat(R"({"labels":)", labels->size(),
                 is_new ? R"(,"new_classes":[{"name":"Gentooo","labels":1,"did_you_mean":"Gentoo"}]})" : "}"));
  }

  Mutex mutex_;
  std::vector<std::string> classes_ MW_GUARDED_BY(mutex_);
  std::vector<wire::Label> labels_ MW_GUARDED_BY(mutex_);
  std::string batch_ MW_GUARDED_BY(mutex_);
  int kept_ MW_GUARDED_BY(mutex_) = 4454;
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
};

class LabelsToolTest : public ::testing::Test {
 protected:
  /// What a column of these values is sent as, to an endpoint of these classes.
  std::string Sent(const std::vector<std::string>& classes, const std::vector<std::string>& values) {
    server_.SetClasses(classes);
    std::string csv = "key,what\n";
    for (std::size_t i = 0; i < values.size(); ++i) CatTo(csv, "k", i, ",", values[i], "\n");
    const std::string path = Cat(scratch_.path(), "/labels.csv");
    EXPECT_TRUE(WriteFileDurably(path, csv).ok());
    const Status sent =
        SendLabels({path, "--endpoint", "m", "--labels-to", server_.url(), "--label", "what", "--json"});
    return sent.ok() ? server_.said() : sent.error().ToString();
  }

  data::ScratchDirectory scratch_;
  FakeEndpoint server_;
};

TEST_F(LabelsToolTest, TextsAreNamesOfClasses) {
  EXPECT_EQ(Sent({"setosa", "virginica"}, {"virginica", "setosa", "lily"}), R"("virginica" "setosa" "lily")");
  EXPECT_EQ(Sent({}, {"Yes", "Nope", "No"}), R"("Yes" "Nope" "No")") << "the control plane says what is wrong";
  EXPECT_NE(Sent({"No", "Yes"}, {"Yes", "maybe", "No"}).find("label 2: it is \"maybe\""), std::string::npos);
}

TEST_F(LabelsToolTest, NumbersAreNamesWhereClassesAreCalledSo) {
  EXPECT_EQ(Sent({"3", "4", "5"}, {"5", "3", ""}), R"("5" "3")");
  EXPECT_EQ(Sent({"1", "2"}, {"2", "1", "NULL"}), R"("2" "1")");
  EXPECT_EQ(Sent({"setosa", "virginica"}, {"1", "0"}), "1 0") << "places in the list";
  EXPECT_EQ(Sent({}, {"1.5", "0"}), "1.5 0");
}

TEST_F(LabelsToolTest, TruthIsANameWhereAClassIsCalledSo) {
  EXPECT_EQ(Sent({}, {"true", "false"}), "1 0");
  EXPECT_EQ(Sent({"true", "false"}, {"true", "false"}), R"("true" "false")");
  EXPECT_EQ(Sent({"Yes", "No"}, {"Yes", "No", "", "Yes"}), R"("Yes" "No" "Yes")") << "CSV takes them for truth values";
  EXPECT_EQ(Sent({"maybe", "no", "yes"}, {"yes", "no"}), R"("yes" "no")");
  EXPECT_EQ(Sent({"good", "bad"}, {"true", "false"}), "1 0") << "the decision";
}

TEST_F(LabelsToolTest, MarksOfMissingValuesAreNoClasses) {
  EXPECT_EQ(Sent({"a", "b"}, {"a", "NA", " n/a ", "?", "b"}), R"("a" "b")");
  EXPECT_EQ(Sent({"a", "None"}, {"a", "None", "none"}), R"("a" "None")");
}

TEST_F(LabelsToolTest, MarksOfMissingValuesAmongTruthValuesArePassedOver) {
  EXPECT_EQ(Sent({}, {"Yes", "NA", "No", "?", "", "Yes"}), R"("Yes" "No" "Yes")");
  EXPECT_EQ(Sent({"No", "Yes"}, {"Yes", "NA", "No"}), R"("Yes" "No")");
}

/// What sending a file of this content prints, or the refusal.
class LabelsToolSaysTest : public LabelsToolTest {
 protected:
  std::string Said(const std::string& csv, const std::vector<std::string>& classes = {}) {
    server_.SetClasses(classes);
    const std::string path = scratch_.File("labels.csv", csv);
    ::testing::internal::CaptureStdout();
    const Status sent = SendLabels({path, "--endpoint", "m", "--labels-to", server_.url()});
    const std::string out = ::testing::internal::GetCapturedStdout();
    return sent.ok() ? out : sent.error().ToString().substr(path.size());
  }
};

TEST_F(LabelsToolSaysTest, ThatAClassIsNewAndWhatItMayMean) {
  const std::string said = Said("key,label\na,Gentoo\nb,Gentooo\nc,Gentooo\n", {"Adelie", "Gentoo"});
  EXPECT_NE(said.find("new class \"Gentooo\": 2 labels; did you mean \"Gentoo\"?\n"), std::string::npos) << said;
}

TEST_F(LabelsToolSaysTest, ThatOnlySomePredictionsAreKept) {
  EXPECT_EQ(Said("key,label\na,1\n").find("the record keeps"), std::string::npos);
  server_.SetKept(2501);
  const std::string said = Said("key,label\na,1\n");
  EXPECT_NE(said.find("the record keeps 2,501 of 4,454 predictions (more than 1,000 a second came): "
                      "labels of the others find none\n"),
            std::string::npos)
      << said;
}

TEST_F(LabelsToolSaysTest, WhichTimeIsNone) {
  EXPECT_EQ(Said("key,label,time\na,1,2013-05-01T10:00:00Z\nb,0,yesterday\n"),
            ": row 2: column \"time\" is \"yesterday\", not a time; write times as 2013-04-01T12:30:00Z");
  EXPECT_EQ(Said("key,label,time\na,1,17\n"),
            ": row 1: column \"time\" is \"17\", not a time; write times as 2013-04-01T12:30:00Z");
  EXPECT_NE(Said("key,label,time\na,1,2013-05-01T10:00:00Z\nb,0,NA\nc,0,\n").find("3 labels sent"), std::string::npos);
}

TEST_F(LabelsToolTest, TheSameFileIsTheSameBatch) {
  Sent({"a", "b"}, {"a"});
  const std::string first = server_.batch();
  Sent({"b", "a", "c"}, {"a"});
  EXPECT_EQ(server_.batch(), first);
  Sent({"a", "b"}, {"b"});
  EXPECT_NE(server_.batch(), first);
}

TEST_F(LabelsToolTest, SaysWhatIsNotThere) {
  const Status sent = SendLabels({scratch_.path(), "--endpoint", "x", "--labels-to", server_.url()});
  EXPECT_EQ(sent.error().code, Code::kNotFound) << sent.error().ToString();
  EXPECT_EQ(SendLabels({"--endpoint", "x"}).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::steps
