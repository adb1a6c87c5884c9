// Heavy work (hashing, copying, file reading) leaves a loop for a bounded pool of workers; the awaiting coroutine goes
// on where it was. The pool belongs to the caller's caller: nobody here starts a thread.
#pragma once

#include <type_traits>
#include <utility>

#include "base/task.h"

namespace mw {

/// Runs `work()` on `workers` and returns what it returns.
template <typename Work>
Task<std::invoke_result_t<Work&>> Offload(Executor& workers, Work work) {
  const Completion<std::invoke_result_t<Work&>> done;
  workers.Post([done, work = std::move(work)]() mutable { done.Set(work()); });
  co_return co_await done;
}

}  // namespace mw
