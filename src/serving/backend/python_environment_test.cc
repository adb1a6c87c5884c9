// What is believed of requirements, and environments made from a wheel of our own, without any network.
#include "serving/backend/python_environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

class PythonEnvironmentTest : public ::testing::Test {
 protected:
  std::string Model(std::string_view requirements, std::string_view python_env = "") {
    const std::string directory = scratch_ / Cat("model", ++models_);
    EXPECT_TRUE(MakeDirectories(directory).ok());
    EXPECT_TRUE(WriteFileDurably(directory + "/requirements.txt", requirements).ok());
    if (!python_env.empty()) {
      EXPECT_TRUE(WriteFileDurably(directory + "/python_env.yaml", python_env).ok());
    }
    return directory;
  }
  /// A wheel of a package that says its version, in a directory that is all that pip looks at.
  void OfferWheel() {
    const std::string wheels = scratch_ / "wheels";
    ASSERT_TRUE(MakeDirectories(wheels).ok());
    const Status made = RunToEnd({"/usr/bin/python3", "-c", R"(
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "VERSION = '1.0'\n")
    wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr("tiny-1.0.dist-info/WHEEL",
                   "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
)",
                                  wheels},
                                 scratch_ / "wheel.log", std::chrono::seconds(30));
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    setenv("PIP_NO_INDEX", "1", 1);
    setenv("PIP_FIND_LINKS", wheels.c_str(), 1);
    setenv("PIP_CONFIG_FILE", "/dev/null", 1);
  }
  PythonEnvironmentOptions Options() {
    PythonEnvironmentOptions options;
    options.directory = scratch_ / "environments";
    options.progress = [this](std::string_view what) { progress_.emplace_back(what); };
    return options;
  }

  testing::TestDirectory scratch_;
  std::vector<std::string> progress_;
  int models_ = 0;
};

TEST_F(PythonEnvironmentTest, ReadsWhatMlflowWrites) {
  const auto read = ReadPythonRequirements(
      Model("mlflow==2.22.0\n# made by hand\nscikit-learn==1.6.1 \npandas[parquet]>=2,<3; python_version >= '3.9'\n",
            "python: 3.11.7\nbuild_dependencies:\n- pip==23.2.1\ndependencies:\n- -r requirements.txt\n"));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->python, "3.11");
  EXPECT_EQ(read->lines, (std::vector<std::string>{"mlflow==2.22.0", "pandas[parquet]>=2,<3; python_version >= '3.9'",
                                                   "scikit-learn==1.6.1"}));
}

TEST_F(PythonEnvironmentTest, TakesNamesAndVersionsAndNothingElse) {
  for (const std::string_view line : {"--index-url https://somewhere", "-r more.txt", "-e .", "git+https://host/x",
                                      "x @ https://host/x.whl", "./x.whl", "x==1 --global-option=y", "../x"}) {
    const auto refused = ReadPythonRequirements(Model(line));
    ASSERT_FALSE(refused.ok()) << line;
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_NE(refused.error().message.find("is more than a package's name and version"), std::string::npos);
  }
  EXPECT_FALSE(ReadPythonRequirements(Model("x==1", "python: ../evil\n")).ok());
  EXPECT_EQ(ReadPythonRequirements("/nowhere").error().code, Code::kFailedPrecondition);
}

TEST_F(PythonEnvironmentTest, IsMadeOnceAndLockedByDigest) {
  OfferWheel();
  const PythonRequirements requirements{"", {"tiny"}};
  Result<std::string> first(std::string{});
  Result<std::string> second(std::string{});
  std::thread other([&] {
    PythonEnvironmentOptions quiet = Options();
    quiet.progress = {};
    second = MakePythonEnvironment(requirements, quiet);
  });
  first = MakePythonEnvironment(requirements, Options());
  other.join();
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  ASSERT_TRUE(second.ok()) << second.error().ToString();
  EXPECT_EQ(*first, *second);
  const Status imported = RunToEnd({*first, "-I", "-c", "import tiny; assert tiny.VERSION == '1.0'"}, scratch_ / "log",
                                   std::chrono::seconds(30));
  EXPECT_TRUE(imported.ok()) << imported.error().ToString();
  const std::string directory = std::filesystem::path(*first).parent_path().parent_path().string();
  const std::string wheel = *ReadFile(scratch_ / "wheels/tiny-1.0-py3-none-any.whl");
  EXPECT_EQ(*ReadFile(directory + "/requirements.lock"), Cat("tiny==1.0 --hash=sha256:", Sha256Hex(wheel), "\n"));

  const auto made = std::filesystem::last_write_time(directory + "/complete");
  progress_.clear();
  EXPECT_EQ(*MakePythonEnvironment(requirements, Options()), *first);
  EXPECT_TRUE(progress_.empty());
  EXPECT_EQ(std::filesystem::last_write_time(directory + "/complete"), made);
}

TEST_F(PythonEnvironmentTest, DigestsOfRequirementsAreKept) {
  const std::string digest = Cat("--hash=sha256:", std::string(64, 'a'));
  const auto read = ReadPythonRequirements(Model(Cat("tiny==1 \\\n  ", digest, " \\\n  ", digest, "\nother==2\n")));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->lines, (std::vector<std::string>{"other==2", Cat("tiny==1 ", digest, " ", digest)}));
  EXPECT_FALSE(ReadPythonRequirements(Model("tiny==1 --hash=md5:aa\n")).ok());
  EXPECT_FALSE(ReadPythonRequirements(Model(Cat("tiny==1 --index-url=x ", digest, "\n"))).ok());
}

TEST_F(PythonEnvironmentTest, SaysWhatPipSaysWhenItFails) {
  OfferWheel();
  const auto made = MakePythonEnvironment({"", {"absent==9", "tiny"}}, Options());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, Code::kFailedPrecondition);
  EXPECT_NE(made.error().ToString().find("resolving the model's requirements"), std::string::npos);
  EXPECT_NE(made.error().ToString().find("No matching distribution found for absent==9"), std::string::npos)
      << made.error().ToString();
  EXPECT_NE(std::find(progress_.begin(), progress_.end(), "resolving 2 requirements"), progress_.end());
}

TEST_F(PythonEnvironmentTest, WantsThePythonThatTheModelWasMadeWith) {
  const auto made = MakePythonEnvironment({"2.6", {"tiny"}}, Options());
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message.find("the model wants Python 2.6, and there is none in PATH"), std::string::npos);
}

TEST_F(PythonEnvironmentTest, AProgramThatTakesTooLongIsEnded) {
  const Status ended =
      RunToEnd({"/bin/sh", "-c", "echo still here; sleep 60"}, scratch_ / "log", std::chrono::milliseconds(200));
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, Code::kDeadlineExceeded);
  EXPECT_NE(ended.error().message.find("still here"), std::string::npos);
}

}  // namespace
}  // namespace mw::serving
