// Headers of 512 bytes, contents filled up to such blocks, two empty blocks at the end.
#include "blob/tar.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"
#include "blob/directory_artifact.h"

namespace mw::blob {
namespace {

constexpr std::size_t kBlock = 512;
using Block = std::array<char, kBlock>;

struct Field {
  std::size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUser{108, 8}, kGroup{116, 8}, kSize{124, 12}, kTime{136, 12},
    kChecksum{148, 8}, kType{156, 1}, kMagic{257, 8}, kPrefix{345, 155};
constexpr char kUstar[] = "ustar\00000";

std::string_view View(const Block& block, Field field) { return {block.data() + field.at, field.size}; }

std::string Text(const Block& block, Field field) {
  const std::string_view view = View(block, field);
  return std::string(view.substr(0, std::min(view.find('\0'), view.size())));
}

void PutText(Block& block, Field field, std::string_view text) {
  std::copy(text.begin(), text.end(), block.data() + field.at);  // also of no text at all
}

void PutOctal(Block& block, Field field, std::uint64_t value) {
  for (std::size_t at = field.size - 1; at-- > 0; value >>= 3U) {
    block[field.at + at] = static_cast<char>('0' + (value & 7U));
  }
}

/// In octal, or, marked by the first bit, in binary.
void PutSize(Block& block, std::uint64_t size) {
  if (size >> 33U == 0) return PutOctal(block, kSize, size);
  for (std::size_t at = kSize.size; at-- > 1; size >>= 8U) block[kSize.at + at] = static_cast<char>(size & 255U);
  block[kSize.at] = static_cast<char>(0x80);
}

std::optional<std::uint64_t> Number(const Block& block, Field field) {
  std::uint64_t value = 0;
  const std::string_view text = View(block, field);
  if ((static_cast<unsigned char>(text[0]) & 0x80U) != 0) {
    for (const char byte : text.substr(1)) {
      if (value >> 55U != 0) return std::nullopt;
      value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
  }
  const std::string_view digits = Trim(text.substr(0, std::min(text.find('\0'), text.size())));
  for (const char digit : digits) {
    if (digit < '0' || digit > '7' || value >> 60U != 0) return std::nullopt;
    value = value << 3U | static_cast<std::uint64_t>(digit - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

/// The sum of all bytes, the checksum's own taken as spaces.
std::uint64_t Checksum(const Block& block) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < kBlock; ++at) {
    const bool own = at >= kChecksum.at && at < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[at]);
  }
  return sum;
}

/// Cut at a slash so that both parts fit.
std::optional<std::pair<std::string_view, std::string_view>> CutPath(std::string_view path) {
  if (path.size() <= kName.size) return std::pair{std::string_view(), path};
  const std::size_t slash = path.find('/', path.size() - kName.size - 1);
  if (slash == std::string_view::npos || slash > kPrefix.size) return std::nullopt;
  return std::pair{path.substr(0, slash), path.substr(slash + 1)};
}

std::uint64_t PaddingAfter(std::uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

}  // namespace

Status TarWriter::Begin(const TarEntry& entry) {
  MW_ASSERT(left_ == 0);
  const auto cut = CutPath(entry.path);
  if (!cut) return InvalidArgument("the name ", Quoted(entry.path), " is too long for an archive");
  TRY(Pad());
  Block block{};
  PutText(block, kName, cut->second);
  PutText(block, kPrefix, cut->first);
  PutOctal(block, kMode, entry.mode & 07777U);
  PutOctal(block, kUser, 0);
  PutOctal(block, kGroup, 0);
  PutOctal(block, kTime, 0);
  PutSize(block, entry.size);
  block[kType.at] = '0';
  PutText(block, kMagic, std::string_view(kUstar, kMagic.size));
  PutOctal(block, kChecksum, Checksum(block));
  left_ = entry.size;
  written_ = entry.size;
  return sink_({block.data(), block.size()});
}

Status TarWriter::Write(std::string_view bytes) {
  MW_ASSERT(bytes.size() <= left_);
  left_ -= bytes.size();
  return sink_(bytes);
}

Status TarWriter::Pad() {
  const Block zeros{};
  return sink_(std::string_view(zeros.data(), PaddingAfter(std::exchange(written_, 0))));
}

Status TarWriter::End() {
  MW_ASSERT(left_ == 0);
  TRY(Pad());
  const std::array<char, 2 * kBlock> end{};
  return sink_({end.data(), end.size()});
}

Status TarReader::Fill(std::span<char> buffer) {
  const std::size_t got = TRY(source_(buffer));
  if (got < buffer.size()) return DataLoss("the archive ends early; it was not written or copied to its end");
  return Ok();
}

Status TarReader::SkipRest() {
  std::array<char, 16 * kBlock> dropped;
  for (std::uint64_t rest = left_ + padding_; rest > 0;) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(rest, dropped.size()));
    TRY(Fill(std::span(dropped).first(part)));
    rest -= part;
  }
  left_ = padding_ = 0;
  return Ok();
}

Result<std::optional<TarEntry>> TarReader::Next() {
  TRY(SkipRest());
  Block block;
  TRY(Fill(block));
  if (std::all_of(block.begin(), block.end(), [](char byte) { return byte == '\0'; })) {
    return std::optional<TarEntry>();
  }
  if (Number(block, kChecksum) != Checksum(block)) return DataLoss("the archive is damaged, or is no tar archive");
  TarEntry entry;
  const std::string prefix = Text(block, kPrefix);
  entry.path = prefix.empty() ? Text(block, kName) : Cat(prefix, "/", Text(block, kName));
  if (const Status safe = CheckRelativePath(entry.path); !safe.ok()) {
    return DataLoss("the archive has an unsafe name: ", safe.error().message);
  }
  const auto size = Number(block, kSize);
  const auto mode = Number(block, kMode);
  const char type = block[kType.at];
  if (!size || !mode || (type != '0' && type != '\0')) {
    return DataLoss("the archive's entry ", Quoted(entry.path), " is not a regular file");
  }
  entry.size = *size;
  entry.mode = static_cast<unsigned>(*mode & 0777U);
  left_ = *size;
  padding_ = PaddingAfter(*size);
  return std::optional(std::move(entry));
}

Result<std::size_t> TarReader::Read(std::span<char> buffer) {
  const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
  TRY(Fill(buffer.first(part)));
  left_ -= part;
  return part;
}

}  // namespace mw::blob
