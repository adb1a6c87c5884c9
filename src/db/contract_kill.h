// Every driver of db::Database: what was acknowledged survives. A child process is killed: the test runs itself again
// for the child's part, WriteUntilKilled, which tells each write that was acknowledged on its standard output.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/task.h"
#include "base/text.h"
#include "db/contract_fixture.h"

namespace mw::db {

template <typename Driver>
class KillContract : public DatabaseFixture<Driver> {};
TYPED_TEST_SUITE_P(KillContract);

/// The child's part: four threads that write, and tell what was acknowledged, until they are killed.
template <typename Driver>
[[noreturn]] void WriteUntilKilled(const char* place) {
  auto db = Driver::OpenAt(place);
  if (!db.ok()) _exit(2);
  std::atomic<std::int64_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const std::int64_t id = ++next;
        if (!SyncWait((*db)->Write(DatabaseFixture<Driver>::Insert(id))).ok()) _exit(3);
        const std::string line = Cat("acknowledged ", id, "\n");
        if (write(1, line.data(), line.size()) < 0) _exit(4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

TYPED_TEST_P(KillContract, WhatWasAcknowledgedSurvivesAKill) {
  this->db_.reset();
  if (const char* place = getenv("MILLWRIGHT_TEST_PLACE")) {
    this->place_.reset();  // a process that is killed cannot tidy up its own
    WriteUntilKilled<TypeParam>(place);
  }
  const ::testing::TestInfo* self = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string filter = Cat("--gtest_filter=", self->test_suite_name(), ".", self->name());
  std::string name = "test";
  std::vector<char*> arguments = {name.data(), filter.data(), nullptr};
  setenv("MILLWRIGHT_TEST_PLACE", this->place_->place().c_str(), 1);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  unsetenv("MILLWRIGHT_TEST_PLACE");
  close(ends[1]);

  std::string said;
  char buffer[4096];
  bool killed = false;
  for (ssize_t count = 1; count > 0;) {
    count = read(ends[0], buffer, sizeof buffer);
    if (count > 0) said.append(buffer, static_cast<std::size_t>(count));
    if (!killed && said.size() > 4000) killed = kill(child, SIGKILL) == 0;
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(killed && WIFSIGNALED(status)) << said;

  this->Reopen();
  int acknowledged = 0;
  for (const std::string_view line : Split(said, '\n')) {
    if (!line.starts_with("acknowledged ")) continue;
    const auto id = ParseInt(line.substr(13));
    if (!id) continue;
    ++acknowledged;
    EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE id = ?", {std::int64_t{*id}}), Value(std::int64_t{1}));
  }
  EXPECT_GT(acknowledged, 100);
}

REGISTER_TYPED_TEST_SUITE_P(KillContract, WhatWasAcknowledgedSurvivesAKill);

}  // namespace mw::db
