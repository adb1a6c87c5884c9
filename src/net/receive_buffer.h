// What a connection of the loop server has received and not used yet. Private to one loop, its thread only, but for the
// budget, which all loops of the server share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/assert.h"

namespace mw::net {

/// Bytes received and not used yet, charged to the server's budget.
class ReceiveBuffer {
 public:
  ReceiveBuffer(std::atomic<std::size_t>& charged, std::size_t limit) : charged_(charged), limit_(limit) {}
  ~ReceiveBuffer() { Release(); }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<char> bytes() { return {data_.get(), size_}; }
  [[nodiscard]] std::span<char> free() { return {data_.get() + size_, capacity_ - size_}; }
  /// False, and unchanged, when the budget has no room for it.
  bool Reserve(std::size_t capacity) {
    if (capacity <= capacity_) return true;
    const std::size_t extra = capacity - capacity_;
    if (charged_.fetch_add(extra, std::memory_order_relaxed) + extra > limit_) {
      charged_.fetch_sub(extra, std::memory_order_relaxed);
      return false;
    }
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = capacity;
    return true;
  }
  void Commit(std::size_t count) { size_ += count; }
  /// Into reserved room.
  void Append(std::span<const char> bytes) {
    MW_ASSERT(bytes.size() <= capacity_ - size_);
    std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void DropFront(std::size_t count) {
    size_ -= count;
    if (size_ > 0 && count > 0) std::memmove(data_.get(), data_.get() + count, size_);
  }
  void Truncate(std::size_t size) { size_ = size; }
  void Release() {
    charged_.fetch_sub(capacity_, std::memory_order_relaxed);
    data_.reset();
    size_ = capacity_ = 0;
  }

 private:
  std::atomic<std::size_t>& charged_;
  std::size_t limit_;
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace mw::net
