// A small home of real parts, backed up and restored; archives that are damaged in every way that matters.
#include "app/backup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/task.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/directory_blobs.h"
#include "db/sqlite_database.h"
#include "endpoints/endpoints.h"
#include "jobs/decide.h"
#include "jobs/jobs.h"
#include "registry/registry.h"

namespace mw::app {
namespace {

namespace fs = std::filesystem;

class BackupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "mw-backup-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    config_.home = root_ + "/home";
    ASSERT_TRUE(MakeDirectories(config_.home).ok());
    MakeHome();
  }
  void TearDown() override { fs::remove_all(root_); }

  /// A version deployed, a step that has ended, one that runs, an undelivered window.
  void MakeHome() {
    database_ = *db::SqliteDatabase::Open(config_.DatabasePath());
    std::vector<db::Migration> all = registry::Migrations();
    for (const auto& more : {jobs::Migrations(), endpoints::Migrations()})
      all.insert(all.end(), more.begin(), more.end());
    ASSERT_TRUE(database_->Migrate(all).ok());
    const auto blobs = *blob::DirectoryBlobs::Open(config_.ArtifactsPath());
    ASSERT_TRUE(MakeDirectories(root_ + "/package").ok());
    ASSERT_TRUE(WriteFileDurably(root_ + "/package/model.json", "{}").ok());
    package_ = *blob::PutDirectory(*blobs, root_ + "/package");
    registry::Registry registry(*database_, clock_);
    registry::NewVersion version;
    version.name = {"default", "toy"};
    version.package = package_;
    ASSERT_TRUE(SyncWait(registry.CreateVersion(version)).ok());
    endpoints::Endpoints endpoints(*database_, registry, clock_);
    ASSERT_TRUE(SyncWait(endpoints.Load()).ok());
    ASSERT_TRUE(SyncWait(endpoints.Deploy({"toy", "toy", "1", "test", ""})).ok());
    AddAttempt("ended", true);
    AddAttempt("running", false);
    Write("secret", "s3cret\n");
    Write("serve/windows/000-1", "a window");
    Write("serve/packages/cache/model.json", "left out");
    Write("addresses.json", "{}");
  }

  void Write(const std::string& name, const std::string& content) {
    const std::string path = config_.home + "/" + name;
    ASSERT_TRUE(MakeDirectories(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileDurably(path, content, 0600).ok());
  }

  void AddAttempt(const std::string& id, bool ended) {
    jobs::Attempt attempt;
    attempt.id = jobs::AttemptId(id);
    attempt.run_id = "r";
    attempt.task = id;
    attempt.spec.attempt_id = id;
    attempt.spec.directory = config_.home + Cat("/runs/r/", id, "/", id);
    attempt.spec.argv = {"true"};
    const auto written = SyncWait(database_->Write([&](db::Transaction& transaction) -> Status {
      TRY(jobs::Insert(transaction, attempt));
      if (ended) TRY(jobs::End(transaction, attempt.id, {.outcome = jobs::Outcome::kSucceeded}));
      return Ok();
    }));
    ASSERT_TRUE(written.ok()) << written.error().ToString();
    Write(Cat("runs/r/", id, "/", id, "/log"), "said " + id);
    Write(Cat("runs/r/", id, "/", id, "/started"), "1");
    Write(Cat("runs/r/", id, "/", id, "/tmp/big"), "left out");
  }

  std::string Backup(const std::string& name = "backup.tar") {
    const auto report = WriteBackup(config_, root_ + "/" + name, clock_);
    EXPECT_TRUE(report.ok()) << report.error().ToString();
    return root_ + "/" + name;
  }

  Result<RestoreReport> Restore(const std::string& file) { return RestoreBackup(file, root_ + "/restored", clock_); }

  std::string root_;
  Config config_;
  RealClock clock_;
  std::unique_ptr<db::Database> database_;
  std::string package_;
};

TEST_F(BackupTest, RestoresWhatCountsWhileTheHomeIsInUse) {
  const std::string file = Backup();
  struct stat facts {};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  const auto report = Restore(file);
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->from, config_.home);
  EXPECT_EQ(report->open_steps, 1);
  EXPECT_EQ(report->deployments, 1);
  const std::string home = root_ + "/restored";
  EXPECT_EQ(*ReadFile(home + "/secret"), "s3cret\n");
  EXPECT_EQ(*ReadFile(home + "/serve/windows/000-1"), "a window");
  EXPECT_EQ(*ReadFile(home + "/runs/r/ended/ended/log"), "said ended");
  for (const char* absent : {"/runs/r/running/running", "/addresses.json", "/serve/packages"}) {
    EXPECT_FALSE(fs::exists(home + absent)) << absent;
  }
  const auto blobs = *blob::DirectoryBlobs::Open(home + "/artifacts");
  EXPECT_TRUE(blob::CheckPresent(*blobs, {package_, blob::ArtifactKind::kDirectory, 0}).ok());
  EXPECT_EQ(fs::directory_iterator(root_)->path().string().find(".restoring"), std::string::npos);
}

