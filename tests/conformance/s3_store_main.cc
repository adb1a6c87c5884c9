// The contract suite of blob stores on a real S3-speaking server, whose address and bucket s3_store.py gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/id.h"
#include "base/text.h"
#include "blob/blob_contract.h"
#include "blob/s3_blobs.h"
#include "net/socket.h"

namespace mw::blob {
namespace {

std::string Given(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  EXPECT_NE(value, nullptr) << name << " is not set: run this through tests/conformance/s3_store.py";
  return value == nullptr ? "" : value;
}

class S3Harness {
 public:
  S3Harness() {
    std::string pattern = testing::TempDir() + "s3-cache-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    options_.endpoint = Given("MILLWRIGHT_TEST_S3");
    options_.bucket = "contract";
    options_.prefix = Cat("test ", NewIdText(clock_), "/a+b");  // what has to be encoded when it is signed
    options_.credentials = {"testing", "testing", ""};
    options_.cache_directory = pattern;
    options_.part_bytes = std::uint64_t{5} << 20;
    auto opened = S3Blobs::Open(options_, clock_);
    EXPECT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(*opened);
  }
  ~S3Harness() {
    std::error_code ignored;
    std::filesystem::remove_all(options_.cache_directory, ignored);
  }
  S3Harness(const S3Harness&) = delete;
  S3Harness& operator=(const S3Harness&) = delete;

  S3Blobs& store() { return *store_; }
  void Damage(const Digest& digest) {
    S3Request request;
    request.method = net::Method::kPut;
    const net::Url url = net::Url::Parse(options_.endpoint).value();
    request.host = net::HostPort(url.host, url.port);
    request.path = Cat("/", options_.bucket, "/", store_->KeyOf(digest));
    request.body_sha256 = Sha256Hex("xyz");
    auto client = net::HttpClient::Make(options_.endpoint, {}).value();
    const auto headers = S3SignedHeaders(request, options_.credentials, options_.region, clock_.Now());
    EXPECT_EQ(client.Send(request.method, S3Target(request), "xyz", headers).value().status, 200);
  }

 private:
  RealClock clock_;
  S3Options options_;
  std::unique_ptr<S3Blobs> store_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(S3, BlobContract, S3Harness);

TEST(S3Store, ALargeBlobArrivesInParts) {
  S3Harness harness;
  std::string bytes;
  while (bytes.size() < (std::size_t{12} << 20)) CatTo(bytes, bytes.size(), ",");
  const Digest digest = harness.store().Put(bytes).value();
  EXPECT_EQ(digest, Cat("sha256:", Sha256Hex(bytes)));
  EXPECT_EQ(harness.store().Get(digest, bytes.size()).value(), bytes);
  EXPECT_TRUE(harness.store().Verify(digest).ok());
}

TEST(S3Store, SaysAtStartWhatIsWrong) {
  RealClock clock;
  S3Options options;
  options.endpoint = Given("MILLWRIGHT_TEST_S3");
  options.bucket = "never-made";
  options.cache_directory = testing::TempDir() + "s3-never";
  options.credentials = {"testing", "testing", ""};
  EXPECT_EQ(S3Blobs::Open(options, clock).error().code, Code::kNotFound);
  options.credentials = {};
  EXPECT_EQ(S3Blobs::Open(options, clock).error().code, Code::kInvalidArgument);
  std::filesystem::remove_all(options.cache_directory);
}

}  // namespace
}  // namespace mw::blob
