// zlib, piece by piece.
#include "api/inference/grpc/compressed_message.h"

#include <zlib.h>

#include <algorithm>

namespace mw::api::inference {
namespace {

constexpr int kGzipOrZlib = 15 + 32;  // the largest window, either header
constexpr std::size_t kFirstPieceBytes = std::size_t{16} << 10;
constexpr std::size_t kPieceBytesMax = std::size_t{1} << 20;

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipOrZlib) == Z_OK; }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void SetInput(std::string_view piece) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));  // read only
    stream_.avail_in = static_cast<uInt>(piece.size());
  }
  [[nodiscard]] bool has_input() const { return stream_.avail_in > 0; }
  [[nodiscard]] bool whole() const { return whole_; }
  /// Fills `room` as far as the input goes; how much. Errors: kInvalidArgument.
  Result<std::size_t> Fill(std::span<char> room) {
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int result = ready_ ? inflate(&stream_, Z_NO_FLUSH) : Z_MEM_ERROR;
    whole_ = result == Z_STREAM_END;
    if (whole_ || result == Z_OK || result == Z_BUF_ERROR) return room.size() - stream_.avail_out;
    return InvalidArgument("the compressed message is damaged");
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool whole_ = false;
};

}  // namespace

bool LooksCompressed(std::span<const std::string_view> pieces) {
  unsigned char head[2] = {};
  std::size_t known = 0;
  for (const std::string_view piece : pieces) {
    for (const char byte : piece.substr(0, 2 - known)) head[known++] = static_cast<unsigned char>(byte);
    if (known == 2) break;
  }
  if (known < 2) return false;
  const bool gzip = head[0] == 0x1F && head[1] == 0x8B;
  const bool zlib = head[0] == 0x78 && (head[0] * 256 + head[1]) % 31 == 0;
  return gzip || zlib;
}

Status Decompress(std::span<const std::string_view> pieces, std::size_t bytes_max, RequestArena& arena,
                  std::vector<std::string_view>& out) {
  Inflater inflater;
  std::span<char> room;
  std::size_t used = 0, total = 0, next_bytes = kFirstPieceBytes;
  const auto keep = [&] {
    if (used > 0) out.emplace_back(room.data(), used);
  };
  for (const std::string_view piece : pieces) {
    inflater.SetInput(piece);
    // Also when the input is used up: what it made may not have found room yet.
    for (bool full = inflater.has_input(); full && !inflater.whole();) {
      if (used == room.size()) {
        keep();
        room = arena.Allocate(next_bytes);
        next_bytes = std::min(2 * next_bytes, kPieceBytesMax);
        used = 0;
      }
      const std::size_t filled = TRY(inflater.Fill(room.subspan(used)));
      used += filled;
      total += filled;
      if (total > bytes_max) {
        return ResourceExhausted("the message has more than ", bytes_max, " bytes");
      }
      full = used == room.size() || inflater.has_input();
    }
  }
  if (!inflater.whole()) return InvalidArgument("the compressed message is cut short");
  keep();
  return Ok();
}

}  // namespace mw::api::inference
