// mw-shim's log: keeps the beginning and the end of what the program writes. Once the beginning has filled its
// share, a marker says so, and the last bytes go round in memory until Finish writes them after a line that
// counts what is missing: an error message stands at the end. A disk that refuses a write fills it early; the
// program is never kept waiting for room. The file stays below log_bytes and two marker lines.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace mw::exec::shim {

class Log {
 public:
  Log(int file, std::int64_t log_bytes)
      : file_(file),
        tail_room_(std::min<std::int64_t>(sizeof tail_, log_bytes / 4)),
        head_room_(log_bytes - tail_room_) {}

  void Append(const char* bytes, std::int64_t size) {
    const std::int64_t kept = full_ ? 0 : Write(bytes, std::min(size, head_room_));
    head_room_ -= kept;
    if (kept == size) return;
    if (!full_) MarkFull();
    KeepInTail(bytes + kept, size - kept);
  }

  /// After the last Append.
  void Finish() {
    if (!full_) return;
    const std::int64_t kept = std::min(over_, tail_room_);
    char line[80];
    if (over_ > kept) {
      const int length = std::snprintf(line, sizeof line, "[millwright: %lld bytes are missing here]\n",
                                       static_cast<long long>(over_ - kept));
      Write(line, length);
    }
    for (std::int64_t at = over_ - kept; at < over_;) {
      const std::int64_t from = at % tail_room_;
      const std::int64_t piece = std::min(tail_room_ - from, over_ - at);
      Write(tail_ + from, piece);
      at += piece;
    }
  }

 private:
  // How much was written: less than `size` when the disk refuses.
  std::int64_t Write(const char* bytes, std::int64_t size) const {
    std::int64_t done = 0;
    while (done < size) {
      const ssize_t wrote = write(file_, bytes + done, static_cast<std::size_t>(size - done));
      if (wrote <= 0) break;
      done += wrote;
    }
    return done;
  }

  void MarkFull() {
    full_ = true;
    static constexpr char kMarker[] = "\n[millwright: the log is full; the end of the output follows when it ends]\n";
    Write(kMarker, sizeof kMarker - 1);
  }

  void KeepInTail(const char* bytes, std::int64_t size) {
    if (tail_room_ == 0) {
      over_ += size;
      return;
    }
    for (std::int64_t done = 0; done < size;) {
      const std::int64_t to = over_ % tail_room_;
      const std::int64_t piece = std::min(tail_room_ - to, size - done);
      std::memcpy(tail_ + to, bytes + done, static_cast<std::size_t>(piece));
      over_ += piece;
      done += piece;
    }
  }

  int file_;
  char tail_[64 << 10];
  std::int64_t tail_room_;
  std::int64_t head_room_;
  std::int64_t over_ = 0;  // bytes that came after the log was full
  bool full_ = false;
};

}  // namespace mw::exec::shim
