// Every driver of db::Database: snapshots, groups of writes, schemas.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/contract_fixture.h"

namespace mw::db {

template <typename Driver>
class WriteContract : public DatabaseFixture<Driver> {};
TYPED_TEST_SUITE_P(WriteContract);

// Reading ----------------------------------------------------------------------------------------

TYPED_TEST_P(WriteContract, AReadSeesOneSnapshot) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  const auto counts = SyncWait(this->db_->Read([this](Snapshot& s) -> Result<std::vector<std::int64_t>> {
    const std::int64_t before = TRY(s.Query("SELECT count(*) FROM things"))
    [0].Int(0);
    std::thread([this] { EXPECT_TRUE(this->Write(this->Insert(2)).ok()); }).join();
    const std::int64_t after = TRY(s.Query("SELECT count(*) FROM things"))
    [0].Int(0);
    return std::vector<std::int64_t>{before, after};
  }));
  ASSERT_TRUE(counts.ok()) << counts.error().ToString();
  EXPECT_EQ(*counts, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(this->Count("things"), 2) << "the next read sees the write";
}

TYPED_TEST_P(WriteContract, AReadCannotWrite) {
  const auto refused = this->Read("INSERT INTO things (id) VALUES (1) RETURNING id");
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(this->Count("things"), 0);
}

// Groups -----------------------------------------------------------------------------------------

TYPED_TEST_P(WriteContract, AFailingClosureSparesItsGroup) {
  std::vector<typename TestFixture::Work> works;
  for (std::int64_t id = 0; id < 12; ++id) {
    works.push_back([id](Transaction& t) -> Result<std::int64_t> {
      TRY(t.Execute("INSERT INTO things (id) VALUES (?)", {id}));
      if (id % 3 == 1) return InvalidArgument("no ", id);
      if (id % 3 == 2) TRY(t.Execute("INSERT INTO things (id) VALUES (?)", {id}));
      return id;
    });
  }
  const auto results = this->WriteTogether(works);
  for (std::size_t id = 0; id < results.size(); ++id) {
    if (id % 3 == 0) {
      ASSERT_TRUE(results[id].ok()) << results[id].error().ToString();
      EXPECT_EQ(*results[id], static_cast<std::int64_t>(id));
    } else {
      ASSERT_FALSE(results[id].ok());
      EXPECT_EQ(results[id].error().code, id % 3 == 1 ? Code::kInvalidArgument : Code::kAlreadyExists);
    }
  }
  EXPECT_EQ(this->ReadValue("SELECT sum(id) FROM things"), Value(std::int64_t{0 + 3 + 6 + 9}));
}

TYPED_TEST_P(WriteContract, ClosuresRunInTheOrderOfTheirCalls) {
  std::vector<typename TestFixture::Work> works;
  for (std::int64_t id = 0; id < 100; ++id) {
    works.push_back([id](Transaction& t) {
      return t.Execute("INSERT INTO things (id, whole) SELECT ?, count(*) FROM things", {id});
    });
  }
  for (const auto& result : this->WriteTogether(works)) ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE id = whole"), Value(std::int64_t{100}));
}

TYPED_TEST_P(WriteContract, SixtyFourWritersLoseNothing) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, whole) VALUES (1, 0)").ok());
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 64; ++writer) {
    threads.emplace_back([this, &failures] {
      for (int i = 0; i < 5; ++i) {
        const auto done = this->Write([](Transaction& t) -> Result<std::int64_t> {
          const std::int64_t whole = TRY(t.Query("SELECT whole FROM things WHERE id = 1"))
          [0].Int(0);
          return t.Execute("UPDATE things SET whole = ? WHERE id = 1", {whole + 1});
        });
        if (!done.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(this->ReadValue("SELECT whole FROM things"), Value(std::int64_t{64 * 5}));
}

TYPED_TEST_P(WriteContract, RefusesMoreWaitingWritesThanItsBound) {
  std::vector<typename TestFixture::Work> works(GroupWriter::kWaitingMax + 50,
                                                [](Transaction&) -> Result<std::int64_t> { return 1; });
  std::size_t refused = 0;
  for (const auto& result : this->WriteTogether(works)) {
    if (result.ok()) continue;
    ++refused;
    EXPECT_EQ(result.error().code, Code::kResourceExhausted);
    EXPECT_NE(result.error().message.find("4096 writes are waiting"), std::string::npos) << result.error().message;
  }
  EXPECT_EQ(refused, 50U) << "the one that runs is no longer waiting";
}

TYPED_TEST_P(WriteContract, ClosingFinishesWhatWaits) {
  RunLoop loop;
  std::size_t left = 20;
  std::vector<Result<std::int64_t>> results(left, Unknown("not answered"));
  {
    const Executor::Scope scope(&loop);
    for (std::size_t i = 0; i < results.size(); ++i) {
      Spawn(loop, this->Answer(*this->db_, this->Insert(static_cast<std::int64_t>(i)), results[i], left));
    }
    loop.Post([this] { this->db_.reset(); });
    loop.RunUntil([&left] { return left == 0; });
  }
  for (const auto& result : results) EXPECT_TRUE(result.ok());
  this->Reopen();
  EXPECT_EQ(this->Count("things"), 20);
}

// Schema -----------------------------------------------------------------------------------------

TYPED_TEST_P(WriteContract, AppliesEachStepOnce) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  ASSERT_TRUE(this->db_->Migrate(this->Steps()).ok()) << "again: nothing to do";
  this->Reopen();
  const Status migrated = this->db_->Migrate(this->MoreSteps());
  ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  EXPECT_EQ(*this->WriteSql("UPDATE things SET colour = 'red'"), 1);
  EXPECT_EQ(this->Count("places"), 0);
  EXPECT_EQ(this->Count("schema_steps"), 3);
}

TYPED_TEST_P(WriteContract, SavesTheDatabaseBeforeAStep) {
  const auto backups = [this] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(this->place_->directory())) {
      const std::string name = entry.path().filename();
      if (name.find(".before-") != std::string::npos) names.push_back(name);
    }
    return names;
  };
  EXPECT_TRUE(backups().empty()) << "there was nothing to save before the first step";
  ASSERT_TRUE(this->db_->Migrate(this->MoreSteps()).ok());
  ASSERT_EQ(backups().size(), 1U);
  EXPECT_TRUE(backups()[0].ends_with(".before-1")) << backups()[0];
}

TYPED_TEST_P(WriteContract, RefusesASchemaNewerThanTheProgram) {
  ASSERT_TRUE(this->db_->Migrate(this->MoreSteps()).ok());
  const Status refused = this->db_->Migrate(this->Steps());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("was written by a newer Millwright (it has schema step places 1; this "
                                         "program knows no places); run that version"),
            std::string::npos)
      << refused.error().message;
}

