// A piece is gathered before it is handed on, so that a small file is one errand for the workers.
#include "api/blob_stream.h"

#include <algorithm>
#include <utility>

#include "api/byte_range.h"
#include "base/offload.h"
#include "base/signing.h"
#include "base/text.h"

namespace mw::api {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::string_view kBlobPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";

struct Piece {
  std::unique_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  std::size_t size = 0;
  [[nodiscard]] std::string_view text() const { return {bytes.get(), size}; }
};

/// As much of the body as fits; less only at its end.
Task<Status> Fill(net::Request& request, Piece& piece) {
  piece.size = 0;
  while (piece.size < kPieceBytes) {
    const std::span<char> room(piece.bytes.get() + piece.size, kPieceBytes - piece.size);
    const std::size_t got = CO_TRY(co_await request.Read(room));
    if (got == 0) break;
    piece.size += got;
  }
  co_return Ok();
}

/// Begins to append `piece`, which nobody else touches until it is back.
Completion<Result<Piece>> AppendPiece(BlobDoor door, const std::shared_ptr<blob::Writer>& writer, Piece piece) {
  Completion<Result<Piece>> done;
  auto from = std::make_shared<Piece>(std::move(piece));
  door.workers.Post([writer, from, done] {
    Status appended = writer->Append(from->text());
    if (!appended.ok()) return done.Set(std::move(appended.error()));
    done.Set(std::move(*from));
  });
  return done;
}

/// The next piece arrives while one is being written.
Task<Result<StoredBlob>> ReceiveLarge(BlobDoor door, net::Request& request, Piece piece) {
  const auto create = [&] { return door.blobs.Create(); };
  const std::shared_ptr<blob::Writer> writer = CO_TRY(co_await Offload(door.workers, create));
  StoredBlob stored;
  Piece next;
  while (piece.size > 0) {
    stored.size += piece.size;
    const Completion<Result<Piece>> writing = AppendPiece(door, writer, std::move(piece));
    const Status filled = co_await Fill(request, next);
    Piece spare = CO_TRY(co_await writing);
    CO_TRY(filled);
    piece = std::exchange(next, std::move(spare));
  }
  const auto commit = [&] { return writer->Commit(); };
  stored.digest = CO_TRY(co_await Offload(door.workers, commit));
  co_return stored;
}

/// A digest of ours in the form of RFC 9530.
std::string FieldOf(std::string_view digest) {
  const std::string_view hex = digest.substr(digest.find(':') + 1);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bytes += static_cast<char>(value(hex[i]) * 16 + value(hex[i + 1]));
  }
  return Cat("sha-256=:", Base64(bytes), ":");
}

Status CheckAnnounced(const net::Request& request, const blob::Digest& digest) {
  for (const std::string_view name : {"Content-Digest", "Repr-Digest"}) {
    const std::string* announced = net::FindHeader(request.headers, name);
    if (announced == nullptr || !announced->starts_with("sha-256=") || *announced == FieldOf(digest)) continue;
    return InvalidArgument("what arrived has the digest ", FieldOf(digest), "; ", name, " says ", Quoted(*announced),
                           "; send it again");
  }
  return Ok();
}

std::string TagOf(const blob::Digest& digest) { return Cat("\"", digest, "\""); }

struct Sending {
  StoredBlob blob;
  ByteRange part;
  int status = 200;
};

Result<Sending> SendingOf(StoredBlob blob, const net::Request& request) {
  Sending sending{std::move(blob), {0, 0}};
  sending.part.end = sending.blob.size;
  const std::string tag = TagOf(sending.blob.digest);
  const std::string* known = net::FindHeader(request.headers, "If-None-Match");
  if (known != nullptr && *known == tag) {
    sending.status = 304;
    return sending;
  }
  const std::string* asked = net::FindHeader(request.headers, "Range");
  const std::string* same = net::FindHeader(request.headers, "If-Range");
  if (asked == nullptr || (same != nullptr && *same != tag)) return sending;
  const std::optional<ByteRange> range = TRY(ParseRange(*asked, sending.blob.size));
  if (!range) return sending;
  sending.part = *range;
  sending.status = 206;
  return sending;
}

