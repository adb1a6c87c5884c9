// The reader threads of a database, one connection each. Any thread enqueues; each closure runs in a
// snapshot of its own. The invariant: what was committed before a closure was enqueued is seen by it.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "db/bounded_queue.h"
#include "db/connection.h"

namespace mw::db {

class ReaderPool {
 public:
  static constexpr std::size_t kWaitingMax = 4096;  ///< closures waiting; more are refused
  static constexpr int kReaders = 3;                ///< threads and connections of each database

  using Work = std::function<Status(Snapshot&)>;
  using Done = std::function<void(Status)>;

  explicit ReaderPool(std::vector<std::unique_ptr<Connection>> connections);
  /// Finishes what waits, then ends the threads.
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;
  ReaderPool& operator=(const ReaderPool&) = delete;

  /// See Database::EnqueueRead.
  void Enqueue(Work work, Done done);

 private:
  struct Item {
    Work work;
    Done done;
  };
  void Run(Connection& connection);
  static Status RunOne(Connection& connection, const Work& work);

  std::vector<std::unique_ptr<Connection>> connections_;
  BoundedQueue<Item> queue_{kWaitingMax};
  std::vector<std::thread> threads_;
};

}  // namespace mw::db