TEST_F(BackupTest, ARestoredHomeFindsItsRunningStepsLost) {
  ASSERT_TRUE(Restore(Backup()).ok());
  const std::string home = root_ + "/restored";
  const auto database = *db::SqliteDatabase::Open(home + "/millwright.db");
  const auto attempts = *SyncWait(database->Read([](db::Snapshot& snapshot) { return jobs::OfRun(snapshot, "r"); }));
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].spec.directory, home + "/runs/r/ended/ended");
  EXPECT_EQ(attempts[0].ending.outcome, jobs::Outcome::kSucceeded);
  const exec::AttemptStatus gone;
  const jobs::Action action = jobs::Decide(attempts[1], gone, clock_.Now(), "");
  EXPECT_EQ(action.kind, jobs::ActionKind::kEnd);
  EXPECT_EQ(action.ending.outcome, jobs::Outcome::kLost);
}

TEST_F(BackupTest, NotesWhenABackupWasMadeAndTested) {
  EXPECT_FALSE(ReadBackupNotes(config_.home).last);
  const std::string file = Backup();
  EXPECT_TRUE(ReadBackupNotes(config_.home).last);
  EXPECT_EQ(ReadBackupNotes(config_.home).file, file);
  EXPECT_FALSE(ReadBackupNotes(config_.home).restore_tested);
  const auto checked = CheckBackup(file, clock_);
  ASSERT_TRUE(checked.ok()) << checked.error().ToString();
  EXPECT_TRUE(ReadBackupNotes(config_.home).restore_tested);
  std::size_t left = 0;
  for (const auto& entry : fs::directory_iterator(root_)) {
    left += entry.path().string().find(".checking-") != std::string::npos ? 1U : 0U;
  }
  EXPECT_EQ(left, 0U);
}

TEST_F(BackupTest, RefusesAHomeThatIsNotEmptyAndAFileThatIsThere) {
  const std::string file = Backup();
  ASSERT_TRUE(MakeDirectories(root_ + "/restored/something").ok());
  EXPECT_EQ(Restore(file).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(WriteBackup(config_, file, clock_).error().code, Code::kAlreadyExists);
  Config nowhere;
  nowhere.home = root_ + "/nowhere";
  EXPECT_EQ(WriteBackup(nowhere, root_ + "/b.tar", clock_).error().code, Code::kNotFound);
  EXPECT_EQ(RestoreBackup(root_ + "/none.tar", root_ + "/empty", clock_).error().code, Code::kNotFound);
}

TEST_F(BackupTest, NoDamageGoesUnnoticed) {
  const std::string whole = *ReadFile(Backup());
  const auto refused = [&](const std::string& bytes) {
    EXPECT_TRUE(WriteFileDurably(root_ + "/damaged.tar", bytes).ok());
    const auto report = Restore(root_ + "/damaged.tar");
    EXPECT_EQ(fs::exists(root_ + "/restored"), report.ok());
    return !report.ok();
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("no archive"));
  for (std::size_t size = 0; size + 1024 < whole.size(); size += whole.size() / 23) {
    EXPECT_TRUE(refused(whole.substr(0, size))) << size;
  }
  for (std::size_t at = 40; at + 1500 < whole.size(); at += whole.size() / 37) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    // Only the zeros between files belong to nothing.
    EXPECT_TRUE(refused(damaged) || whole[at] == '\0') << at;
    fs::remove_all(root_ + "/restored");
  }
}

TEST_F(BackupTest, ReportsADamagedArtifact) {
  const auto blobs = *blob::DirectoryBlobs::Open(config_.ArtifactsPath());
  const std::string path = *blobs->LocalPath(package_);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(truncate(path.c_str(), 3), 0);
  const auto report = WriteBackup(config_, root_ + "/b.tar", clock_);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, Code::kDataLoss);
  EXPECT_FALSE(fs::exists(root_ + "/b.tar"));
  EXPECT_FALSE(fs::exists(root_ + "/b.tar.unfinished"));
}

}  // namespace
}  // namespace mw::app
