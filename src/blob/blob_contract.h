// What every blob store promises, as a suite of tests. A harness owns a fresh store and can damage a blob:
//   INSTANTIATE_TYPED_TEST_SUITE_P(Directory, BlobContract, DirectoryHarness);
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "blob/blob_store.h"

namespace mw::blob {

/// `Harness`: made without arguments, with `BlobStore& store()` and `void Damage(const Digest&)`.
template <typename Harness>
class BlobContract : public testing::Test {
 protected:
  BlobStore& store() { return harness_.store(); }
  Harness harness_;
};
TYPED_TEST_SUITE_P(BlobContract);

// Digests from FIPS 180-2's examples.
inline constexpr const char* kEmptyDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
inline constexpr const char* kAbcDigest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TYPED_TEST_P(BlobContract, NamesBlobsByTheirSha256) {
  EXPECT_EQ(this->store().Put("").value(), kEmptyDigest);
  EXPECT_EQ(this->store().Put("abc").value(), kAbcDigest);
  EXPECT_EQ(this->store().Size(kEmptyDigest).value(), 0U);
  EXPECT_EQ(this->store().Size(kAbcDigest).value(), 3U);
  EXPECT_EQ(this->store().Get(kAbcDigest, 3).value(), "abc");
}

TYPED_TEST_P(BlobContract, StreamsPieceByPiece) {
  const std::unique_ptr<Writer> writer = this->store().Create().value();
  std::string whole;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<std::size_t>(i * 7 % 1009), static_cast<char>(i));
    ASSERT_TRUE(writer->Append(piece).ok());
    whole += piece;
  }
  const Digest digest = writer->Commit().value();
  EXPECT_EQ(digest, "sha256:" + Sha256Hex(whole));
  EXPECT_EQ(this->store().Get(digest, whole.size()).value(), whole);
  EXPECT_TRUE(this->store().Verify(digest).ok());
}

TYPED_TEST_P(BlobContract, ReadsAnyPart) {
  const Digest digest = this->store().Put("0123456789").value();
  std::string buffer(4, '?');
  EXPECT_EQ(this->store().ReadAt(digest, 0, buffer).value(), 4U);
  EXPECT_EQ(buffer, "0123");
  EXPECT_EQ(this->store().ReadAt(digest, 8, buffer).value(), 2U);
  EXPECT_EQ(buffer.substr(0, 2), "89");
  EXPECT_EQ(this->store().ReadAt(digest, 10, buffer).value(), 0U);
  EXPECT_EQ(this->store().ReadAt(digest, 1'000'000, buffer).value(), 0U);
}

TYPED_TEST_P(BlobContract, TheSameBytesAreStoredOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(this->store().Put("abc").value(), kAbcDigest);
  int count = 0;
  ASSERT_TRUE(this->store().List([&](const Digest&, std::uint64_t) { return ++count, Ok(); }).ok());
  EXPECT_EQ(count, 1);
}

TYPED_TEST_P(BlobContract, AWriterThatIsDroppedLeavesNothing) {
  { ASSERT_TRUE(this->store().Create().value()->Append("abc").ok()); }
  EXPECT_EQ(this->store().Size(kAbcDigest).error().code, Code::kNotFound);
  ASSERT_TRUE(this->store().List([](const Digest&, std::uint64_t) { return Status(Internal("there is one")); }).ok());
}

TYPED_TEST_P(BlobContract, WhatIsNotThereIsNotFound) {
  std::string buffer(4, '?');
  EXPECT_EQ(this->store().Size(kAbcDigest).error().code, Code::kNotFound);
  EXPECT_EQ(this->store().ReadAt(kAbcDigest, 0, buffer).error().code, Code::kNotFound);
  EXPECT_EQ(this->store().Get(kAbcDigest, 9).error().code, Code::kNotFound);
  EXPECT_EQ(this->store().LocalPath(kAbcDigest).error().code, Code::kNotFound);
  EXPECT_EQ(this->store().Verify(kAbcDigest).error().code, Code::kNotFound);
  EXPECT_TRUE(this->store().Delete(kAbcDigest).ok());
}

TYPED_TEST_P(BlobContract, WhatIsNoDigestIsRefused) {
  std::string buffer(4, '?');
  const std::string good = kAbcDigest;
  for (const std::string& bad : {std::string(), std::string("sha256:"), good.substr(7), good + "0", good.substr(0, 70),
                                 "sha256:" + std::string(61, '0') + "/..", std::string("sha256:../../../../etc/passwd"),
                                 "sha256:BA" + good.substr(9), "md5:000" + good.substr(7), good.substr(0, 70) + '\0'}) {
    EXPECT_FALSE(IsDigest(bad)) << bad;
    EXPECT_EQ(this->store().Size(bad).error().code, Code::kInvalidArgument) << bad;
    EXPECT_EQ(this->store().ReadAt(bad, 0, buffer).error().code, Code::kInvalidArgument) << bad;
    EXPECT_EQ(this->store().LocalPath(bad).error().code, Code::kInvalidArgument) << bad;
    EXPECT_EQ(this->store().Verify(bad).error().code, Code::kInvalidArgument) << bad;
    EXPECT_EQ(this->store().Delete(bad).error().code, Code::kInvalidArgument) << bad;
  }
}

TYPED_TEST_P(BlobContract, ADamagedBlobIsNoticed) {
  ASSERT_EQ(this->store().Put("abc").value(), kAbcDigest);
  EXPECT_TRUE(this->store().Verify(kAbcDigest).ok());
  this->harness_.Damage(kAbcDigest);
  EXPECT_EQ(this->store().Verify(kAbcDigest).error().code, Code::kDataLoss);
}

