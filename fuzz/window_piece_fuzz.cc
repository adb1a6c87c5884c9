// Frames of window pieces. Bytes that are no frame are taken for the body of one piece, and get the checksum
// that a fuzzer cannot guess. What is accepted is written and read again to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sketch/bytes.h"
#include "wire/window_record.h"

namespace {

void ReadPiece(std::string_view bytes) {
  const auto piece = mw::wire::WindowPieceFromBytes(bytes);
  if (!piece.ok()) return;
  const std::string written = mw::wire::ToBytes(*piece);
  const auto again = mw::wire::WindowPieceFromBytes(written);
  if (!again.ok() || mw::wire::ToBytes(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto pieces = mw::wire::SplitFrame(bytes);
  if (pieces.ok()) {
    for (const std::string_view piece : *pieces) ReadPiece(piece);
  }
  mw::sketch::ByteWriter checksum;
  checksum.U64(mw::wire::SampleHash(bytes));
  ReadPiece(std::string(bytes) + checksum.Take());
  return 0;
}
