// zlib and zstd, as streams with a bounded output.
#include "net/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "base/text.h"

namespace mw::net {
namespace {

constexpr std::array<std::pair<ContentCoding, std::string_view>, 4> kNames = {{
    {ContentCoding::kZstd, "zstd"},
    {ContentCoding::kGzip, "gzip"},
    {ContentCoding::kDeflate, "deflate"},
    {ContentCoding::kIdentity, "identity"},
}};
constexpr std::size_t kGrowth = std::size_t{64} << 10;
constexpr int kQuickest = 1;

Error TooLarge(std::size_t bytes_max) {
  return ResourceExhausted("the decompressed body has more than ", bytes_max, " bytes");
}

Error NotThatCoding(ContentCoding coding, std::string_view why) {
  return InvalidArgument("the body is no valid ", ContentCodingName(coding), ": ", why);
}

/// zlib counts input in 32 bits; bodies are far below that.
constexpr std::size_t kZlibBytesMax = std::size_t{1} << 30;

Status Inflate(ContentCoding coding, std::string_view bytes, std::size_t bytes_max, std::string& out) {
  if (bytes.size() > kZlibBytesMax) return TooLarge(kZlibBytesMax);
  z_stream stream{};
  const int window = coding == ContentCoding::kGzip ? 15 + 16 : 15;
  if (inflateInit2(&stream, window) != Z_OK) return ResourceExhausted("no memory to decompress with");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const std::size_t used = out.size();
    if (used > bytes_max) return TooLarge(bytes_max);
    const std::size_t room = std::min(kGrowth + used, bytes_max + 1 - used);
    out.resize(used + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(used + room - stream.avail_out);
    if (state == Z_BUF_ERROR || (state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return NotThatCoding(coding, "it ends too early");
    }
    if (state != Z_OK && state != Z_STREAM_END) {
      return NotThatCoding(coding, stream.msg == nullptr ? "damaged" : stream.msg);
    }
  }
  if (out.size() > bytes_max) return TooLarge(bytes_max);
  if (stream.avail_in > 0) return NotThatCoding(coding, "something follows its end");
  return Ok();
}

Status Unzstd(std::string_view bytes, std::size_t bytes_max, std::string& out) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) return ResourceExhausted("no memory to decompress with");
  // A frame may ask for a window of gigabytes; ours needs no more than its content.
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 27);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    const std::size_t used = out.size();
    if (used > bytes_max) return TooLarge(bytes_max);
    const std::size_t room = std::min(kGrowth + used, bytes_max + 1 - used);
    out.resize(used + room);
    ZSTD_outBuffer to{out.data() + used, room, 0};
    left = ZSTD_decompressStream(context.get(), &to, &in);
    out.resize(used + to.pos);
    if (ZSTD_isError(left) != 0) return NotThatCoding(ContentCoding::kZstd, ZSTD_getErrorName(left));
    if (left != 0 && in.pos == in.size && to.pos < room) {
      return NotThatCoding(ContentCoding::kZstd, "it ends too early");
    }
  }
  if (out.size() > bytes_max) return TooLarge(bytes_max);
  if (in.pos < in.size) return NotThatCoding(ContentCoding::kZstd, "something follows its end");
  return Ok();
}

Status Deflate(ContentCoding coding, std::string_view bytes, std::string& out) {
  if (bytes.size() > kZlibBytesMax) return TooLarge(kZlibBytesMax);
  z_stream stream{};
  const int window = coding == ContentCoding::kGzip ? 15 + 16 : 15;
  if (deflateInit2(&stream, kQuickest, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return ResourceExhausted("no memory to compress with");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  const std::size_t used = out.size();
  const std::size_t room = deflateBound(&stream, static_cast<uLong>(bytes.size()));
  out.resize(used + room);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
  stream.avail_out = static_cast<uInt>(room);
  const int state = deflate(&stream, Z_FINISH);
  out.resize(used + room - stream.avail_out);
  if (state != Z_STREAM_END) return ResourceExhausted("no memory to compress with");
  return Ok();
}

Status Zstd(std::string_view bytes, std::string& out) {
  const std::size_t used = out.size();
  out.resize(used + ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(out.data() + used, out.size() - used, bytes.data(), bytes.size(), kQuickest);
  if (ZSTD_isError(size) != 0) return ResourceExhausted("zstd: ", ZSTD_getErrorName(size));
  out.resize(used + size);
  return Ok();
}

/// "gzip;q=0.5" -> the weight in thousandths; 1000 without one.
int WeightOf(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1000;
  double weight = 0;
  std::from_chars(parameters.data() + at + 2, parameters.data() + parameters.size(), weight);
  return weight > 0 ? static_cast<int>(std::min(weight, 1.0) * 1000) : 0;  // "nan" is read as a number, too
}

}  // namespace

std::string_view ContentCodingName(ContentCoding coding) {
  for (const auto& [known, name] : kNames) {
    if (known == coding) return name;
  }
  return "";
}

std::optional<ContentCoding> ParseContentCoding(std::string_view header) {
  const std::string wanted = ToLower(Trim(header));
  if (wanted == "x-gzip") return ContentCoding::kGzip;
  for (const auto& [coding, name] : kNames) {
    if (name == wanted) return coding;
  }
  return std::nullopt;
}

ContentCoding ChooseContentCoding(std::string_view accept_encoding) {
  ContentCoding best = ContentCoding::kIdentity;
  int best_weight = 0;
  while (!accept_encoding.empty()) {
    const std::string_view item = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(accept_encoding.size(), item.size() + 1));
    const std::size_t parameters = item.find(';');
    const auto coding = ParseContentCoding(item.substr(0, parameters));
    if (!coding || *coding == ContentCoding::kIdentity) continue;
    const int weight = parameters == std::string_view::npos ? 1000 : WeightOf(item.substr(parameters));
    if (weight > best_weight || (weight == best_weight && weight > 0 && *coding > best)) {
      best = *coding;
      best_weight = weight;
    }
  }
  return best;
}

Status DecodeContent(ContentCoding coding, std::string_view bytes, std::size_t bytes_max, std::string& out) {
  out.clear();
  switch (coding) {
    case ContentCoding::kIdentity:
      if (bytes.size() > bytes_max) return TooLarge(bytes_max);
      out = bytes;
      return Ok();
    case ContentCoding::kGzip:
    case ContentCoding::kDeflate: return Inflate(coding, bytes, bytes_max, out);
    case ContentCoding::kZstd: return Unzstd(bytes, bytes_max, out);
  }
  return Ok();
}

Status EncodeContent(ContentCoding coding, std::string_view bytes, std::string& out) {
  switch (coding) {
    case ContentCoding::kIdentity: out += bytes; return Ok();
    case ContentCoding::kGzip:
    case ContentCoding::kDeflate: return Deflate(coding, bytes, out);
    case ContentCoding::kZstd: return Zstd(bytes, out);
  }
  return Ok();
}

}  // namespace mw::net
