// Files that wait for delivery.
#include "serving/window_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "wire/window_record.h"

namespace mw::serving {
namespace {

constexpr std::string_view kSuffix = ".pieces";
constexpr std::string_view kUnfinished = ".unfinished";

Status WriteWhole(const std::string& path, std::string_view bytes) {
  const std::string unfinished = Cat(path, kUnfinished);
  const FileDescriptor file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoError(errno, Cat("making ", unfinished));
  const Status written = WriteAll(file.get(), bytes, unfinished);
  if (written.ok() && rename(unfinished.c_str(), path.c_str()) == 0) return Ok();
  const int error = errno;
  unlink(unfinished.c_str());
  return written.ok() ? Status(ErrnoError(error, Cat("renaming ", unfinished))) : written;
}

}  // namespace

Result<std::unique_ptr<WindowSpool>> WindowSpool::Open(std::string directory, std::uint64_t bytes_max) {
  TRY(MakeDirectories(directory, 0700));
  std::unique_ptr<WindowSpool> spool(new WindowSpool(std::move(directory), bytes_max));
  TRY(spool->TakeUp());
  return spool;
}

Status WindowSpool::TakeUp() {
  const Lock lock(mutex_);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kUnfinished)) unlink(entry.path().c_str());
    if (!name.ends_with(kSuffix)) continue;
    std::error_code gone;
    const std::uintmax_t bytes = entry.file_size(gone);
    if (gone) continue;
    files_.push_back({name.substr(0, name.size() - kSuffix.size()), bytes});
    bytes_ += bytes;
  }
  if (error) return ErrnoError(error.value(), Cat("reading ", directory_));
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.name < b.name; });
  return Ok();
}

bool WindowSpool::HasRoom(std::size_t bytes) const {
  const Lock lock(mutex_);
  return bytes_ + bytes <= bytes_max_;
}

Status WindowSpool::Add(const std::string& name, std::string_view frame) {
  if (!HasRoom(frame.size())) {
    return ResourceExhausted("the spool ", directory_, " holds ", bytes(), " bytes, at most ", bytes_max_);
  }
  TRY(WriteWhole(PathOf(name) + std::string(kSuffix), frame));
  const Lock lock(mutex_);
  files_.push_back({name, frame.size()});
  bytes_ += frame.size();
  return Ok();
}

std::vector<std::string> WindowSpool::Oldest(std::uint64_t bytes_max) const {
  const Lock lock(mutex_);
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
  for (const File& file : files_) {
    bytes += file.bytes;
    if (!names.empty() && bytes > bytes_max) break;
    names.push_back(file.name);
  }
  return names;
}

Result<std::string> WindowSpool::Read(const std::string& name) const {
  return ReadFile(PathOf(name) + std::string(kSuffix), wire::kFrameBytesMax);
}

void WindowSpool::Remove(const std::string& name) {
  unlink((PathOf(name) + std::string(kSuffix)).c_str());
  const Lock lock(mutex_);
  const auto file = std::find_if(files_.begin(), files_.end(), [&](const File& f) { return f.name == name; });
  if (file == files_.end()) return;
  bytes_ -= file->bytes;
  files_.erase(file);
}

std::uint64_t WindowSpool::bytes() const {
  const Lock lock(mutex_);
  return bytes_;
}

}  // namespace mw::serving
