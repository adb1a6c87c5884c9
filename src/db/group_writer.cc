// The writer thread's loop. See the header for the states of a closure.
#include "db/group_writer.h"

#include <future>
#include <string_view>
#include <utility>

#include "db/closure_transaction.h"

namespace mw::db {
namespace {

Error Refusal(Pushed pushed) {
  if (pushed == Pushed::kClosed) return Unavailable("the database is being closed");
  return ResourceExhausted(GroupWriter::kWaitingMax, " writes are waiting for the database already; try again later");
}

}  // namespace

GroupWriter::GroupWriter(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_([this] { Run(); }) {}

GroupWriter::~GroupWriter() {
  queue_.Close();
  thread_.join();
}

void GroupWriter::Enqueue(Work work, Done done) {
  Item item{std::move(work), std::move(done), {}, {}};
  const Pushed pushed = queue_.Push(item);
  if (pushed != Pushed::kYes) item.done(Refusal(pushed));
}

Status GroupWriter::RunOutside(std::function<Status(Connection&)> work) {
  std::promise<Status> promise;
  Item item{{}, [&promise](Status status) { promise.set_value(std::move(status)); }, std::move(work), {}};
  if (const Pushed pushed = queue_.Push(item); pushed != Pushed::kYes) return Refusal(pushed);
  return promise.get_future().get();
}

void GroupWriter::Run() {
  std::size_t last = 1;
  while (true) {
    std::vector<Item> items = queue_.Take(kGroupMax, last, commit_time_ / kPatienceShare);
    if (items.empty()) return;
    last = items.size();
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
  // A closure alone has the transaction to itself: rolling that back is enough.
  const bool alone = group.size() == 1;
  std::string_view savepoint = alone ? "" : "SAVEPOINT closure";
  bool anything = false;
  for (Item& item : group) {
    item.outcome = savepoint.empty() ? Ok() : connection_->RunScript(savepoint);
    if (!item.outcome.ok() || !RunClosure(item)) return GiveUp(item.outcome);
    anything = anything || item.outcome.ok();
    if (alone) break;
    savepoint = "RELEASE SAVEPOINT closure; SAVEPOINT closure";
    if (item.outcome.ok()) continue;
    // The savepoint itself stays and serves the next closure.
    savepoint = "";
    if (Status undone = connection_->RunScript("ROLLBACK TO SAVEPOINT closure"); !undone.ok()) return GiveUp(undone);
  }
  if (anything) return Commit();
  connection_->Rollback();
  return {};
}

GroupWriter::Attempt GroupWriter::Commit() {
  const RealClock clock;
  const Duration start = clock.Elapsed();
  Status committed = connection_->Commit();
  commit_time_ = clock.Elapsed() - start;
  if (committed.ok()) return {};
  const bool unknown = committed.error().code == Code::kUnavailable;
  return {unknown ? Attempt::Fate::kFailed : Attempt::Fate::kRepeat, std::move(committed)};
}

GroupWriter::Attempt GroupWriter::GiveUp(const Status& why) {
  connection_->Rollback();
  return {Attempt::Fate::kRepeat, why};
}

bool GroupWriter::RunClosure(Item& item) {
  ClosureTransaction transaction(*connection_);
  item.outcome = transaction.Outcome(item.work(transaction));
  if (!transaction.MustRepeat() && connection_->InTransaction()) return true;
  if (item.outcome.ok()) item.outcome = Aborted("the transaction was lost");
  return false;
}

void GroupWriter::Reply(Item& item, const Status& status) {
  item.work = nullptr;  // what the closure captured may end with the caller that the reply sets free
  item.done(status);
}

}  // namespace mw::db
