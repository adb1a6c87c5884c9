// Model files that are cut short, lie, nest without end, are no trees or larger than any model, brought by the public
// interface: each is refused with a reason, and the version that answered before goes on with the same bits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "api/inference/test_server.h"
#include "base/file.h"
#include "forest/test_answers.h"
#include "serving/model_control.h"
#include "serving/model_repository.h"
#include "serving/test_model.h"
#include "wire/package.h"

namespace mw::api::inference {
namespace {

struct BadFile {
  std::string what, bytes;
};

/// The member of a JSON or LightGBM text whose name is followed by `from`, up to its first character in `ends`.
std::string WithValue(std::string text, std::string_view name, std::string_view value, std::string_view ends) {
  const std::size_t at = text.find(name);
  EXPECT_NE(at, std::string::npos) << name;
  if (at == std::string::npos) return text;
  const std::size_t begin = at + name.size();
  return text.replace(begin, text.find_first_of(ends, begin) - begin, value);
}

struct ModelFile {
  std::string file;    // in the repository, "model.json"
  std::string sample;  // a good one, of forest/testdata
};

std::vector<BadFile> BadFiles(const ModelFile& subject, const std::string& good) {
  std::vector<BadFile> bad;
  for (const std::size_t quarter : {0, 1, 2, 3}) {
    bad.push_back({Cat("cut after ", quarter, " quarters"), good.substr(0, good.size() * quarter / 4)});
  }
  if (subject.file == "model.json") {
    bad.push_back({"deep", Cat("{\"learner\":", std::string(100'000, '['))});
    bad.push_back({"a cycle", WithValue(good, "\"left_children\":[", "0", ",]")});
    bad.push_back({"lists of different lengths", WithValue(good, "\"left_children\":[", "1,1", ",]")});
  } else if (subject.file == "model.ubj") {
    bad.push_back({"deep", "{i\x07learner{i\x01x" + std::string(100'000, '[')});
    std::string lying = good;
    const std::size_t count = lying.find("left_children[$l#L");
    EXPECT_NE(count, std::string::npos);
    lying[count + std::string_view("left_children[$l#L").size()] = '\x7f';  // the count's first byte
    bad.push_back({"a list of more than the file has", lying});
  } else if (subject.file == "model.txt") {
    bad.push_back({"a cycle", WithValue(good, "left_child=", "0", " \n")});
    bad.push_back({"more leaves than there are", WithValue(good, "num_leaves=", "99999999", "\n")});
    bad.push_back({"more features than there are", WithValue(good, "max_feature_idx=", "2000000000", "\n")});
  } else {
    std::string nested;
    for (int i = 0; i < 2'000; ++i) {  // each the graph of the one around it
      std::string size;
      std::size_t left = nested.size();
      for (; left >= 0x80; left >>= 7) size.push_back(static_cast<char>(left | 0x80));
      size.push_back(static_cast<char>(left));
      nested = "\x3a" + size + nested;
    }
    bad.push_back({"deep", nested});
    bad.push_back({"longer than the file", std::string("\x08\x08\x3a\xff\xff\xff\xff\x0f", 8) + good.substr(0, 100)});
  }
  bad.push_back({"another kind of file", "\x89PNG\r\n"});
  return bad;
}

class ModelFilesTest : public testing::ServerTest, public ::testing::WithParamInterface<ModelFile> {
 protected:
  void SetUp() override {
    SetLogLevel(static_cast<LogLevel>(4));
    ASSERT_TRUE(MakeDirectories(directory_ / "m/1").ok());
    good_ = *ReadFile(forest::TestData(GetParam().sample));
    Write(good_);
    repository_ = *serving::ModelRepository::Open(directory_.path(), catalog_);
    repository_->Rescan();
    ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(60)));
    control_ =
        std::make_unique<serving::ModelControl>(catalog_, repository_, serving::ControlRules{.on_loopback = true});
    Listen(Loops(1), [this] {
      return InferenceContext{.catalog = catalog_,
                              .metrics = metrics_,
                              .clock = clock_,
                              .program_version = "9.9.9",
                              .control = control_.get()};
    });
  }
  [[nodiscard]] std::string Path() const { return directory_ / Cat("m/1/", GetParam().file); }
  void Write(const std::string& bytes) { ASSERT_TRUE(WriteFileDurably(Path(), bytes).ok()); }
  std::string Predict() {
    const std::size_t columns = GetJson("/v2/models/m").Find("inputs")->AsArray().size();
    std::string data = "0.5";
    for (std::size_t i = 1; i < columns; ++i) data += ",1";
    return PostJson("/v2/models/m/infer", Cat(R"({"inputs":[{"name":"x","shape":[1,)", columns,
                                              R"(],"datatype":"FP32","data":[)", data, "]}]}"))
        .Find("outputs")
        ->Dump();
  }
  void ExpectRefused(const std::string& what, const std::string& answer) {
    const Answer refused = Post("/v2/repository/models/m/load", "");
    EXPECT_GE(refused.status, 400) << what;
    const auto reason = Json::Parse(refused.body);
    EXPECT_TRUE(reason.ok() && reason->StringOr("error", "").size() > 10) << what << ": " << refused.body;
    EXPECT_EQ(Predict(), answer) << what;
    const Json index = PostJson("/v2/repository/index", "");
    EXPECT_EQ(index.AsArray().at(0).StringOr("state", ""), "READY") << what;
    EXPECT_NE(index.AsArray().at(0).StringOr("reason", "").find("refused"), std::string::npos) << what;
  }

  serving::testing::TestDirectory directory_;
  serving::Catalog catalog_{metrics_};
  std::string good_;
  std::shared_ptr<serving::ModelRepository> repository_;
  std::unique_ptr<serving::ModelControl> control_;
};

TEST_P(ModelFilesTest, ABadOneIsRefusedAndTheOneBeforeGoesOn) {
  const std::string answer = Predict();
  for (const BadFile& bad : BadFiles(GetParam(), good_)) {
    Write(bad.bytes);
    ExpectRefused(bad.what, answer);
  }
  std::filesystem::remove(Path());
  const FileDescriptor huge(open(Path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(ftruncate(huge.get(), static_cast<off_t>(wire::kModelBytesMax) + 1), 0);  // takes no room
  ExpectRefused("huge", answer);
  std::filesystem::remove(Path());
  const Answer gone = Post("/v2/repository/models/m/load", "");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(Predict(), answer) << "gone";
  Write(good_);
  EXPECT_EQ(Post("/v2/repository/models/m/load", "").status, 200);
  EXPECT_EQ(Predict(), answer);
}

INSTANTIATE_TEST_SUITE_P(Of, ModelFilesTest,
                         ::testing::Values(ModelFile{"model.json", "xgboost-2.1.4/binary_logistic.json"},
                                           ModelFile{"model.ubj", "xgboost-2.1.4/binary_logistic.ubj"},
                                           ModelFile{"model.txt", "lightgbm-4.7.0/binary.txt"},
                                           ModelFile{"model.onnx", "onnxruntime-1.31.1/tree_ensemble.onnx"}));

}  // namespace
}  // namespace mw::api::inference
