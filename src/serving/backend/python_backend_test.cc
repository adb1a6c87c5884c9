// The Python worker behind its backend, over a stand-in for MLflow whose models misbehave as asked. MLflow itself:
// tests/conformance/pyfunc_models.py. NumPy is that of tools/pyfunc's environment; without it every test fails.
#include "serving/backend/python_backend.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <span>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "serving/backend/python_environment.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::kLongRun;

const std::string kPyfunc = Cat(kSourceDirectory, "/build/deps/pyfunc");

// As much of MLflow as the worker asks for. A model directory's `model.py` defines predict, input and output schemas.
constexpr std::string_view kMlflow = R"(
import importlib.util
__version__ = "0.0-test"
class Spec:
    def __init__(self, name, type, shape): self.name, self.type, self.shape = name, type, shape
class Schema:
    def __init__(self, *inputs): self.inputs = inputs
    def is_tensor_spec(self): return True
class Model:
    def __init__(self, module): self.predict, self.module, self.metadata = module.predict, module, self
    def get_input_schema(self): return getattr(self.module, "INPUT", None)
    def get_output_schema(self): return getattr(self.module, "OUTPUT", None)
    def load_input_example(self, path): return getattr(self.module, "EXAMPLE", None)
def load_model(path):
    spec = importlib.util.spec_from_file_location("model", path + "/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Model(module)
)";

constexpr std::string_view kPlain = R"(
import numpy, os, signal, time
from mlflow.pyfunc import Schema, Spec
INPUT = Schema(Spec(None, "float32", (-1, 2)))
OUTPUT = Schema(Spec(None, "float64", (-1,)))
def predict(x):
    if x[0, 0] == -1: raise ValueError("no row may begin with -1\nsecond line")
    if x[0, 0] == -2: os.kill(os.getpid(), signal.SIGSEGV)
    if x[0, 0] == -3: time.sleep(600)
    if x[0, 0] == -4: return bytearray(2 << 30)
    if x[0, 0] == -5: return numpy.zeros(1)
    if x[0, 0] == -6: raise RuntimeError("the model is broken")
    print("a model that talks", flush=True)
    return x[:, 0] * 2.0 + x[:, 1]
)";

class PythonBackendTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(access((kPyfunc + "/installed").c_str(), F_OK), 0)
        << "no environment at " << kPyfunc << "; run tools/pyfunc";
    const std::string venv = scratch_ / "venv";
    const Status made =
        RunToEnd({kPyfunc + "/bin/python", "-I", "-m", "venv", "--without-pip", venv}, scratch_ / "log", kLongRun);
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    options_.program = Cat(kBinaryDirectory, "/bin/mw-backend");
    options_.directory = scratch_ / "python";
    options_.python = venv + "/bin/python";
    options_.start_timeout = kLongRun;
    const std::string packages = Packages(options_.python);
    // Its own MLflow comes before the one beside NumPy.
    ASSERT_TRUE(WriteFileDurably(packages + "/pyfunc.pth", Packages(kPyfunc + "/bin/python") + "\n").ok());
    ASSERT_TRUE(MakeDirectories(packages + "/mlflow").ok());
    ASSERT_TRUE(WriteFileDurably(packages + "/mlflow/__init__.py", "__version__ = '0.0-test'\n").ok());
    ASSERT_TRUE(WriteFileDurably(packages + "/mlflow/pyfunc.py", kMlflow).ok());
  }

  /// Where an environment's packages are.
  std::string Packages(const std::string& python) {
    const Status asked = RunToEnd({python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"},
                                  scratch_ / "log", kLongRun);
    EXPECT_TRUE(asked.ok()) << asked.error().ToString();
    return std::string(Trim(ReadFile(scratch_ / "log").value_or("")));
  }

  std::string WriteModel(std::string_view text) {
    const std::string directory = scratch_ / "model";
    EXPECT_TRUE(MakeDirectories(directory).ok());
    EXPECT_TRUE(WriteFileDurably(directory + "/MLmodel", "flavors:\n  python_function: {}\n").ok());
    EXPECT_TRUE(WriteFileDurably(directory + "/model.py", text).ok());
    return directory;
  }
  std::unique_ptr<Backend> Start(std::string_view text) {
    auto started = StartPythonBackend(WriteModel(text), options_);
    EXPECT_TRUE(started.ok()) << started.error().ToString();
    return started.ok() ? std::move(*started) : nullptr;
  }
  static TensorList Rows(const std::vector<float>& values) {
    TensorList list;
    const std::int64_t shape[] = {static_cast<std::int64_t>(values.size() / 2), 2};
    std::memcpy(list.Add("input", Datatype::kFp32, shape, values.size() * 4).data(), values.data(), values.size() * 4);
    return list;
  }
  static std::vector<double> Doubles(const TensorView& tensor) {
    std::vector<double> values(tensor.bytes.size() / 8);
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }

  testing::TestDirectory scratch_;
  PythonBackendOptions options_;
};

TEST_F(PythonBackendTest, AnswersWithWhatTheModelSays) {
  const auto backend = Start(kPlain);
  ASSERT_NE(backend, nullptr);
  EXPECT_EQ(backend->info().platform, "mlflow_pyfunc");
  EXPECT_TRUE(backend->info().library.starts_with("MLflow 0.0-test, Python 3."));
  EXPECT_EQ(backend->info().inputs, (std::vector<TensorSpec>{{"input", Datatype::kFp32, {-1, 2}}}));
  EXPECT_EQ(backend->info().outputs, (std::vector<TensorSpec>{{"predictions", Datatype::kFp64, {-1}}}));
  EXPECT_TRUE(backend->info().batchable);
  EXPECT_GT(backend->info().memory_bytes, 1'000'000U);
  const auto answer = backend->runners()[0]->Run(Rows({1, 2, 3, 4, 0.5, 0.25}), kLongRun);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ(Doubles((*answer)[0]), (std::vector<double>{4, 10, 1.25}));
}