net::Headers HeadersOf(const Sending& sending, std::string_view name) {
  net::Headers headers = DigestHeaders(sending.blob.digest);
  headers.emplace_back("Content-Type", "application/octet-stream");
  headers.emplace_back("Content-Disposition", Cat("attachment; filename*=UTF-8''", net::PercentEncode(name)));
  headers.emplace_back("Content-Security-Policy", kBlobPolicy);
  headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  headers.emplace_back("Accept-Ranges", "bytes");
  if (sending.status == 206) {
    headers.emplace_back("Content-Range",
                         Cat("bytes ", sending.part.begin, "-", sending.part.end - 1, "/", sending.blob.size));
  }
  return headers;
}

/// Begins to read the piece at `offset` into `piece`, which nobody else touches until it is back.
Completion<Result<Piece>> ReadPiece(BlobDoor door, const blob::Digest& digest, std::uint64_t offset, std::uint64_t end,
                                    Piece piece) {
  Completion<Result<Piece>> done;
  const std::size_t wanted = std::min<std::uint64_t>(kPieceBytes, end - offset);
  auto into = std::make_shared<Piece>(std::move(piece));
  door.workers.Post([&blobs = door.blobs, digest, offset, wanted, into, done] {
    Result<std::size_t> got = blobs.ReadAt(digest, offset, {into->bytes.get(), wanted});
    if (!got.ok()) return done.Set(std::move(got.error()));
    into->size = *got;
    done.Set(std::move(*into));
  });
  return done;
}

/// The next piece is read while one is being sent.
Task<Status> Stream(BlobDoor door, const Sending& sending, std::string_view name, net::Responder& responder,
                    bool head_only) {
  const net::Headers headers = HeadersOf(sending, name);
  const auto [begin, end] = sending.part;
  CO_TRY(co_await responder.Begin(sending.status, headers, end - begin));
  if (head_only || begin == end) co_return co_await responder.End();
  Piece spare;
  Completion<Result<Piece>> coming = ReadPiece(door, sending.blob.digest, begin, end, Piece());
  for (std::uint64_t offset = begin; offset < end;) {
    Piece piece = CO_TRY(co_await coming);
    if (piece.size == 0) co_return DataLoss("the blob ", sending.blob.digest, " ends at byte ", offset);
    offset += piece.size;
    if (offset < end) coming = ReadPiece(door, sending.blob.digest, offset, end, std::move(spare));
    CO_TRY(co_await responder.Write(piece.text()));
    spare = std::move(piece);
  }
  co_return co_await responder.End();
}

Task<Status> SendIt(BlobDoor door, const Sending& sending, std::string_view name, net::Request& request,
                    net::Responder& responder) {
  if (sending.status == 304) {
    net::Response unchanged{304, DigestHeaders(sending.blob.digest), {}};
    co_return co_await responder.Send(std::move(unchanged));
  }
  co_return co_await Stream(door, sending, name, responder, request.method == net::Method::kHead);
}

}  // namespace

net::Headers DigestHeaders(const blob::Digest& digest) {
  return {{"ETag", TagOf(digest)}, {"Repr-Digest", FieldOf(digest)}};
}

Task<Result<StoredBlob>> ReceiveBlob(BlobDoor door, net::Request& request) {
  Piece piece;
  CO_TRY(co_await Fill(request, piece));
  StoredBlob stored;
  if (piece.size < kPieceBytes) {
    const auto put = [&] { return door.blobs.Put(piece.text()); };
    stored.size = piece.size;
    stored.digest = CO_TRY(co_await Offload(door.workers, put));
  } else {
    stored = CO_TRY(co_await ReceiveLarge(door, request, std::move(piece)));
  }
  CO_TRY(CheckAnnounced(request, stored.digest));
  co_return stored;
}

Task<void> SendBlob(BlobDoor door, StoredBlob blob, std::string name, net::Request& request, net::Responder& responder,
                    std::function<net::Response(const Error&)> refuse) {
  const Result<Sending> sending = SendingOf(std::move(blob), request);
  if (sending.ok()) {
    static_cast<void>(co_await SendIt(door, *sending, name, request, responder));
    co_return;
  }
  net::Response refusal = refuse(sending.error());
  if (sending.error().code == Code::kOutOfRange) refusal.status = 416;
  static_cast<void>(co_await responder.Send(std::move(refusal)));
}

}  // namespace mw::api