TYPED_TEST_P(WriteContract, AStepThatFailsLeavesNothing) {
  std::vector<Migration> steps = this->MoreSteps();
  steps.push_back({"places", 2, "CREATE TABLE more (id BIGINT); INSERT INTO nowhere VALUES (1);"});
  const Status failed = this->db_->Migrate(steps);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().ToString().find("schema step places 2"), std::string::npos) << failed.error().ToString();
  EXPECT_EQ(this->Count("schema_steps"), 1);
  EXPECT_FALSE(this->Read("SELECT * FROM more").ok());
  EXPECT_FALSE(this->Read("SELECT colour FROM things").ok());
  EXPECT_TRUE(this->db_->Migrate(this->MoreSteps()).ok()) << "and can be repeated once mended";
}

TYPED_TEST_P(WriteContract, IsOpenInOneProcessOnly) {
  const auto second = this->place_->Open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("another Millwright; stop that one"), std::string::npos)
      << second.error().message;
}

REGISTER_TYPED_TEST_SUITE_P(WriteContract, AReadSeesOneSnapshot, AReadCannotWrite, AFailingClosureSparesItsGroup,
                            ClosuresRunInTheOrderOfTheirCalls, SixtyFourWritersLoseNothing,
                            RefusesMoreWaitingWritesThanItsBound, ClosingFinishesWhatWaits, AppliesEachStepOnce,
                            SavesTheDatabaseBeforeAStep, RefusesASchemaNewerThanTheProgram, AStepThatFailsLeavesNothing,
                            IsOpenInOneProcessOnly);

}  // namespace mw::db