TEST_F(PythonBackendTest, WhatTheModelRaisesIsAnErrorAndNoMore) {
  const auto backend = Start(kPlain);
  ASSERT_NE(backend, nullptr);
  Runner& runner = *backend->runners()[0];
  const auto refused = runner.Run(Rows({-1, 0}), kLongRun);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("ValueError: no row may begin with -1"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("second line"), std::string::npos);
  const auto broken = runner.Run(Rows({-6, 0}), kLongRun);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Code::kInternal);
  EXPECT_TRUE(runner.Run(Rows({1, 2}), kLongRun).ok());
  const auto short_answer = runner.Run(Rows({-5, 0, 1, 1}), kLongRun);
  ASSERT_FALSE(short_answer.ok());
  EXPECT_NE(short_answer.error().message.find("the model gave 1 values of predictions for 2 rows"), std::string::npos);
  EXPECT_TRUE(runner.Run(Rows({-5, 0}), kLongRun).ok());
}

TEST_F(PythonBackendTest, ACrashAndAHangCostTheirOwnBatch) {
  const auto backend = Start(kPlain);
  ASSERT_NE(backend, nullptr);
  Runner& runner = *backend->runners()[0];
  EXPECT_EQ(runner.Run(Rows({-2, 0}), kLongRun).error().code, Code::kUnavailable);
  EXPECT_TRUE(runner.Run(Rows({1, 2}), kLongRun).ok());
  EXPECT_EQ(runner.Run(Rows({-3, 0}), std::chrono::milliseconds(300)).error().code, Code::kDeadlineExceeded);
  EXPECT_TRUE(runner.Run(Rows({1, 2}), kLongRun).ok());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose own memory counts
TEST_F(PythonBackendTest, MemoryBeyondTheLimitIsRefusedToTheModel) {
  options_.memory_bytes_max = std::uint64_t{1} << 30;
  const auto backend = Start(kPlain);
  ASSERT_NE(backend, nullptr);
  Runner& runner = *backend->runners()[0];
  const auto refused = runner.Run(Rows({-4, 0}), kLongRun);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("MemoryError"), std::string::npos) << refused.error().ToString();
  EXPECT_TRUE(runner.Run(Rows({1, 2}), kLongRun).ok());
}
#endif

TEST_F(PythonBackendTest, EveryKindOfResultBecomesTensors) {
  const auto backend = Start(R"(
import numpy
from mlflow.pyfunc import Schema, Spec
INPUT = Schema(Spec("a", "int64", (-1,)), Spec("b", "O", (-1,)))
OUTPUT = Schema(Spec("word", "O", (-1,)), Spec("twice", "int32", (-1, 2)), Spec("odd", "bool", (-1,)))
def predict(x):
    a = x["a"]
    return {"odd": [bool(v % 2) for v in a], "word": [w + "!" for w in x["b"]],
            "twice": numpy.stack([a, 2 * a], axis=1)}
)");
  ASSERT_NE(backend, nullptr);
  TensorList input;
  const std::int64_t shape[] = {2};
  const std::int64_t numbers[] = {5, 6};
  std::memcpy(input.Add("a", Datatype::kInt64, shape, sizeof numbers).data(), numbers, sizeof numbers);
  std::string words;
  AppendElement(words, "Köln");
  AppendElement(words, "");
  input.Append({"b", Datatype::kBytes, shape, words});
  const auto answer = backend->runners()[0]->Run(input, kLongRun);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  std::string expected;
  AppendElement(expected, "Köln!");
  AppendElement(expected, "!");
  EXPECT_EQ((*answer)[0].bytes, expected);
  const std::int32_t twice[] = {5, 10, 6, 12};
  EXPECT_EQ((*answer)[1].bytes, std::string_view(reinterpret_cast<const char*>(twice), sizeof twice));
  EXPECT_EQ((*answer)[2].bytes, std::string_view("\1\0", 2));
}

TEST_F(PythonBackendTest, AModelThatCannotBeLoadedSaysWhy) {
  const auto refusal = [&](std::string_view text) {
    const auto started = StartPythonBackend(WriteModel(text), options_);
    return started.ok() ? Error{Code::kUnknown, "started", {}} : started.error();
  };
  const Error missing = refusal("import a_package_that_nobody_has\n");
  EXPECT_EQ(missing.code, Code::kInvalidArgument);
  EXPECT_NE(missing.ToString().find("No module named 'a_package_that_nobody_has'"), std::string::npos);
  EXPECT_EQ(refusal("def predict(x): return x\n").code, Code::kFailedPrecondition) << "it does not say what comes out";
  EXPECT_EQ(refusal("import os; os._exit(3)\n").code, Code::kUnavailable);
  EXPECT_EQ(StartPythonBackend(scratch_.path(), options_).error().code, Code::kNotFound);
}

TEST_F(PythonBackendTest, AnEnvironmentOfTheUsersMustHaveWhatTheModelNeeds) {
  const std::string model = WriteModel(kPlain);
  ASSERT_TRUE(WriteFileDurably(model + "/requirements.txt", "mlflow==9\nscikit-nothing==1.0\n").ok());
  const auto refused = StartPythonBackend(model, options_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find(" lacks scikit-nothing, which the model needs"), std::string::npos)
      << refused.error().ToString();
}

}  // namespace
}  // namespace mw::serving
