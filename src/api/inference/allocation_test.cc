// In the steady state a request is decoded, predicted and recorded without taking memory: this program counts.
// Not under AddressSanitizer, which has an operator new of its own.
#ifndef __SANITIZE_ADDRESS__
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cstdlib>
#include <new>
#include <string>

#include "api/inference/request_decoder.h"
#include "base/file.h"
#include "serving/recording_lane.h"
#include "serving/test_model.h"

namespace {
thread_local bool counting = false;
thread_local int allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace mw::api::inference {
namespace {

std::string Columns(int rows) {
  const auto tensor = [rows](std::string_view name, std::string_view type, std::string_view value) {
    std::string data(value);
    for (int row = 1; row < rows; ++row) CatTo(data, ",", value);
    return Cat(R"({"name":")", name, R"(","shape":[)", rows, R"(],"datatype":")", type, R"(","data":[)", data, "]}");
  };
  return Cat(R"({"id":"with \"escapes\"","parameters":{"event_time":"2013-05-01T10:00:00Z"},"inputs":[)",
             tensor("temp", "FP32", "3.5"), ",", tensor("wind", "FP32", "null"), ",", tensor("hour", "INT64", "7"), ",",
             tensor("holiday", "BOOL", "true"), ",", tensor("carrier", "BYTES", "\"AA\""), ",",
             tensor("origin", "BYTES", "\"JFK\""), "]}");
}

TEST(AllocationTest, ARequestTakesNoMemoryOnceTheFirstHasPassed) {
  const serving::testing::TestDirectory directory;
  serving::testing::WriteTestPackage(directory / "p", 1);
  const auto model = serving::Model::Load(directory / "p");
  ASSERT_TRUE(model.ok());
  const wire::ServingLimits limits;
  RequestDecoder decoder;
  std::vector<float> values(64);
  const RealClock clock;
  const FileDescriptor wake(eventfd(0, EFD_NONBLOCK));
  Counter lost;
  serving::RecordingLane lane(clock, wake.get(), lost);
  const auto version = std::make_shared<const serving::RecordedVersion>("late", 1, **model);
  // One row, remembered or not, and batches.
  const std::string bodies[] = {Columns(1), " " + Columns(1), Columns(50),
                                R"({"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":[1.5,2,3,1,0,1]}]})"};
  for (const bool first : {true, false}) {
    counting = !first;
    for (const std::string& body : bodies) {
      for (int again = 0; again < 2; ++again) {
        ASSERT_TRUE(decoder.Decode(body, **model, limits).ok());
        const std::span<float> predictions = std::span(values).first(decoder.rows());
        (*model)->Predict(decoder.features(), decoder.rows(), predictions);
        lane.AddAnswered(version, 10,
                         {.id = decoder.id(),
                          .features = decoder.features(),
                          .predictions = predictions,
                          .event_times_us = decoder.event_times_us(),
                          .keys = decoder.keys()});
      }
    }
    counting = false;
  }
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace mw::api::inference
#endif
