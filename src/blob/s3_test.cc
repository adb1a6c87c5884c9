// Signatures against Amazon's own examples, answers as servers print them. The store itself runs the contract suite
// against a real server: tests/conformance/s3_store.py.
#include <gtest/gtest.h>

#include "base/file.h"
#include "blob/s3_answers.h"
#include "blob/s3_blobs.h"
#include "blob/s3_signature.h"

namespace mw::blob {
namespace {

// "Examples: Signature Calculations in AWS Signature Version 4", of May 24 2013.
const S3Credentials kExample = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};

std::string SignatureOf(const S3Request& request) {
  const Timestamp at = ParseTime("2013-05-24T00:00:00Z").value();
  const net::Headers headers = S3SignedHeaders(request, kExample, "us-east-1", at);
  const std::string authorization = *net::FindHeader(headers, "Authorization");
  return authorization.substr(authorization.find("SignedHeaders="));
}

TEST(S3Signatures, AreAmazonsExamples) {
  S3Request get;
  get.host = "examplebucket.s3.amazonaws.com";
  get.path = "/test.txt";
  get.headers = {{"Range", "bytes=0-9"}};
  get.body_sha256 = Sha256Hex("");
  EXPECT_EQ(SignatureOf(get),
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  S3Request put;
  put.method = net::Method::kPut;
  put.host = get.host;
  put.path = "/test$file.text";
  put.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.body_sha256 = Sha256Hex("Welcome to Amazon S3.");
  EXPECT_EQ(SignatureOf(put),
            "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
            "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  S3Request list;
  list.host = get.host;
  list.path = "/";
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  list.body_sha256 = Sha256Hex("");
  EXPECT_EQ(SignatureOf(list),
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
            "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  EXPECT_EQ(S3Target(list), "/?max-keys=2&prefix=J");
}

TEST(S3Answers, ListingsAreRead) {
  const S3Listing listing =
      ParseS3Listing(
          "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
          "<IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key><Size>7</Size></Contents>"
          "<Contents><Size>0</Size><Key>c</Key></Contents><NextContinuationToken>t&lt;</NextContinuationToken>"
          "</ListBucketResult>")
          .value();
  ASSERT_EQ(listing.objects.size(), 2U);
  EXPECT_EQ(listing.objects[0].key, "a&b");
  EXPECT_EQ(listing.objects[0].size, 7U);
  EXPECT_EQ(listing.objects[1].key, "c");
  EXPECT_EQ(listing.next, "t<");
  EXPECT_TRUE(ParseS3Listing("<ListBucketResult></ListBucketResult>").value().objects.empty());
  for (const char* bad : {"", "<html>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
                          "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
                          "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_EQ(ParseS3Listing(bad).error().code, Code::kInvalidArgument) << bad;
  }
}

TEST(S3Uris, AreABucketAndAPrefix) {
  S3Options options;
  ASSERT_TRUE(ParseS3Uri("s3://team-bucket/mill/wright/", options).ok());
  EXPECT_EQ(options.bucket, "team-bucket");
  EXPECT_EQ(options.prefix, "mill/wright");
  ASSERT_TRUE(ParseS3Uri("s3://team-bucket", options).ok());
  EXPECT_EQ(options.prefix, "");
  for (const char* bad : {"", "s3://", "s3://a", "http://bucket/x", "s3://Bucket/x", "s3://bucket/../x", "/tmp/x"}) {
    EXPECT_EQ(ParseS3Uri(bad, options).error().code, Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace mw::blob
