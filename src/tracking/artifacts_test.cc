// Artifacts on both databases: paths that are files and directories, and paths that lead outside.
#include "tracking/artifacts.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

template <typename Driver>
class ArtifactsTest : public db::StoreTest<Driver> {
 protected:
  ArtifactsTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { artifacts_.emplace(*this->database_, clock_); }

  std::string Put(const std::string& path, std::int64_t size = 1) {
    const Status put = SyncWait(artifacts_->Put({path, Cat("sha256:", size), size}));
    return put.ok() ? "" : put.error().message;
  }
  std::string List(const std::string& directory) {
    const auto entries = SyncWait(artifacts_->List(directory));
    if (!entries.ok()) return entries.error().message;
    std::string out;
    for (const ArtifactEntry& entry : *entries) {
      CatTo(out, out.empty() ? "" : " ", entry.name);
      if (entry.is_directory) {
        out += '/';
      } else {
        CatTo(out, ":", entry.size);
      }
    }
    return out;
  }

  SimulatedClock clock_{FromMicros(0)};
  std::optional<Artifacts> artifacts_;
};

TYPED_TEST_SUITE(ArtifactsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(ArtifactsTest, DirectoriesAreWhatPathsBeginWith) {
  for (const char* path : {"1/r/b", "1/r/a/x", "1/r/a/y/z", "1/r/a.txt", "1/r/a0", "1/rr/c", "2/größe 100%.txt"}) {
    EXPECT_EQ(this->Put(path), "") << path;
  }
  EXPECT_EQ(this->List("1/r"), "a/ a.txt:1 a0:1 b:1");
  EXPECT_EQ(this->List("1/r/a/"), "x:1 y/");
  EXPECT_EQ(this->List(""), "1/ 2/");
  EXPECT_EQ(this->List("2"), "größe 100%.txt:1");
  EXPECT_EQ(this->List("1/r/b"), "");
  EXPECT_EQ(this->List("never"), "");
  EXPECT_EQ(this->Put("1/r/b", 7), "");
  EXPECT_EQ(SyncWait(this->artifacts_->Find("1/r/b"))->size, 7);
  EXPECT_EQ(SyncWait(this->artifacts_->Find("1/r/b"))->digest, "sha256:7");
  EXPECT_EQ(SyncWait(this->artifacts_->Find("1/r/a")).error().code, Code::kNotFound);
  EXPECT_EQ(this->Put("1/r/b/c"), "\"1/r/b/c\" cannot be stored: \"1/r/b\" is a file");
  EXPECT_EQ(this->Put("1/r/a"), "\"1/r/a\" is a directory");
}

TYPED_TEST(ArtifactsTest, DeletingADirectoryTakesWhatIsInItAndNothingElse) {
  for (const char* path : {"r/a", "r/a.txt", "r/d/x", "r/d/e/y", "r/d0", "r/dd"}) EXPECT_EQ(this->Put(path), "");
  EXPECT_TRUE(SyncWait(this->artifacts_->Delete("r/d")).ok());
  EXPECT_EQ(this->List("r"), "a:1 a.txt:1 d0:1 dd:1");
  EXPECT_TRUE(SyncWait(this->artifacts_->Delete("r/a")).ok());
  EXPECT_EQ(this->List("r"), "a.txt:1 d0:1 dd:1");
  EXPECT_EQ(SyncWait(this->artifacts_->Delete("r/a")).error().code, Code::kNotFound);
}

TEST(ArtifactPaths, WhatLeadsOutsideIsRefused) {
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("../a"),
        std::string("a/.."), std::string("a/./b"), std::string("a\\b"), std::string("C:/a"), std::string("file:/a"),
        std::string("a\nb"), std::string("a\0b", 3), std::string("\xff"), std::string(2000, 'a')}) {
    EXPECT_EQ(Artifacts::CheckPath(bad).error().code, Code::kInvalidArgument) << bad;
  }
  for (const char* good : {"a", "a/b:c", "..a/b..", "a b+c&d=e", "größe/航班"}) {
    EXPECT_TRUE(Artifacts::CheckPath(good).ok()) << good;
  }
}

}  // namespace
}  // namespace mw::tracking
