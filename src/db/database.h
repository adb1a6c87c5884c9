// The database: one port, two drivers (sqlite_database, postgres_database), one contract suite.
//
// All writing goes through Write: closures run one after the other on the writer thread, each in its
// own savepoint of a group's transaction; the awaiting coroutine resumes after the group's commit is
// on disk, so what Write returned is durable. A closure may run twice (when its group has to be
// repeated): it touches nothing but the transaction and what it returns. Reading runs on a small pool
// of reader threads and sees a consistent snapshot of what was committed.
//
// SQL is the subset that SQLite and PostgreSQL share, with ? for bound parameters (the PostgreSQL
// driver turns them into $1...). Columns are BIGINT, DOUBLE PRECISION, TEXT COLLATE "C" or BYTEA
// (schema files are written so; the SQLite driver maps them). Text is UTF-8 without NUL bytes, LIKE
// heeds case, NaN equals itself and is the greatest number, foreign keys are enforced at once.
//
// A statement that fails ends its closure: later statements return the same error and nothing of the
// closure is kept, also when it returns success. To insert what may be there: ON CONFLICT DO NOTHING.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/task.h"

namespace mw::db {

struct Bytes {
  std::string data;
  bool operator==(const Bytes&) const = default;
};
/// NULL, integer, double (NaN and infinities are kept), text, bytes.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string, Bytes>;
using Values = std::vector<Value>;

/// One row of a result. Accessors assert that the column holds that kind of value.
class Row {
 public:
  explicit Row(Values values) : values_(std::move(values)) {}
  [[nodiscard]] bool IsNull(std::size_t column) const;
  [[nodiscard]] std::int64_t Int(std::size_t column) const;
  [[nodiscard]] double Double(std::size_t column) const;  ///< of either kind of number
  [[nodiscard]] const std::string& Text(std::size_t column) const;
  [[nodiscard]] const std::string& Blob(std::size_t column) const;
  [[nodiscard]] const Value& At(std::size_t column) const { return values_.at(column); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  Values values_;
};
using Rows = std::vector<Row>;

/// A consistent view of the database; valid only inside the closure it was given to.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  /// All rows. In a Transaction also INSERT, UPDATE, DELETE ... RETURNING.
  /// Errors: kInternal for SQL that is wrong; kInvalidArgument for text that is not UTF-8 or holds a
  /// NUL; kUnavailable when the connection is lost.
  virtual Result<Rows> Query(std::string_view sql, const Values& parameters) = 0;
  Result<Rows> Query(std::string_view sql) { return Query(sql, {}); }
};

/// A snapshot that can be written to.
class Transaction : public Snapshot {
 public:
  using Snapshot::Query;
  /// The number of rows changed. Errors besides Query's: kAlreadyExists when a UNIQUE or PRIMARY KEY
  /// constraint refuses; kFailedPrecondition a FOREIGN KEY; kInvalidArgument a NOT NULL or CHECK;
  /// kResourceExhausted when the disk is full; kAborted - the group runs again by itself.
  virtual Result<std::int64_t> Execute(std::string_view sql, const Values& parameters) = 0;
  Result<std::int64_t> Execute(std::string_view sql) { return Execute(sql, {}); }
};

/// One step of a module's schema. Steps of a module are applied in order, each once, ever.
struct Migration {
  std::string module;  ///< "tracking"
  int number = 0;      ///< 1, 2, ... without gaps
  std::string sql;     ///< statements separated by ; at ends of lines
};

/// Any thread. Write and Read are awaited on a thread that has an Executor.
class Database {
 public:
  /// Finishes what waits, then ends the threads. Nobody may call Write or Read any more.
  virtual ~Database() = default;

  /// Brings the schema to the state that `migrations` describe, in one transaction, after a backup
  /// when there was anything before. Blocks until done; called once, at start, before other use.
  /// Errors: kFailedPrecondition when the database has a step that this program does not know (it was
  /// written by a newer Millwright), or when the backup cannot be made; a step that fails leaves nothing.
  virtual Status Migrate(const std::vector<Migration>& migrations) = 0;

  /// Runs `work(Transaction&) -> Result<T>` and returns its result once it is durable. When `work`
  /// returns an error, nothing it did is kept and the error is returned.
  /// Errors besides `work`'s: kResourceExhausted (disk full, or too many writes waiting); kUnavailable
  /// - the database is away, or was lost in the commit: then the message says that the outcome is unknown.
  template <typename Work>
  Task<std::invoke_result_t<Work, Transaction&>> Write(Work work);

  /// Runs `work(Snapshot&) -> Result<T>` on a reader thread; sees every Write that returned before.
  /// Errors besides `work`'s: kResourceExhausted (too many reads waiting), kUnavailable.
  template <typename Work>
  Task<std::invoke_result_t<Work, Snapshot&>> Read(Work work);

 protected:
  /// `work` is called on the writer thread, perhaps more than once; then `done`, once, on the
  /// writer thread too (on the calling thread when the queue is full), with success after the commit,
  /// else with the error of `work` or of the commit.
  virtual void Enqueue(std::function<Status(Transaction&)> work, std::function<void(Status)> done) = 0;
  /// Like Enqueue, on a reader thread.
  virtual void EnqueueRead(std::function<Status(Snapshot&)> work, std::function<void(Status)> done) = 0;
};

template <typename Work>
Task<std::invoke_result_t<Work, Transaction&>> Database::Write(Work work) {
  using Outcome = std::invoke_result_t<Work, Transaction&>;
  auto slot = std::make_shared<std::optional<Outcome>>();
  const Completion<Status> completion;
  Enqueue(
      [slot, work = std::move(work)](Transaction& transaction) -> Status {
        slot->emplace(work(transaction));
        if (!(*slot)->has_value()) return (*slot)->error();
        return Ok();
      },
      [completion](Status status) { completion.Set(std::move(status)); });
  Status status = co_await completion;
  if (!status.has_value()) co_return std::move(status).error();
  co_return std::move(**slot);
}

template <typename Work>
Task<std::invoke_result_t<Work, Snapshot&>> Database::Read(Work work) {
  using Outcome = std::invoke_result_t<Work, Snapshot&>;
  auto slot = std::make_shared<std::optional<Outcome>>();
  const Completion<Status> completion;
  EnqueueRead(
      [slot, work = std::move(work)](Snapshot& snapshot) -> Status {
        slot->emplace(work(snapshot));
        if (!(*slot)->has_value()) return (*slot)->error();
        return Ok();
      },
      [completion](Status status) { completion.Set(std::move(status)); });
  Status status = co_await completion;
  if (!status.has_value()) co_return std::move(status).error();
  co_return std::move(**slot);
}

}  // namespace mw::db
