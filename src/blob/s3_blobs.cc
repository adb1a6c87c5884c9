// Blobs as objects.
#include "blob/s3_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/disk_full.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/s3_answers.h"
#include "net/socket.h"

namespace mw::blob {
namespace {

using net::Method;

constexpr std::string_view kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr int kAttemptsMax = 5;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::uint64_t kPartsMax = 10'000;  // of one multipart upload, by the protocol
constexpr std::size_t kClientsMax = 8;
constexpr std::size_t kNotedMax = 1'000'000;

/// What a later attempt may cure.
bool IsPassing(const Result<net::Response>& answer) {
  if (!answer.ok()) {
    return answer.error().code == Code::kUnavailable || answer.error().code == Code::kDeadlineExceeded;
  }
  return answer->status == 429 || answer->status >= 500;
}

Error ErrorOf(const net::Response& answer, std::string_view what) {
  const std::string code = XmlText(answer.body, "Code").value_or("");
  const std::string message = XmlText(answer.body, "Message").value_or("");
  if (answer.status == 507 || code == "XMinioStorageFull") return DiskFull(what);
  return Error{CodeFromHttpStatus(answer.status),
               Cat("the S3 server answered ", answer.status, " for ", what, code.empty() ? "" : ": ", code,
                   message.empty() ? "" : ", ", message),
               {}};
}

/// "Wed, 21 Oct 2015 07:28:00 GMT"; nothing for what is none.
std::optional<Timestamp> ParseHttpDate(std::string_view text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29) return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const std::string number = Cat(month / 3 + 101).substr(1);
  const auto time =
      ParseTime(Cat(text.substr(12, 4), "-", number, "-", text.substr(5, 2), "T", text.substr(17, 8), "Z"));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

/// The size that a HEAD or a ranged GET tells.
Result<std::uint64_t> LengthOf(const net::Response& answer) {
  const std::string* length = net::FindHeader(answer.headers, "Content-Length");
  const auto bytes = length == nullptr ? std::nullopt : ParseInt(*length);
  if (!bytes || *bytes < 0) return DataLoss("the S3 server did not tell an object's size");
  return static_cast<std::uint64_t>(*bytes);
}

Status ReadExactly(int file, std::uint64_t offset, std::span<char> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = pread(file, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ErrnoError(got < 0 ? errno : EIO, "reading what is being stored");
    done += static_cast<std::size_t>(got);
  }
  return Ok();
}

}  // namespace

// Gathers the blob in an unnamed file.
class S3Writer final : public Writer {
 public:
  S3Writer(S3Blobs& store, FileDescriptor file) : store_(store), file_(std::move(file)) {}