TYPED_TEST_P(BlobContract, DeletedIsGoneAndCanBeStoredAgain) {
  ASSERT_TRUE(this->store().Put("abc").ok());
  ASSERT_TRUE(this->store().Delete(kAbcDigest).ok());
  EXPECT_EQ(this->store().Size(kAbcDigest).error().code, Code::kNotFound);
  EXPECT_EQ(this->store().Put("abc").value(), kAbcDigest);
  EXPECT_EQ(this->store().Get(kAbcDigest, 3).value(), "abc");
}

TYPED_TEST_P(BlobContract, WhatIsIdleGoesAndWhatIsWantedAgainStays) {
  const Duration hour = std::chrono::hours(1);
  const Timestamp before = RealClock().Now() - hour, after = RealClock().Now() + hour;
  ASSERT_TRUE(this->store().Put("abc").ok());
  EXPECT_FALSE(this->store().DeleteIfIdle(kAbcDigest, before).value()) << "it was stored since";
  EXPECT_TRUE(this->store().Touch(kAbcDigest).ok());
  EXPECT_EQ(this->store().Get(kAbcDigest, 3).value(), "abc");
  EXPECT_TRUE(this->store().DeleteIfIdle(kAbcDigest, after).value());
  EXPECT_EQ(this->store().Size(kAbcDigest).error().code, Code::kNotFound);
  EXPECT_FALSE(this->store().DeleteIfIdle(kAbcDigest, after).value()) << "it has gone";
  EXPECT_EQ(this->store().Touch(kAbcDigest).error().code, Code::kNotFound);
}

TYPED_TEST_P(BlobContract, OneWhoStoresWhileItIsDeletedKeepsIt) {
  // The writers store what the sweeper calls idle: after each round the blob is there.
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(this->store().Put("abc").ok());
    const Timestamp since = RealClock().Now() + std::chrono::milliseconds(1);
    while (RealClock().Now() <= since) std::this_thread::yield();
    std::thread writer([&] { EXPECT_TRUE(this->store().Put("abc").ok()); });
    EXPECT_TRUE(this->store().DeleteIfIdle(kAbcDigest, since).ok());
    writer.join();
    ASSERT_EQ(this->store().Get(kAbcDigest, 3).value(), "abc");
  }
}

TYPED_TEST_P(BlobContract, ALimitProtectsTheReader) {
  ASSERT_TRUE(this->store().Put("abc").ok());
  EXPECT_EQ(this->store().Get(kAbcDigest, 2).error().code, Code::kResourceExhausted);
}

TYPED_TEST_P(BlobContract, ListShowsAllAndStopsAtAnError) {
  std::map<Digest, std::uint64_t> expected;
  for (std::size_t i = 0; i < 50; ++i) expected[this->store().Put(std::string(i, 'x')).value()] = i;
  std::map<Digest, std::uint64_t> seen;
  ASSERT_TRUE(
      this->store().List([&](const Digest& digest, std::uint64_t size) { return seen[digest] = size, Ok(); }).ok());
  EXPECT_EQ(seen, expected);
  int visits = 0;
  const Status stopped =
      this->store().List([&](const Digest&, std::uint64_t) { return ++visits, Status(Cancelled("enough")); });
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_EQ(visits, 1);
}

TYPED_TEST_P(BlobContract, ALocalPathCanBeReadByAnyProgram) {
  ASSERT_TRUE(this->store().Put("abc").ok());
  EXPECT_EQ(ReadFile(this->store().LocalPath(kAbcDigest).value()).value(), "abc");
}

TYPED_TEST_P(BlobContract, FilesAreStreamedIn) {
  const std::string path = testing::TempDir() + "blob-contract-file";
  ASSERT_TRUE(WriteFileDurably(path, std::string(700'000, 'z')).ok());
  EXPECT_EQ(this->store().PutFile(path).value(), "sha256:" + Sha256Hex(std::string(700'000, 'z')));
  ASSERT_EQ(remove(path.c_str()), 0);
  EXPECT_EQ(this->store().PutFile(path).error().code, Code::kNotFound);
}

TYPED_TEST_P(BlobContract, ManyThreadsStoreTheSameAndDifferentThings) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(this->store().Put("same " + std::to_string(i)).ok());
        EXPECT_TRUE(this->store().Put("own " + std::to_string(t * 100 + i)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int count = 0;
  ASSERT_TRUE(this->store()
                  .List([&](const Digest& digest, std::uint64_t) {
                    ++count;
                    return this->store().Verify(digest);
                  })
                  .ok());
  EXPECT_EQ(count, 100);
}

REGISTER_TYPED_TEST_SUITE_P(BlobContract, NamesBlobsByTheirSha256, StreamsPieceByPiece, ReadsAnyPart,
                            TheSameBytesAreStoredOnce, AWriterThatIsDroppedLeavesNothing, WhatIsNotThereIsNotFound,
                            WhatIsNoDigestIsRefused, ADamagedBlobIsNoticed, DeletedIsGoneAndCanBeStoredAgain,
                            WhatIsIdleGoesAndWhatIsWantedAgainStays, OneWhoStoresWhileItIsDeletedKeepsIt,
                            ALimitProtectsTheReader, ListShowsAllAndStopsAtAnError, ALocalPathCanBeReadByAnyProgram,
                            FilesAreStreamedIn, ManyThreadsStoreTheSameAndDifferentThings);

}  // namespace mw::blob
