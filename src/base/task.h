// Task<T>: a lazy coroutine with one awaiter. It starts when awaited and resumes its awaiter when done.
//
// Where code runs: every thread that runs coroutines has a current Executor (a server loop, the
// control loop, SyncWait's own). What finishes elsewhere (the database's writer thread, a timer)
// sets a Completion, which posts the waiting coroutine back to the executor it was waiting on, so
// a coroutine never leaves its executor and needs no locks for its own state.
//
// CO_TRY(expression) is TRY for coroutines that return a Result.
//
// What GCC 12 gets wrong around co_await, so do not write it: co_await inside ?:, && or || (it evaluates
// both sides) or inside a braced list; in an awaited expression a lambda that captures by value (it
// destroys the copies twice: capture by reference, the coroutine keeps its locals alive).
#pragma once

#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/mutex.h"
#include "base/result.h"

namespace mw {

class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` later on this executor. Any thread. Never runs it inside Post.
  virtual void Post(std::function<void()> work) = 0;

  /// The executor that runs the calling code, or nullptr on a plain thread.
  static Executor* Current();
  /// Makes `executor` current on this thread for the scope's life.
  class Scope {
   public:
    explicit Scope(Executor* executor);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Executor* previous_;
  };
};

/// An executor driven by one thread that calls Run or RunUntil.
class RunLoop final : public Executor {
 public:
  void Post(std::function<void()> work) override;
  /// Runs posted work until Stop.
  void Run();
  /// Runs posted work until `done` says true; it is asked after each piece of work.
  void RunUntil(const std::function<bool()>& done);
  /// Makes Run return after the current piece of work. Any thread.
  void Stop();

 private:
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> work_ MW_GUARDED_BY(mutex_);
  bool stopped_ MW_GUARDED_BY(mutex_) = false;
};

template <typename T = void>
class Task;

namespace task_internal {

struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    return self.promise().continuation ? self.promise().continuation : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  // No exception crosses a module; one that gets here is a broken invariant.
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};
template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void Take() {}
};

}  // namespace task_internal

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume() { return handle_.promise().Take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace task_internal {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// Gives the value, or ends the awaiting coroutine with the error. An awaiter and not a statement
/// expression, which GCC 12 cannot compile around co_await. The coroutine's locals live on until its
/// Task is dropped, which is when the awaiting expression ends.
template <typename T>
struct TryAwaiter {
  Result<T> result;
  [[nodiscard]] bool await_ready() const noexcept { return result.has_value(); }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
    self.promise().return_value(std::move(result).error());
    return self.promise().continuation ? self.promise().continuation : std::noop_coroutine();
  }
  T await_resume() noexcept { return result_internal::Take(std::move(result)); }
};
template <typename T>
TryAwaiter<T> Try(Result<T> result) {
  return TryAwaiter<T>{std::move(result)};
}

/// A coroutine that owns itself: runs at once, destroys itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};
}  // namespace task_internal

#define CO_TRY(expression) (co_await ::mw::task_internal::Try(expression))

/// Starts `task` on `executor` and lets it run to its end by itself.
void Spawn(Executor& executor, Task<void> task);

/// A value that arrives once, set by any thread, awaited by one coroutine. Copies share the value.
template <typename T>
class Completion {
 public:
  Completion() : state_(std::make_shared<State>()) {}

  /// Any thread, once.
  void Set(T value) const {
    std::coroutine_handle<> waiter;
    Executor* executor = nullptr;
    {
      const Lock lock(state_->mutex);
      MW_ASSERT(!state_->value.has_value());
      state_->value.emplace(std::move(value));
      waiter = state_->waiter;
      executor = state_->executor;
    }
    if (waiter) executor->Post([waiter] { waiter.resume(); });
  }

  /// Awaited on a thread that has a current executor.
  auto operator co_await() const {
    struct Awaiter {
      std::shared_ptr<State> state;
      bool await_ready() {
        const Lock lock(state->mutex);
        return state->value.has_value();
      }
      bool await_suspend(std::coroutine_handle<> awaiting) {
        const Lock lock(state->mutex);
        if (state->value.has_value()) return false;
        state->executor = Executor::Current();
        MW_ASSERT(state->executor != nullptr);
        state->waiter = awaiting;
        return true;
      }
      T await_resume() {
        const Lock lock(state->mutex);
        return std::move(*state->value);
      }
    };
    return Awaiter{state_};
  }

 private:
  struct State {
    Mutex mutex;
    std::optional<T> value;
    std::coroutine_handle<> waiter;
    Executor* executor = nullptr;
  };
  std::shared_ptr<State> state_;
};

namespace task_internal {
template <typename T>
Detached RunInto(Task<T> task, std::optional<T>& out, bool& done) {
  out.emplace(co_await std::move(task));
  done = true;
}
inline Detached RunInto(Task<void> task, bool& done) {
  co_await std::move(task);
  done = true;
}
}  // namespace task_internal

/// Runs the task to its end on the calling thread, which must not be an executor's own.
template <typename T>
T SyncWait(Task<T> task) {
  RunLoop loop;
  bool done = false;
  const Executor::Scope scope(&loop);
  if constexpr (std::is_void_v<T>) {
    task_internal::RunInto(std::move(task), done);
    loop.RunUntil([&done] { return done; });
  } else {
    std::optional<T> out;
    task_internal::RunInto(std::move(task), out, done);
    loop.RunUntil([&done] { return done; });
    return std::move(*out);
  }
}

}  // namespace mw