  Status Append(std::string_view bytes) override {
    hash_.Update(bytes);
    size_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t wrote = write(file_.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return ErrnoError(errno, Cat("gathering an artifact in ", store_.options_.cache_directory));
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return Ok();
  }

  Result<Digest> Commit() override {
    Digest digest = Cat(kDigestPrefix, hash_.Finish());
    // Noted first: a sweep that looks later leaves it alone, and one that looked before has deleted it by now.
    store_.NoteNow(digest);
    const Result<net::Response> known = store_.Head(digest);
    if (!known.ok() && known.error().code != Code::kNotFound) return known.error();
    if (!known.ok()) TRY(store_.Store(digest, file_.get(), size_));
    return digest;
  }

 private:
  S3Blobs& store_;
  FileDescriptor file_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

Status ParseS3Uri(std::string_view uri, S3Options& options) {
  constexpr std::string_view kScheme = "s3://";
  const std::string_view rest = uri.substr(std::min(uri.size(), kScheme.size()));
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  options.bucket = rest.substr(0, slash);
  options.prefix = Trim(rest.substr(std::min(slash + 1, rest.size())));
  while (options.prefix.ends_with('/')) options.prefix.pop_back();
  const bool named = std::all_of(options.bucket.begin(), options.bucket.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
  if (uri.starts_with(kScheme) && named && options.bucket.size() >= 3 && options.bucket.size() <= 63 &&
      (options.prefix.empty() || CheckRelativePath(options.prefix).ok())) {
    return Ok();
  }
  return InvalidArgument(Quoted(uri), " is no place for artifacts; write it as s3://BUCKET/PREFIX");
}

Result<std::unique_ptr<S3Blobs>> S3Blobs::Open(S3Options options, const Clock& clock) {
  if (options.credentials.access_key.empty() || options.credentials.secret_key.empty()) {
    return InvalidArgument("artifacts in s3://", options.bucket,
                           " need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
  }
  std::unique_ptr<DirectoryBlobs> cache = TRY(DirectoryBlobs::Open(options.cache_directory));
  std::unique_ptr<S3Blobs> store(new S3Blobs(std::move(options), clock, std::move(cache)));
  Call look;
  look.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", store->options_.prefix}};
  const net::Response answer = TRY(store->Send(look));
  if (answer.status != 200) return ErrorOf(answer, Cat("the bucket ", store->options_.bucket));
  return store;
}

std::string S3Blobs::KeyOf(const Digest& digest) const {
  const std::string_view hex = std::string_view(digest).substr(kDigestPrefix.size());
  return Cat(options_.prefix, options_.prefix.empty() ? "" : "/", "sha256/", hex.substr(0, 2), "/", hex.substr(2));
}

// ---- requests ----

Result<net::HttpClient> S3Blobs::TakeClient() {
  {
    const Lock lock(clients_mutex_);
    if (!clients_.empty()) {
      net::HttpClient client = std::move(clients_.back());
      clients_.pop_back();
      return client;
    }
  }
  return net::HttpClient::Make(options_.endpoint, {});
}

void S3Blobs::GiveBack(net::HttpClient client) {
  const Lock lock(clients_mutex_);
  if (clients_.size() < kClientsMax) clients_.push_back(std::move(client));
}

Result<net::Response> S3Blobs::SendOnce(const Call& call, const std::function<Status(std::string_view)>* sink) {
  const net::Url url = TRY(net::Url::ParseWeb(options_.endpoint));
  S3Request request;
  request.method = call.method;
  request.host = url.Authority();
  request.path = Cat("/", options_.bucket, call.key.empty() ? "" : "/", call.key);
  request.query = call.query;
  request.headers = call.headers;
  request.body_sha256 = call.body.empty() ? std::string(kEmptySha256) : Sha256Hex(call.body);
  const net::Headers headers = S3SignedHeaders(request, options_.credentials, options_.region, clock_.Now());
  net::HttpClient client = TRY(TakeClient());
  Result<net::Response> answer = sink == nullptr
                                     ? client.Send(call.method, S3Target(request), call.body, headers)
                                     : client.Stream(call.method, S3Target(request), call.body, headers, *sink);
  if (answer.ok()) GiveBack(std::move(client));
  return answer;
}

Result<net::Response> S3Blobs::Send(const Call& call) {
  std::chrono::milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    Result<net::Response> answer = SendOnce(call, nullptr);
    if (attempt == kAttemptsMax || !IsPassing(answer)) return answer;
    std::this_thread::sleep_for(pause);  // NOLINT(no-sleeps): the server does not tell when it can again
    pause *= 2;
  }
}

Result<net::Response> S3Blobs::Head(const Digest& digest) {
  Call call;
  call.method = Method::kHead;
  call.key = KeyOf(digest);
  net::Response answer = TRY(Send(call));
  if (answer.status == 404) return NotFound("there is no artifact ", digest, " in s3://", options_.bucket);
  if (answer.status != 200) return ErrorOf(answer, digest);
  return answer;
}

// ---- storing ----

Result<std::unique_ptr<Writer>> S3Blobs::Create() {
  FileDescriptor file(open(options_.cache_directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoError(errno, Cat("making a temporary file in ", options_.cache_directory));
  return std::unique_ptr<Writer>(std::make_unique<S3Writer>(*this, std::move(file)));
}

Status S3Blobs::Store(const Digest& digest, int file, std::uint64_t size) {
  const std::string key = KeyOf(digest);
  if (size > options_.part_bytes) return StoreInParts(key, file, size);
  std::string bytes(size, '\0');
  TRY(ReadExactly(file, 0, bytes));
  Call call;
  call.method = Method::kPut;
  call.key = key;
  call.body = bytes;
  const net::Response answer = TRY(Send(call));
  return answer.status == 200 ? Ok() : Status(ErrorOf(answer, digest));
}

Result<std::string> S3Blobs::StorePart(const std::string& key, const std::string& upload, std::size_t number,
                                       std::string_view bytes) {
  Call call;
  call.method = Method::kPut;
  call.key = key;
  call.query = {{"partNumber", Cat(number)}, {"uploadId", upload}};
  call.body = bytes;
  const net::Response answer = TRY(Send(call));
  const std::string* tag = net::FindHeader(answer.headers, "ETag");
  if (answer.status != 200 || tag == nullptr) return ErrorOf(answer, Cat("part ", number, " of ", key));
  return *tag;
}

Status S3Blobs::StoreInParts(const std::string& key, int file, std::uint64_t size) {
  Call begin;
  begin.method = Method::kPost;
  begin.key = key;
  begin.query = {{"uploads", ""}};
  const net::Response begun = TRY(Send(begin));
  const std::string upload = XmlText(begun.body, "UploadId").value_or("");
  if (begun.status != 200 || upload.empty()) return ErrorOf(begun, Cat("the upload of ", key));
  const auto store = [&]() -> Result<net::Response> {
    const std::uint64_t part = std::max(options_.part_bytes, size / kPartsMax + 1);
    std::string bytes, list = "<CompleteMultipartUpload>";
    for (std::uint64_t offset = 0, number = 1; offset < size; offset += part, ++number) {
      bytes.resize(std::min(part, size - offset));
      TRY(ReadExactly(file, offset, bytes));
      const std::string tag = TRY(StorePart(key, upload, number, bytes));
      CatTo(list, "<Part><PartNumber>", number, "</PartNumber><ETag>", tag, "</ETag></Part>");
    }
    list += "</CompleteMultipartUpload>";
    Call end;
    end.method = Method::kPost;
    end.key = key;
    end.query = {{"uploadId", upload}};
    end.body = list;
    return Send(end);
  };
  const Result<net::Response> stored = store();
  // A completion may fail with the status of success and the failure in its body.
  if (stored.ok() && stored->status == 200 && stored->body.find("<Error>") == std::string::npos) return Ok();
  Call abort;
  abort.method = Method::kDelete;
  abort.key = key;
  abort.query = {{"uploadId", upload}};
  static_cast<void>(SendOnce(abort, nullptr));  // else the server forgets it by its own rules
  return stored.ok() ? ErrorOf(*stored, key) : stored.error();
}

// ---- reading ----

Result<std::uint64_t> S3Blobs::Size(const Digest& digest) {
  TRY(CheckDigest(digest));
  return LengthOf(TRY(Head(digest)));
}

Result<std::size_t> S3Blobs::ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) {
  TRY(CheckDigest(digest));
  if (buffer.empty()) return std::size_t{0};
  Call call;
  call.key = KeyOf(digest);
  call.headers.emplace_back("Range", Cat("bytes=", offset, "-", offset + buffer.size() - 1));
  const net::Response answer = TRY(Send(call));
  if (answer.status == 416) return std::size_t{0};
  if (answer.status == 404) return NotFound("there is no artifact ", digest, " in s3://", options_.bucket);
  if (answer.status != 206 && !(answer.status == 200 && offset == 0)) return ErrorOf(answer, digest);
  const std::size_t size = std::min(answer.body.size(), buffer.size());
  std::copy_n(answer.body.data(), size, buffer.data());
  return size;
}

Status S3Blobs::Fetch(const Digest& digest, const std::function<Status(std::string_view)>& sink) {
  Call call;
  call.key = KeyOf(digest);
  const net::Response answer = TRY(SendOnce(call, &sink));
  if (answer.status == 404) return NotFound("there is no artifact ", digest, " in s3://", options_.bucket);
  return answer.status == 200 ? Ok() : Status(ErrorOf(answer, digest));
}

Result<std::string> S3Blobs::LocalPath(const Digest& digest) {
  TRY(CheckDigest(digest));
  if (cache_->Touch(digest).ok()) return cache_->LocalPath(digest);
  TRY(Head(digest));
  const std::unique_ptr<Writer> copy = TRY(cache_->Create());
  TRY(Fetch(digest, [&](std::string_view bytes) { return copy->Append(bytes); }));
  const Digest found = TRY(copy->Commit());
  if (found != digest) {
    TRY(cache_->Delete(found));
    return DataLoss("artifact ", digest, " is damaged: its content has the digest ", found);
  }
  TRY(TrimCache());
  return cache_->LocalPath(digest);
}

Status S3Blobs::TrimCache() {
  std::uint64_t total = 0;
  TRY(cache_->List([&](const Digest&, std::uint64_t size) { return total += size, Ok(); }));
  if (total <= options_.cache_bytes_max) return Ok();
  const Timestamp since = clock_.Now() - std::chrono::hours(1);
  return cache_->List([&](const Digest& digest, std::uint64_t) -> Status {
    TRY(cache_->DeleteIfIdle(digest, since));
    return Ok();
  });
}

Status S3Blobs::Verify(const Digest& digest) {
  TRY(CheckDigest(digest));
  TRY(Head(digest));
  Sha256 hash;
  TRY(Fetch(digest, [&](std::string_view bytes) { return hash.Update(bytes), Ok(); }));
  const std::string found = hash.Finish();
  if (found == std::string_view(digest).substr(kDigestPrefix.size())) return Ok();
  return DataLoss("artifact ", digest, " is damaged: its content has the digest ", kDigestPrefix, found);
}

Status S3Blobs::List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) {
  const std::string root = Cat(options_.prefix, options_.prefix.empty() ? "" : "/", "sha256/");
  std::string next;
  do {
    Call call;
    call.query = {{"list-type", "2"}, {"prefix", root}};
    if (!next.empty()) call.query.emplace_back("continuation-token", next);
    const net::Response answer = TRY(Send(call));
    if (answer.status != 200) return ErrorOf(answer, Cat("a listing of the bucket ", options_.bucket));
    S3Listing listing = TRY(ParseS3Listing(answer.body));
    for (const S3Object& object : listing.objects) {
      std::string hex = object.key.substr(std::min(root.size(), object.key.size()));
      if (hex.size() > 2 && hex[2] == '/') hex.erase(2, 1);
      const Digest digest = Cat(kDigestPrefix, hex);
      if (IsDigest(digest)) TRY(visit(digest, object.size));
    }
    next = std::move(listing.next);
  } while (!next.empty());
  return Ok();
}

// ---- deleting ----

Status S3Blobs::Delete(const Digest& digest) {
  TRY(CheckDigest(digest));
  TRY(cache_->Delete(digest));
  Call call;
  call.method = Method::kDelete;
  call.key = KeyOf(digest);
  const net::Response answer = TRY(Send(call));
  const bool gone = answer.status == 200 || answer.status == 204 || answer.status == 404;
  return gone ? Ok() : Status(ErrorOf(answer, digest));
}

void S3Blobs::NoteNow(const Digest& digest) {
  const Lock lock(naming_);
  if (noted_.size() >= kNotedMax) noted_.clear();
  noted_[digest] = clock_.Now();
}

Status S3Blobs::Touch(const Digest& digest) {
  TRY(CheckDigest(digest));
  NoteNow(digest);
  TRY(Head(digest));
  return Ok();
}

Result<bool> S3Blobs::DeleteIfIdle(const Digest& digest, Timestamp since) {
  TRY(CheckDigest(digest));
  const Lock lock(naming_);
  const auto noted = noted_.find(digest);
  if (noted != noted_.end() && noted->second >= since) return false;
  const Result<net::Response> object = Head(digest);
  if (!object.ok() && object.error().code == Code::kNotFound) return false;
  if (!object.ok()) return object.error();
  // By the server's own clock on both sides, in whole seconds.
  const std::string* stored = net::FindHeader(object->headers, "Last-Modified");
  const std::string* answered = net::FindHeader(object->headers, "Date");
  const auto then = stored == nullptr ? std::nullopt : ParseHttpDate(*stored);
  const auto now = answered == nullptr ? std::nullopt : ParseHttpDate(*answered);
  if (!then || !now) return DataLoss("the S3 server does not tell when ", digest, " was stored");
  const Duration age = *now - *then - std::chrono::seconds(1);
  if (clock_.Now() - age >= since) return false;
  TRY(Delete(digest));
  noted_.erase(digest);
  return true;
}

}  // namespace mw::blob
