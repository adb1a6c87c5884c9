// Reader threads: take a closure, run it in a snapshot, reply.
#include "db/reader_pool.h"

#include <utility>

#include "db/closure_transaction.h"

namespace mw::db {

ReaderPool::ReaderPool(std::vector<std::unique_ptr<Connection>> connections) : connections_(std::move(connections)) {
  for (auto& connection : connections_) threads_.emplace_back([this, &connection] { Run(*connection); });
}

ReaderPool::~ReaderPool() {
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
}

void ReaderPool::Enqueue(Work work, Done done) {
  Item item{std::move(work), std::move(done)};
  switch (queue_.Push(item)) {
    case Pushed::kYes: return;
    case Pushed::kClosed: return item.done(Unavailable("the database is being closed"));
    case Pushed::kFull:
      return item.done(ResourceExhausted(kWaitingMax, " reads are waiting for the database already; try again later"));
  }
}

void ReaderPool::Run(Connection& connection) {
  while (true) {
    std::vector<Item> items = queue_.Take(1);
    if (items.empty()) return;
    Status outcome = RunOne(connection, items[0].work);
    items[0].work = nullptr;  // what the closure captured may end with the caller that the reply sets free
    items[0].done(std::move(outcome));
  }
}

Status ReaderPool::RunOne(Connection& connection, const Work& work) {
  TRY(connection.Begin());
  ClosureTransaction snapshot(connection);
  Status outcome = snapshot.Outcome(work(snapshot));
  connection.Rollback();
  return outcome;
}

}  // namespace mw::db
