// Blobs between peers and the store, piece by piece, for every protocol that carries files. The bytes that wait are a
// piece on their way in and two on their way out whatever the blob's size, and what waits for a disk or a far store
// (also the fsync that ends an upload) does so on `workers`, never on the server's loop.
//
// Bytes that somebody uploaded are never a page: they are sent as an attachment of no type, with a policy under which
// a browser runs nothing of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/task.h"
#include "blob/blob_store.h"
#include "net/route.h"

namespace mw::api {

/// Both outlive the routes that they were given to.
struct BlobDoor {
  blob::BlobStore& blobs;
  Executor& workers;
};

struct StoredBlob {
  blob::Digest digest;
  std::uint64_t size = 0;
};

/// The request's body as a blob, durable. Errors: kInvalidArgument when a digest that the peer gave (Content-Digest or
/// Repr-Digest, RFC 9530, sha-256) is another one; those of Request::Read and of the store.
Task<Result<StoredBlob>> ReceiveBlob(BlobDoor door, net::Request& request);

/// ETag and Repr-Digest: how the peer knows that it has the whole, and the same when it goes on later.
net::Headers DigestHeaders(const blob::Digest& digest);

/// Answers GET and HEAD with the blob: Range with If-Range (206, 416), If-None-Match (304). `name` is what a browser
/// would store it as. An error before the first byte is answered by `refuse`; after it all that is possible is to
/// end the connection early.
Task<void> SendBlob(BlobDoor door, StoredBlob blob, std::string name, net::Request& request, net::Responder& responder,
                    std::function<net::Response(const Error&)> refuse);

}  // namespace mw::api
