// Tells soon after something happened in one of the watched attempt directories: one inotify instance, one thread.
// A shim's death is seen too: its lock file is closed then. Any thread may call; `wake` is called by the thread here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"

namespace mw::exec {

class DirectoryWatch {
 public:
  /// Errors: kResourceExhausted when the user has no inotify instance left.
  static Result<std::unique_ptr<DirectoryWatch>> Start();
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  /// True when it is newly watched: what happened before may have gone unseen. Errors: kNotFound; kResourceExhausted.
  Result<bool> Add(const std::string& directory);
  void Remove(const std::string& directory);
  void OnChange(std::function<void()> wake);

 private:
  DirectoryWatch(FileDescriptor inotify, FileDescriptor stop);
  void Run();
  bool TakeEvents();
  void Forget(int watch);

  FileDescriptor inotify_;
  FileDescriptor stop_;
  Mutex mutex_;
  std::map<std::string, int> watches_ MW_GUARDED_BY(mutex_);
  std::map<int, std::string> directories_ MW_GUARDED_BY(mutex_);
  Mutex wake_mutex_;
  std::function<void()> wake_ MW_GUARDED_BY(wake_mutex_);
  std::thread thread_;
};

}  // namespace mw::exec
