// Known answers for checksums, records whole, cut and damaged, and messages.
#include "transfer/event_record.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "transfer/artifact_reader.h"
#include "transfer/event_folder.h"
#include "transfer/mlflow_folder.h"

namespace mw::transfer {
namespace {

std::string LittleEndian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string Framed(const std::string& message) {
  const std::string length = LittleEndian(message.size(), 8);
  return Cat(length, LittleEndian(MaskedCrc32c(length), 4), message, LittleEndian(MaskedCrc32c(message), 4));
}

/// step 3, {tag "loss", simple_value 0.5}
const std::string kScalar("\x10\x03\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f", 17);

TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(""), 0U);
}

TEST(FirstRecord, IsWholeOrSaysWhatIsMissing) {
  const std::string record = Framed(kScalar);
  EXPECT_EQ(FirstRecord(record).kind, RecordView::Kind::kWhole);
  EXPECT_EQ(FirstRecord(record).message, kScalar);
  for (std::size_t size = 0; size < record.size(); ++size) {
    const RecordView cut = FirstRecord(std::string_view(record).substr(0, size));
    EXPECT_EQ(cut.kind, RecordView::Kind::kPartial) << size;
    EXPECT_EQ(cut.size, size < 12 ? 0 : record.size()) << size;
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    std::string damaged = record;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(FirstRecord(damaged).kind, RecordView::Kind::kDamaged) << at;
  }
}

TEST(FirstRecord, LongOnesArePassedOver) {
  const std::string length = LittleEndian(kRecordBytesMax + 1, 8);
  const RecordView record = FirstRecord(length + LittleEndian(MaskedCrc32c(length), 4));
  EXPECT_EQ(record.kind, RecordView::Kind::kTooLong);
  EXPECT_EQ(record.size, kRecordBytesMax + 17);
}

TEST(ParseEvent, AScalarOfTheOlderForm) {
  const auto event = ParseEvent(kScalar);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->step, 3);
  ASSERT_EQ(event->values.size(), 1U);
  EXPECT_EQ(event->values[0].tag, "loss");
  EXPECT_EQ(event->values[0].kind, EventValue::Kind::kScalar);
  EXPECT_EQ(event->values[0].scalar, 0.5);
  EXPECT_FALSE(ParseEvent(std::string_view(kScalar).substr(0, 12)).ok());
}

TEST(FileNameOf, NamesNoOtherPlace) {
  EXPECT_EQ(FileNameOf("layer/weights_0.5"), "layer/weights_0.5");
  EXPECT_EQ(FileNameOf("a b"), "a=20b");
  EXPECT_EQ(FileNameOf("../x"), "=2E./x");
  EXPECT_EQ(FileNameOf("/etc//x/"), "=2Fetc/=2Fx=2F");
  EXPECT_EQ(FileNameOf(""), "=");
}

TEST(ParseMetricFile, LinesOfEveryAgeSortedAndEachOnce) {
  const auto points = ParseMetricFile("20 1.5\n10 0.5 3\n10 0.5 3\n30 inf 4 table 748f2bfa\n\n");
  ASSERT_TRUE(points.ok()) << points.error().ToString();
  ASSERT_EQ(points->size(), 3U);
  EXPECT_EQ((*points)[0].step, 3);
  EXPECT_EQ((*points)[1].value, 1.5);
  EXPECT_GT((*points)[2].value, 1e308);
  EXPECT_EQ(ParseMetricFile("1 2 3\nx 2 3\n").error().ToString(), "line 2: is no point: \"x 2 3\"");
}

TEST(ProxyPath, OfTheUrisThatClientsMake) {
  EXPECT_EQ(ProxyPath("mlflow-artifacts:/1/ab/artifacts"), "1/ab/artifacts");
  EXPECT_EQ(ProxyPath("mlflow-artifacts://host:5000/1/ab"), "1/ab");
  EXPECT_EQ(ProxyPath("http://h/api/2.0/mlflow-artifacts/artifacts/1/ab"), "1/ab");
  EXPECT_EQ(ProxyPath("s3://bucket/1"), "");
  EXPECT_EQ(EncodePath("a b/c%"), "a%20b/c%25");
}

}  // namespace
}  // namespace mw::transfer
