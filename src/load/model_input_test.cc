// A package's schema and baseline complete what metadata says; one of another model is refused.
#include "load/model_input.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "schema/schema.h"
#include "wire/package.h"

namespace mw::load {
namespace {

class PackageInputTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    wire::Package package;
    package.info.model = "late";
    package.info.features = {"carrier", "hour", "rain", "temp"};
    schema::Schema schema;
    schema.name = "late";
    schema.columns.resize(4);
    const schema::ColumnType types[] = {schema::ColumnType::kFloat, schema::ColumnType::kBoolean,
                                        schema::ColumnType::kInteger, schema::ColumnType::kCategory};
    const char* names[] = {"temp", "rain", "hour", "carrier"};
    for (std::size_t i = 0; i < 4; ++i) {
      schema.columns[i].name = names[i];
      schema.columns[i].type = types[i];
    }
    schema.columns[3].vocabulary = {"AA", "UA"};
    package.schema = schema::ToJson(schema);
    sketch::Baseline baseline;
    baseline.whole = sketch::Profile({{"temp", sketch::ValueKind::kNumber}});
    baseline.whole.column(0).AddNumber(21.5);
    baseline.bins = {sketch::ColumnBins::Of(baseline.whole.column(0), 8)};
    ASSERT_TRUE(WriteFileDurably(directory_ + "/model.json", "{}").ok());
    ASSERT_TRUE(WriteFileDurably(directory_ + "/baseline.bin", baseline.Bytes()).ok());
    const Status written = wire::WritePackage(directory_, package);
    ASSERT_TRUE(written.ok()) << written.error().ToString();
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  static ModelInput Columns(const std::vector<std::string>& names) {
    ModelInput input;
    for (const std::string& name : names) input.columns.push_back({name, "FP64", {}});
    return input;
  }

  std::string directory_ = Cat(testing::TempDir(), "mw-load-XXXXXX");
};

TEST_F(PackageInputTest, TakesTypesAndVocabulariesFromTheSchema) {
  ModelInput input = Columns({"carrier", "hour", "rain", "temp"});
  const auto baseline = ReadPackageInput(directory_, input);
  ASSERT_TRUE(baseline.ok()) << baseline.error().ToString();
  ASSERT_TRUE(baseline->has_value());
  EXPECT_EQ((*baseline)->rows(), 1U);
  EXPECT_EQ(input.columns[0].datatype, "BYTES");
  EXPECT_EQ(input.columns[0].vocabulary, (std::vector<std::string>{"AA", "UA"}));
  EXPECT_EQ(input.columns[1].datatype, "INT64");
  EXPECT_EQ(input.columns[2].datatype, "BOOL");
  EXPECT_EQ(input.columns[3].datatype, "FP32");
}

TEST_F(PackageInputTest, NamesTheColumnsOfAMatrix) {
  ModelInput input = Columns({"f0", "f1", "f2", "f3"});
  input.matrix = "x";
  ASSERT_TRUE(ReadPackageInput(directory_, input).ok());
  EXPECT_EQ(input.columns[3].name, "temp");
}

TEST_F(PackageInputTest, RefusesThePackageOfAnotherModel) {
  ModelInput fewer = Columns({"carrier"});
  EXPECT_EQ(ReadPackageInput(directory_, fewer).error().code, Code::kInvalidArgument);
  ModelInput other = Columns({"carrier", "hour", "rain", "wind"});
  EXPECT_NE(ReadPackageInput(directory_, other).error().message.find("\"wind\""), std::string::npos);
  EXPECT_FALSE(ReadPackageInput(directory_ + "/none", other).ok());
}

}  // namespace
}  // namespace mw::load
