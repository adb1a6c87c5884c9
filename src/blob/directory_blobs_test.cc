// The directory store keeps the contract; its files are read-only, stay beneath the root, and a full disk is said so.
#include "blob/directory_blobs.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "blob/beneath.h"
#include "blob/blob_contract.h"

namespace mw::blob {
namespace {

namespace fs = std::filesystem;

class DirectoryHarness {
 public:
  DirectoryHarness() {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    store_ = DirectoryBlobs::Open(Root()).value();
  }
  ~DirectoryHarness() { fs::remove_all(root_); }
  DirectoryHarness(const DirectoryHarness&) = delete;
  DirectoryHarness& operator=(const DirectoryHarness&) = delete;
  BlobStore& store() { return *store_; }
  [[nodiscard]] std::string Root() const { return Cat(root_, "/artifacts"); }
  [[nodiscard]] const std::string& above() const { return root_; }
  void Damage(const Digest& digest) {
    const std::string path = store_->LocalPath(digest).value();
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    const FileDescriptor file(open(path.c_str(), O_WRONLY));
    ASSERT_EQ(pwrite(file.get(), "X", 1, 0), 1);
  }

 private:
  std::string root_ = "/tmp/mw-directory-blobs-XXXXXX";
  std::unique_ptr<DirectoryBlobs> store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Directory, BlobContract, DirectoryHarness);

TEST(DirectoryBlobsTest, FilesLieWhereTheirDigestSaysAndAreReadOnly) {
  DirectoryHarness harness;
  ASSERT_EQ(harness.store().Put("abc").value(), kAbcDigest);
  const std::string path =
      Cat(harness.Root(), "/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(harness.store().LocalPath(kAbcDigest).value(), path);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0444));
  EXPECT_EQ(fs::status(harness.Root()).permissions(), fs::perms(0700));
}

TEST(DirectoryBlobsTest, AReopenedStoreHasWhatWasStoredAndNothingHalf) {
  DirectoryHarness harness;
  ASSERT_TRUE(harness.store().Put("abc").ok());
  const std::unique_ptr<Writer> unfinished = harness.store().Create().value();
  ASSERT_TRUE(unfinished->Append("half").ok());
  const std::unique_ptr<DirectoryBlobs> again = DirectoryBlobs::Open(harness.Root()).value();
  EXPECT_EQ(again->Get(kAbcDigest, 3).value(), "abc");
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(harness.Root())) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1);
}

TEST(DirectoryBlobsTest, ASymbolicLinkInTheTreeIsNotFollowed) {
  DirectoryHarness harness;
  const std::string canary = Cat(harness.above(), "/canary");
  ASSERT_TRUE(WriteFileDurably(canary, "secret").ok());
  fs::create_directories(Cat(harness.Root(), "/sha256/ba"));
  const std::string place = Cat(harness.Root(), "/sha256/ba/", std::string(kAbcDigest).substr(9));
  fs::create_symlink(canary, place);
  std::string buffer(6, '?');
  EXPECT_EQ(harness.store().ReadAt(kAbcDigest, 0, buffer).error().code, Code::kPermissionDenied);
  EXPECT_EQ(harness.store().LocalPath(kAbcDigest).error().code, Code::kPermissionDenied);
  EXPECT_EQ(harness.store().Size(kAbcDigest).error().code, Code::kPermissionDenied);
  fs::remove(place);
  fs::remove(Cat(harness.Root(), "/sha256/ba"));
  fs::create_directory_symlink(harness.above(), Cat(harness.Root(), "/sha256/ba"));
  EXPECT_EQ(harness.store().Put("abc").error().code, Code::kPermissionDenied);
  EXPECT_EQ(harness.store().Delete(kAbcDigest).error().code, Code::kPermissionDenied);
  EXPECT_EQ(ReadFile(canary).value(), "secret");
}

TEST(BeneathTest, NothingLeadsOutOfADirectory) {
  DirectoryHarness harness;
  ASSERT_TRUE(WriteFileDurably(Cat(harness.above(), "/canary"), "secret").ok());
  fs::create_symlink("../canary", Cat(harness.Root(), "/link"));
  const FileDescriptor root = OpenDirectory(harness.Root()).value();
  for (const std::string path : {"..", "../canary", "sha256/../../canary", "/etc/passwd", "link", "./../canary"}) {
    const Result<FileDescriptor> opened = OpenBeneath(root.get(), path, O_RDONLY);
    ASSERT_FALSE(opened.ok()) << path;
    EXPECT_TRUE(opened.error().code == Code::kPermissionDenied || opened.error().code == Code::kNotFound) << path;
  }
  EXPECT_EQ(OpenBeneath(root.get(), std::string("a\0b", 3), O_RDONLY).error().code, Code::kInvalidArgument);
  EXPECT_EQ(OpenBeneath(root.get(), "../new", O_WRONLY | O_CREAT, 0600).error().code, Code::kPermissionDenied);
  EXPECT_FALSE(fs::exists(Cat(harness.above(), "/new")));
}

// Not a test: FullDisk runs it in a process of its own. The file system of 1 MiB is reached through its
// descriptor and mounted nowhere, so that this also works where "/" is no mount point (in a chroot).
TEST(DirectoryBlobsHelper, DISABLED_FillsASmallDisk) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (user != 0) {
    ASSERT_EQ(unshare(CLONE_NEWNS | CLONE_NEWUSER), 0);
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  }
  const FileDescriptor type(fsopen("tmpfs", FSOPEN_CLOEXEC));
  ASSERT_TRUE(type.valid());
  ASSERT_EQ(fsconfig(type.get(), FSCONFIG_SET_STRING, "size", "1m", 0), 0);
  ASSERT_EQ(fsconfig(type.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), 0);
  const FileDescriptor disk(fsmount(type.get(), FSMOUNT_CLOEXEC, 0));
  ASSERT_TRUE(disk.valid());
  const std::string root = Cat("/proc/self/fd/", disk.get());
  const std::unique_ptr<DirectoryBlobs> store = DirectoryBlobs::Open(root).value();
  ASSERT_TRUE(store->Put("abc").ok());
  const Result<Digest> refused = store->Put(std::string(4 << 20, 'x'));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_NE(refused.error().message.find(Cat("the disk that holds ", root, " is full")), std::string::npos);
  EXPECT_TRUE(store->Put(std::string(100'000, 'y')).ok()) << "what was refused still takes room";
  EXPECT_TRUE(store->Verify(kAbcDigest).ok());
}

TEST(DirectoryBlobsTest, AFullDiskIsSaidSoAndLeavesNothingHalf) {
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=DirectoryBlobsHelper.DISABLED_FillsASmallDisk";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* const argv[] = {program.data(), filter.data(), disabled.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t child = -1;
  ASSERT_EQ(posix_spawn(&child, program.c_str(), nullptr, nullptr, argv, environment), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mw::blob
