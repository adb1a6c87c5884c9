// The blob store on an S3-speaking server: an object for each blob, BUCKET/PREFIX/sha256/ab/cdef..., addressed in path
// style. A blob is gathered in an unnamed local file, for its name is known at its end, and appears under it whole: by
// one PUT, or by a multipart upload when it is large. What fails for the moment is tried again. Local programs read
// copies in a directory beside it, checked when they are fetched and dropped when they are old and many. Any thread.
//
// Only one process sweeps (DeleteIfIdle): the times of what it stored and touched itself are kept in memory, those of
// others are the server's own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "blob/blob_store.h"
#include "blob/directory_blobs.h"
#include "blob/s3_signature.h"
#include "net/http_client.h"

namespace mw::blob {

struct S3Options {
  std::string endpoint;  ///< "http://127.0.0.1:9000", "https://s3.eu-west-1.amazonaws.com"
  std::string bucket;
  std::string prefix;  ///< within the bucket; may be empty
  std::string region = "us-east-1";
  S3Credentials credentials;
  std::string cache_directory;                              ///< for copies and for what is being stored
  std::uint64_t cache_bytes_max = std::uint64_t{20} << 30;  ///< of copies, beyond which old ones are dropped
  std::uint64_t part_bytes = std::uint64_t{16} << 20;  ///< of multipart uploads; larger when they would be too many
};

/// "s3://bucket/prefix" into its two parts. Errors: kInvalidArgument.
Status ParseS3Uri(std::string_view uri, S3Options& options);

class S3Blobs final : public BlobStore {
 public:
  /// Asks for the bucket, so that what is wrong shows at start. Errors: kNotFound no such bucket; kPermissionDenied;
  /// kUnavailable.
  static Result<std::unique_ptr<S3Blobs>> Open(S3Options options, const Clock& clock);

  Result<std::unique_ptr<Writer>> Create() override;
  Result<std::uint64_t> Size(const Digest& digest) override;
  Result<std::size_t> ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) override;
  Result<std::string> LocalPath(const Digest& digest) override;
  Status Verify(const Digest& digest) override;
  Status Delete(const Digest& digest) override;
  Status Touch(const Digest& digest) override;
  Result<bool> DeleteIfIdle(const Digest& digest, Timestamp since) override;
  Status List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) override;

  /// The object of a blob, as the server knows it: "prefix/sha256/ab/cdef...".
  [[nodiscard]] std::string KeyOf(const Digest& digest) const;

 private:
  friend class S3Writer;
  struct Call {
    net::Method method = net::Method::kGet;
    std::string key;  ///< empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query = {};
    net::Headers headers = {};
    std::string_view body = {};
  };
  S3Blobs(S3Options options, const Clock& clock, std::unique_ptr<DirectoryBlobs> cache)
      : options_(std::move(options)), clock_(clock), cache_(std::move(cache)) {}

  Result<net::Response> Send(const Call& call);
  Result<net::Response> SendOnce(const Call& call, const std::function<Status(std::string_view)>* sink);
  Result<net::HttpClient> TakeClient();
  void GiveBack(net::HttpClient client);
  /// Errors: kNotFound.
  Result<net::Response> Head(const Digest& digest);
  Status Store(const Digest& digest, int file, std::uint64_t size);
  Status StoreInParts(const std::string& key, int file, std::uint64_t size);
  Result<std::string> StorePart(const std::string& key, const std::string& upload, std::size_t number,
                                std::string_view bytes);
  Status Fetch(const Digest& digest, const std::function<Status(std::string_view)>& sink);
  void NoteNow(const Digest& digest);
  Status TrimCache();

  S3Options options_;
  const Clock& clock_;
  std::unique_ptr<DirectoryBlobs> cache_;
  Mutex clients_mutex_;
  std::vector<net::HttpClient> clients_ MW_GUARDED_BY(clients_mutex_);
  Mutex naming_;  ///< held to look at a blob's time and to change it or to delete by it
  std::map<Digest, Timestamp> noted_ MW_GUARDED_BY(naming_);
};

}  // namespace mw::blob
