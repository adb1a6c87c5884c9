// Answers that come later: what a handler of the loop server gives and gets when it cannot answer a request
// now (the model runs in a worker process, rows are gathered for one call).
//
//   Deferred later = out.Defer([this, job](ResponseWriter& out) { out.Json(job->answer); });
//   ...any thread, when the answer is known: later.Resume();
//
// Ownership: the loop owns the continuation, whoever computes owns the Deferred. The continuation is called
// or destroyed on the loop's own thread and nowhere else, so what it captured needs no locks; destroyed
// without a call it means that the client has gone or the server was stopped: cancel the work in a destructor
// of what is captured. Invariant: at most one call; every Deferred that is dropped is answered (500).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace mw::net {

class Loop;
class LoopMailbox;
struct LoopSlot;
class ResponseWriter;

/// Any callable `void(ResponseWriter&)` of up to 64 bytes, kept in place: no allocation. Movable only.
class Continuation {
 public:
  static constexpr std::size_t kBytesMax = 64;

  Continuation() = default;
  template <typename Work>
    requires(!std::is_same_v<std::remove_cvref_t<Work>, Continuation>)
  Continuation(Work&& work) : kind_(&kKind<std::decay_t<Work>>) {  // NOLINT(google-explicit-constructor)
    using Held = std::decay_t<Work>;
    static_assert(sizeof(Held) <= kBytesMax, "capture a pointer to what is larger");
    static_assert(std::is_nothrow_move_constructible_v<Held>, "capture no constants by value: they cannot be moved");
    static_assert(alignof(Held) <= alignof(std::max_align_t));
    new (bytes_) Held(std::forward<Work>(work));
  }
  Continuation(Continuation&& other) noexcept { TakeFrom(other); }
  Continuation& operator=(Continuation&& other) noexcept {
    if (this == &other) return *this;
    Clear();
    TakeFrom(other);
    return *this;
  }
  ~Continuation() { Clear(); }

  void operator()(ResponseWriter& out) { kind_->call(bytes_, out); }
  explicit operator bool() const { return kind_ != nullptr; }

 private:
  struct Kind {
    void (*call)(void* held, ResponseWriter& out);
    void (*move)(void* held, void* to) noexcept;  // and destroys `held`
    void (*destroy)(void* held) noexcept;
  };
  template <typename Held>
  static constexpr Kind kKind = {
      [](void* held, ResponseWriter& out) { (*static_cast<Held*>(held))(out); },
      [](void* held, void* to) noexcept {
        new (to) Held(std::move(*static_cast<Held*>(held)));
        static_cast<Held*>(held)->~Held();
      },
      [](void* held) noexcept { static_cast<Held*>(held)->~Held(); },
  };
  void Clear() noexcept {
    if (const Kind* kind = std::exchange(kind_, nullptr)) kind->destroy(bytes_);
  }
  void TakeFrom(Continuation& other) noexcept {
    kind_ = std::exchange(other.kind_, nullptr);
    if (kind_ != nullptr) kind_->move(other.bytes_, bytes_);
  }

  const Kind* kind_ = nullptr;
  alignas(std::max_align_t) std::byte bytes_[kBytesMax];
};

/// Names a deferred answer within its loop.
struct DeferredTicket {
  std::uint32_t slot = 0;
  bool abandoned = false;
  std::uint64_t serial = 0;  ///< of no other answer of the loop
};

/// The right and the duty to have one deferred request answered. Movable; one thread at a time, any thread.
/// Outlives the connection, the loop and the server without harm.
class Deferred {
 public:
  Deferred() = default;
  Deferred(Deferred&& other) noexcept = default;
  Deferred& operator=(Deferred&& other) noexcept;
  ~Deferred();  ///< if not resumed, the client is told that its request was given up: 500

  /// Has the continuation called: before this returns when on the loop's own thread (within Handle, EndOfSweep
  /// or another continuation), else at the loop's next wake-up. The Deferred is empty afterwards.
  void Resume();
  /// Whether it still waits for Resume.
  explicit operator bool() const { return mailbox_ != nullptr; }

 private:
  friend class Loop;
  Deferred(std::shared_ptr<LoopMailbox> mailbox, DeferredTicket ticket)
      : mailbox_(std::move(mailbox)), ticket_(ticket) {}
  void Give();
  std::shared_ptr<LoopMailbox> mailbox_;
  DeferredTicket ticket_;
};

}  // namespace mw::net
