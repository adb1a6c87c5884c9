// The writer thread's loop. See the header for the states of a closure.
#include "db/group_writer.h"

#include <future>
#include <utility>

#include "db/closure_transaction.h"

namespace mw::db {

GroupWriter::GroupWriter(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_([this] { Run(); }) {}

GroupWriter::~GroupWriter() {
  queue_.Close();
  thread_.join();
}

void GroupWriter::Enqueue(Work work, Done done) {
  Item item{std::move(work), std::move(done), {}, {}};
  if (queue_.Push(item)) return;
  item.done(ResourceExhausted(kWaitingMax, " writes are waiting for the database already; try again later"));
}

Status GroupWriter::RunOutside(std::function<Status(Connection&)> work) {
  std::promise<Status> promise;
  Item item{{}, [&promise](Status status) { promise.set_value(std::move(status)); }, std::move(work), {}};
  if (!queue_.Push(item)) return ResourceExhausted(kWaitingMax, " writes are waiting for the database already");
  return promise.get_future().get();
}

void GroupWriter::Run() {
  while (true) {
    std::vector<Item> items = queue_.Take(kGroupMax);
    if (items.empty()) return;
    RunAll(items);
  }
}

void GroupWriter::RunAll(std::vector<Item>& items) {
  std::size_t begin = 0;
  while (begin < items.size()) {
    if (items[begin].outside) {
      Reply(items[begin], items[begin].outside(*connection_));
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    while (end < items.size() && !items[end].outside) ++end;
    RunGroup(std::span(items).subspan(begin, end - begin));
    begin = end;
  }
}

void GroupWriter::RunGroup(std::span<Item> group) {
  Attempt attempt = group.size() == 1 ? RunAlone(group[0]) : TryCommit(group);
  if (attempt.fate == Attempt::Fate::kRepeat && group.size() > 1) {
    for (Item& item : group) {
      // Once the database is away, the rest need not each wait to learn that.
      if (attempt.fate != Attempt::Fate::kFailed) attempt = RunAlone(item);
      Reply(item, attempt.fate == Attempt::Fate::kCommitted ? item.outcome : attempt.error);
    }
    return;
  }
  for (Item& item : group) Reply(item, attempt.fate == Attempt::Fate::kCommitted ? item.outcome : attempt.error);
}

GroupWriter::Attempt GroupWriter::RunAlone(Item& item) {
  Attempt attempt;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    attempt = TryCommit({&item, 1});
    if (attempt.fate != Attempt::Fate::kRepeat) return attempt;
    const Code code = attempt.error.error().code;
    if (code != Code::kAborted && code != Code::kUnavailable) return attempt;
  }
  return attempt;
}

GroupWriter::Attempt GroupWriter::TryCommit(std::span<Item> group) {
  if (Status begun = connection_->Begin(); !begun.ok()) return {Attempt::Fate::kFailed, std::move(begun)};
  bool anything = false;
  for (Item& item : group) {
    if (!RunClosure(item, group.size() == 1)) {
      connection_->Rollback();
      return {Attempt::Fate::kRepeat, item.outcome};
    }
    anything = anything || item.outcome.ok();
  }
  if (!anything) {
    connection_->Rollback();
    return {};
  }
  Status committed = connection_->Commit();
  if (committed.ok()) return {};
  const bool unknown = committed.error().code == Code::kUnavailable;
  return {unknown ? Attempt::Fate::kFailed : Attempt::Fate::kRepeat, std::move(committed)};
}

bool GroupWriter::RunClosure(Item& item, bool alone) {
  // A closure alone has the transaction to itself: rolling that back is enough.
  if (!alone) {
    item.outcome = connection_->RunScript("SAVEPOINT closure");
    if (!item.outcome.ok()) return false;
  }
  ClosureTransaction transaction(*connection_);
  item.outcome = transaction.Outcome(item.work(transaction));
  if (transaction.MustRepeat() || !connection_->InTransaction()) {
    if (item.outcome.ok()) item.outcome = Aborted("the transaction was lost");
    return false;
  }
  if (alone) return true;
  const Status ended = connection_->RunScript(
      item.outcome.ok() ? "RELEASE SAVEPOINT closure" : "ROLLBACK TO SAVEPOINT closure; RELEASE SAVEPOINT closure");
  if (ended.ok()) return true;
  item.outcome = ended;
  return false;
}

void GroupWriter::Reply(Item& item, const Status& status) {
  item.work = nullptr;  // what the closure captured may end with the caller that the reply sets free
  item.done(status);
}

}  // namespace mw::db
