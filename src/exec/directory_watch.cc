// inotify on attempt directories: see the header.
#include "exec/directory_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "exec/attempt_files.h"

namespace mw::exec {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR;

// A closed lock is a shim that ended, or one that found another at work.
bool TellsOfChange(const inotify_event& event) {
  const std::string_view name = event.len > 0 ? event.name : "";
  return ((event.mask & IN_CREATE) != 0 && name == kStartedFile) ||
         ((event.mask & IN_MOVED_TO) != 0 && name == kExitFile) ||
         ((event.mask & IN_CLOSE_WRITE) != 0 && name == kLockFile) || (event.mask & IN_Q_OVERFLOW) != 0;
}

}  // namespace

Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::Start() {
  FileDescriptor inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  FileDescriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!inotify.valid() || !stop.valid()) {
    return ResourceExhausted("cannot watch for the end of steps: ", std::strerror(errno),
                             "; raise fs.inotify.max_user_instances or the limit on open files");
  }
  return std::unique_ptr<DirectoryWatch>(new DirectoryWatch(std::move(inotify), std::move(stop)));
}

DirectoryWatch::DirectoryWatch(FileDescriptor inotify, FileDescriptor stop)
    : inotify_(std::move(inotify)), stop_(std::move(stop)), thread_([this] { Run(); }) {}

DirectoryWatch::~DirectoryWatch() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

Result<bool> DirectoryWatch::Add(const std::string& directory) {
  const Lock lock(mutex_);
  if (watches_.contains(directory)) return false;
  const int watch = inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
  if (watch < 0 && errno == ENOSPC) {
    return ResourceExhausted("cannot watch ", directory, ": ", watches_.size(),
                             " attempts are watched; raise fs.inotify.max_user_watches");
  }
  if (watch < 0) return ErrnoError(errno, Cat("watching ", directory));
  watches_[directory] = watch;
  directories_[watch] = directory;
  return true;
}

void DirectoryWatch::OnChange(std::function<void()> wake) {
  const Lock lock(wake_mutex_);
  wake_ = std::move(wake);
}

void DirectoryWatch::Run() {
  pollfd sources[] = {{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (sources[1].revents == 0) {
    if (poll(sources, 2, -1) < 0) continue;
    if (sources[0].revents == 0 || !TakeEvents()) continue;
    const Lock lock(wake_mutex_);
    if (wake_) wake_();
  }
}

// Whether one of the events says that an attempt has changed.
bool DirectoryWatch::TakeEvents() {
  alignas(inotify_event) char buffer[16 << 10];
  const ssize_t size = read(inotify_.get(), buffer, sizeof buffer);
  bool changed = false;
  for (ssize_t at = 0; at < size;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(buffer + at);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event.len);
    changed = TellsOfChange(event) || changed;
    if ((event.mask & IN_IGNORED) != 0) Forget(event.wd);
  }
  return changed;
}

void DirectoryWatch::Remove(const std::string& directory) {
  const Lock lock(mutex_);
  const auto found = watches_.find(directory);
  if (found == watches_.end()) return;
  inotify_rm_watch(inotify_.get(), found->second);
  directories_.erase(found->second);
  watches_.erase(found);
}

// The kernel dropped the watch: the directory is gone.
void DirectoryWatch::Forget(int watch) {
  const Lock lock(mutex_);
  const auto found = directories_.find(watch);
  if (found == directories_.end()) return;
  watches_.erase(found->second);
  directories_.erase(found);
}

}  // namespace mw::exec
