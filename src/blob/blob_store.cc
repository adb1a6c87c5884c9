// What every blob store does alike: whole blobs and files by way of the streaming calls.
#include "blob/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/text.h"

namespace mw::blob {

bool IsDigest(std::string_view text) {
  if (text.size() != 71 || !text.starts_with(kDigestPrefix)) return false;
  return std::all_of(text.begin() + 7, text.end(),
                     [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'); });
}

Status CheckDigest(const Digest& digest) {
  if (IsDigest(digest)) return Ok();
  return InvalidArgument(Quoted(digest), " is no digest; one is sha256: and 64 lower-case hexadecimal digits");
}

Result<Digest> BlobStore::Put(std::string_view bytes) {
  const std::unique_ptr<Writer> writer = TRY(Create());
  TRY(writer->Append(bytes));
  return writer->Commit();
}

Result<std::string> BlobStore::Get(const Digest& digest, std::size_t limit) {
  const std::uint64_t size = TRY(Size(digest));
  if (size > limit) return ResourceExhausted("blob ", digest, " has ", size, " bytes, more than ", limit);
  std::string out(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t got = TRY(ReadAt(digest, done, std::span(out).subspan(done)));
    if (got == 0) return DataLoss("blob ", digest, " ends after ", done, " of ", size, " bytes");
    done += got;
  }
  return out;
}

Result<Digest> BlobStore::PutFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  return PutOpenFile(file.get());
}

Result<Digest> BlobStore::PutOpenFile(int file) {
  const std::unique_ptr<Writer> writer = TRY(Create());
  std::string buffer(256 << 10, '\0');
  for (;;) {
    const ssize_t got = read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "reading a file into the artifact store");
    if (got == 0) return writer->Commit();
    TRY(writer->Append(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
  }
}

}  // namespace mw::blob
