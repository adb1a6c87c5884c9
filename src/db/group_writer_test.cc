// What a group does when its transaction fails in each of the ways a database knows, on a scripted
// connection: no database can be made to fail so on demand.
#include "db/group_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"

namespace mw::db {
namespace {

/// Keeps the statements of the open transaction and answers as told. Written on the writer thread; read by
/// the test after the writer has ended.
class ScriptedConnection final : public Connection {
 public:
  struct Script {
    std::deque<Status> begins;                                         // answers in turn; then success
    std::function<Status(const std::vector<std::string>&)> on_commit;  // given what is to be committed
    std::vector<std::string> committed;
    int transactions = 0;
  };
  explicit ScriptedConnection(Script& script) : script_(script) {}

  Status Begin() override {
    ++script_.transactions;
    if (!script_.begins.empty()) {
      Status answer = script_.begins.front();
      script_.begins.pop_front();
      if (!answer.ok()) return answer;
    }
    open_ = true;
    statements_.clear();
    return Ok();
  }
  Status Commit() override {
    open_ = false;
    if (script_.on_commit) TRY(script_.on_commit(statements_));
    script_.committed.insert(script_.committed.end(), statements_.begin(), statements_.end());
    return Ok();
  }
  void Rollback() override { open_ = false; }
  [[nodiscard]] bool InTransaction() const override { return open_; }
  Status RunScript(std::string_view sql) override {
    if (sql.ends_with("SAVEPOINT closure") && !sql.starts_with("ROLLBACK")) savepoint_ = statements_.size();
    if (sql.starts_with("ROLLBACK TO")) statements_.resize(savepoint_);
    return Ok();
  }
  Result<Rows> Query(std::string_view, const Values&) override { return Rows{}; }
  Status Scan(std::string_view, const Values&, const TakeView&) override { return Ok(); }
  Result<std::int64_t> Execute(std::string_view sql, const Values&) override {
    if (sql == "conflict") return Aborted("two transactions met");
    if (sql == "lose") {
      open_ = false;
      return Unavailable("the connection was lost");
    }
    statements_.emplace_back(sql);
    return 1;
  }

 private:
  Script& script_;
  bool open_ = false;
  std::size_t savepoint_ = 0;
  std::vector<std::string> statements_;
};

/// Runs one closure for each statement, all in one group, and says how each was answered: "ok" or the code.
struct GroupRun {
  explicit GroupRun(const std::vector<std::string>& statements, ScriptedConnection::Script& script)
      : answers(statements.size()), runs(statements.size()) {
    std::atomic<bool> holding{false};
    std::atomic<bool> released{false};
    GroupWriter writer(std::make_unique<ScriptedConnection>(script));
    writer.Enqueue(
        [&](Transaction&) {
          holding = true;
          holding.notify_all();
          released.wait(false);
          return Status(Cancelled("only holds the writer up"));
        },
        [](const Status&) {});
    holding.wait(false);
    for (std::size_t i = 0; i < statements.size(); ++i) {
      writer.Enqueue(
          [this, i, sql = statements[i]](Transaction& t) -> Status {
            ++runs[i];
            TRY(t.Execute(sql));
            return sql == "fail" ? Status(NotFound("nothing there")) : Ok();
          },
          [this, i](const Status& status) {
            answers[i] = status.ok() ? "ok" : std::string(CodeName(status.error().code));
          });
    }
    released = true;
    released.notify_all();
  }
  std::vector<std::string> answers;
  std::vector<int> runs;
};

using Texts = std::vector<std::string>;

TEST(GroupWriterTest, CommitsAGroupOnce) {
  ScriptedConnection::Script script;
  const GroupRun run({"a", "b", "c"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "ok", "ok"}));
  EXPECT_EQ(script.committed, (Texts{"a", "b", "c"}));
  EXPECT_EQ(script.transactions, 2) << "the holder's and the group's";
}

TEST(GroupWriterTest, UndoesAFailingClosureAlone) {
  ScriptedConnection::Script script;
  const GroupRun run({"a", "fail", "fail", "d", "fail"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "NOT_FOUND", "NOT_FOUND", "ok", "NOT_FOUND"}));
  EXPECT_EQ(run.runs, (std::vector<int>{1, 1, 1, 1, 1}));
  EXPECT_EQ(script.committed, (Texts{"a", "d"}));
}

TEST(GroupWriterTest, RepeatsEachClosureAloneWhenTheCommitFails) {
  // The disk has no room for all, nor for the big one alone.
  ScriptedConnection::Script script;
  script.on_commit = [](const Texts& statements) -> Status {
    for (const std::string& sql : statements) {
      if (sql == "big") return ResourceExhausted("disk full");
    }
    return Ok();
  };
  const GroupRun run({"a", "big", "c"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "RESOURCE_EXHAUSTED", "ok"}));
  EXPECT_EQ(run.runs, (std::vector<int>{2, 2, 2}));
  EXPECT_EQ(script.committed, (Texts{"a", "c"}));
}

TEST(GroupWriterTest, RepeatsAnAbortedCommitAtMostThreeTimes) {
  ScriptedConnection::Script script;
  script.on_commit = [](const Texts&) -> Status { return Aborted("serialization failure"); };
  const GroupRun run({"a", "b"}, script);
  EXPECT_EQ(run.answers, (Texts{"ABORTED", "ABORTED"}));
  EXPECT_EQ(run.runs, (std::vector<int>{4, 4})) << "once in the group, three times alone";
}

TEST(GroupWriterTest, NeverRepeatsACommitOfUnknownOutcome) {
  ScriptedConnection::Script script;
  script.on_commit = [](const Texts&) -> Status { return Unavailable("lost; whether it was kept is unknown"); };
  const GroupRun run({"a", "b"}, script);
  EXPECT_EQ(run.answers, (Texts{"UNAVAILABLE", "UNAVAILABLE"}));
  EXPECT_EQ(run.runs, (std::vector<int>{1, 1}));
}

TEST(GroupWriterTest, AnswersAtOnceWhileTheDatabaseIsAway) {
  ScriptedConnection::Script script;
  script.begins = {Ok(), Unavailable("no answer")};
  const GroupRun run({"a", "b"}, script);
  EXPECT_EQ(run.answers, (Texts{"UNAVAILABLE", "UNAVAILABLE"}));
  EXPECT_EQ(run.runs, (std::vector<int>{0, 0}));
}

TEST(GroupWriterTest, AClosureThatLosesTheTransactionSparesTheOthers) {
  ScriptedConnection::Script script;
  const GroupRun run({"a", "lose", "c"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "UNAVAILABLE", "ok"}));
  EXPECT_EQ(script.committed, (Texts{"a", "c"}));
}

TEST(GroupWriterTest, AClosureThatMeetsAConflictIsRepeated) {
  ScriptedConnection::Script script;
  const GroupRun run({"a", "conflict", "c"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "ABORTED", "ok"}));
  EXPECT_EQ(run.runs[1], 4);
  EXPECT_EQ(script.committed, (Texts{"a", "c"}));
}

TEST(GroupWriterTest, StopsTryingOnceTheDatabaseIsGoneWhileRepeating) {
  ScriptedConnection::Script script;
  script.begins = {Ok(), Ok(), Ok(), Unavailable("no answer")};
  const GroupRun run({"a", "conflict", "c", "d"}, script);
  EXPECT_EQ(run.answers, (Texts{"ok", "UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"}));
  EXPECT_EQ(script.transactions, 4) << "those after it are not tried";
}

}  // namespace
}  // namespace mw::db
