// The one writer thread of a database, and group commit: everything that waits becomes one transaction,
// each closure in a savepoint of its own, one fsync for all. Any thread enqueues; closures and replies run
// on the writer thread, in the order in which they were enqueued.
//
//   waiting ---> in a group ---> COMMIT succeeded ---------------------------------> replied
//                    |  closure failed: its savepoint is rolled back, the rest goes on
//                    '- group failed: rolled back, then each closure again in a transaction of its own;
//                       one that fails alone gets that error
//
// The invariant: a reply of success is sent only after the commit that holds it is on disk.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "db/bounded_queue.h"
#include "db/connection.h"

namespace mw::db {

class GroupWriter {
 public:
  static constexpr std::size_t kWaitingMax = 4096;  ///< closures waiting; more are refused
  static constexpr std::size_t kGroupMax = 256;     ///< closures in one transaction
  static constexpr int kTriesMax = 3;               ///< of a closure that the database asks to repeat
  static constexpr int kPatienceShare = 4;          ///< see Run

  using Work = std::function<Status(Transaction&)>;
  using Done = std::function<void(Status)>;

  explicit GroupWriter(std::unique_ptr<Connection> connection);
  /// Finishes what waits, then ends the thread.
  ~GroupWriter();
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  /// See Database::Enqueue.
  void Enqueue(Work work, Done done);
  /// Runs `work` on the writer thread outside of any transaction, and waits for it.
  Status RunOutside(std::function<Status(Connection&)> work);

 private:
  struct Item {
    Work work;
    Done done;
    std::function<Status(Connection&)> outside;  // instead of `work`
    Status outcome;
  };
  /// How an attempt at a transaction ended.
  struct Attempt {
    enum class Fate { kCommitted, kRepeat, kFailed } fate = Fate::kCommitted;
    Status error;  // of kRepeat and kFailed
  };

  /// After a group of n the same n callers may soon write again: it waits for that many, at most for a
  /// quarter (kPatienceShare) of the last commit's time, which a second commit would cost anyway.
  void Run();
  void RunAll(std::vector<Item>& items);
  void RunGroup(std::span<Item> group);
  /// Repeats the closure until it is decided; what happened to the last attempt.
  Attempt RunAlone(Item& item);
  Attempt TryCommit(std::span<Item> group);
  Attempt Commit();
  /// Rolls back; the closures are to be repeated one by one.
  Attempt GiveUp(const Status& why);
  /// False when the whole transaction has to be repeated.
  bool RunClosure(Item& item);
  static void Reply(Item& item, const Status& status);

  std::unique_ptr<Connection> connection_;
  Duration commit_time_{0};  // of the last commit
  BoundedQueue<Item> queue_{kWaitingMax};
  std::thread thread_;
};

}  // namespace mw::db
