// Shared memory, two futexes.
#include "serving/backend/worker_mailbox.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace mw::serving {
namespace {

constexpr std::size_t kHeadBytes = 16;
// A frame begins 16 bytes before a multiple of 4096, so that its payload lies at one.
constexpr std::size_t kPage = 4'096;
constexpr std::size_t kHalf = kPage + kMailboxBytes;
constexpr std::size_t kMemoryBytes = 2 * kHalf;
constexpr std::uint32_t kBySocket = 0xffffffff;

using Bell = std::atomic<std::uint32_t>;
static_assert(sizeof(Bell) == 4 && Bell::is_always_lock_free);

/// Where a side writes: its bell first, its frame's head at the end of the page.
char* HalfOf(char* memory, MailboxSide side) { return memory + (side == MailboxSide::kServer ? 0 : kHalf); }
Bell& BellOf(char* half) { return *reinterpret_cast<Bell*>(half); }
MailboxSide Other(MailboxSide side) {
  return side == MailboxSide::kServer ? MailboxSide::kWorker : MailboxSide::kServer;
}

void Ring(Bell& bell) {
  bell.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &bell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace

Result<FileDescriptor> WorkerMailbox::MakeMemory() {
  FileDescriptor memory(memfd_create("mw-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const bool made = memory.valid() && ftruncate(memory.get(), kMemoryBytes) == 0 &&
                    fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  if (!made) return ErrnoError(errno, "making memory to share with a worker");
  return memory;
}

Result<WorkerMailbox> WorkerMailbox::Open(int memory, MailboxSide side) {
  struct stat found {};
  if (fstat(memory, &found) != 0) return ErrnoError(errno, "looking at the memory shared with a worker");
  if (found.st_size != static_cast<off_t>(kMemoryBytes)) return InvalidArgument("the shared memory has another size");
  void* mapped = mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) return ErrnoError(errno, "mapping the memory shared with a worker");
  return WorkerMailbox(static_cast<char*>(mapped), side);
}

WorkerMailbox::WorkerMailbox(WorkerMailbox&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), side_(other.side_), heard_(other.heard_) {}

WorkerMailbox& WorkerMailbox::operator=(WorkerMailbox&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(side_, other.side_);
  std::swap(heard_, other.heard_);
  return *this;
}

WorkerMailbox::~WorkerMailbox() {
  if (memory_ != nullptr) munmap(memory_, kMemoryBytes);
}

bool WorkerMailbox::Post(std::string_view head, std::span<const std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  if (size > kMailboxBytes) return false;
  char* const half = HalfOf(memory_, side_);
  std::memcpy(half + kPage - kHeadBytes, head.data(), kHeadBytes);
  char* at = half + kPage;
  for (const std::string_view piece : pieces) at = std::copy(piece.begin(), piece.end(), at);
  Ring(BellOf(half));
  return true;
}

void WorkerMailbox::PostBySocket() {
  char* const half = HalfOf(memory_, side_);
  std::memcpy(half + kPage - kHeadBytes, &kBySocket, sizeof kBySocket);
  Ring(BellOf(half));
}

bool WorkerMailbox::Await(Duration slice) {
  Bell& bell = BellOf(HalfOf(memory_, Other(side_)));
  if (bell.load(std::memory_order_acquire) == heard_) {
    const timespec wait{static_cast<std::time_t>(slice.count() / 1'000'000), slice.count() % 1'000'000 * 1'000};
    syscall(SYS_futex, &bell, FUTEX_WAIT, heard_, slice == Duration::max() ? nullptr : &wait, nullptr, 0);
  }
  const std::uint32_t now = bell.load(std::memory_order_acquire);
  return std::exchange(heard_, now) != now;
}

Result<std::string_view> WorkerMailbox::Take(std::vector<char>& copy) {
  const char* const frame = HalfOf(memory_, Other(side_)) + kPage - kHeadBytes;
  char head[kHeadBytes];
  std::memcpy(head, frame, kHeadBytes);
  std::uint32_t size = 0;
  std::memcpy(&size, head, sizeof size);
  if (size == kBySocket) return std::string_view();
  if (size > kMailboxBytes) return DataLoss("the other side posted a frame of ", size, " bytes");
  if (side_ == MailboxSide::kWorker) return std::string_view(frame, kHeadBytes + size);
  copy.resize(std::max(copy.size(), kHeadBytes + size));
  std::memcpy(copy.data(), head, kHeadBytes);
  std::memcpy(copy.data() + kHeadBytes, frame + kHeadBytes, size);
  return std::string_view(copy.data(), kHeadBytes + size);
}

}  // namespace mw::serving
