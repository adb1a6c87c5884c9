// A file system for SQLite that fails on demand and counts flushes: for tests of the SQLite driver. While it
// lives, every connection that is opened goes through it to the real one.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <limits>

#include "base/assert.h"

namespace mw::db {

class FaultyVfs {
 public:
  FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    MW_ASSERT(current_ == nullptr);
    current_ = this;
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = Open;
    MW_ASSERT(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  ~FaultyVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
    current_ = nullptr;
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  /// After `operations` more writes and flushes each of them answers `code`, until Mend.
  void FailAfter(int operations, int code) {
    code_ = code;
    left_ = operations;
  }
  void Mend() { left_ = std::numeric_limits<int>::max(); }
  [[nodiscard]] bool failed() const { return left_ <= 0; }
  [[nodiscard]] int flushes() const { return flushes_; }

 private:
  // The real file's state follows this in memory.
  struct File {
    sqlite3_file base;
    sqlite3_file* real;
  };
  static sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

  int Operate() {
    if (left_ == std::numeric_limits<int>::max()) return SQLITE_OK;
    return left_-- > 0 ? SQLITE_OK : code_.load();
  }

  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* own = reinterpret_cast<File*>(file);
    own->real = reinterpret_cast<sqlite3_file*>(own + 1);
    const int code = current_->real_->xOpen(current_->real_, name, own->real, flags, out_flags);
    own->base.pMethods = own->real->pMethods == nullptr ? nullptr : &kMethods;
    return code;
  }
  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    if (const int code = current_->Operate(); code != SQLITE_OK) return code;
    return Real(file)->pMethods->xWrite(Real(file), data, size, offset);
  }
  static int Sync(sqlite3_file* file, int flags) {
    ++current_->flushes_;
    if (const int code = current_->Operate(); code != SQLITE_OK) return code;
    return Real(file)->pMethods->xSync(Real(file), flags);
  }

  // The rest goes straight to the real file.
  static int Close(sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); }
  static int Read(sqlite3_file* f, void* d, int n, sqlite3_int64 at) {
    return Real(f)->pMethods->xRead(Real(f), d, n, at);
  }
  static int Truncate(sqlite3_file* f, sqlite3_int64 n) { return Real(f)->pMethods->xTruncate(Real(f), n); }
  static int FileSize(sqlite3_file* f, sqlite3_int64* n) { return Real(f)->pMethods->xFileSize(Real(f), n); }
  static int Lock(sqlite3_file* f, int kind) { return Real(f)->pMethods->xLock(Real(f), kind); }
  static int Unlock(sqlite3_file* f, int kind) { return Real(f)->pMethods->xUnlock(Real(f), kind); }
  static int CheckReserved(sqlite3_file* f, int* out) { return Real(f)->pMethods->xCheckReservedLock(Real(f), out); }
  static int Control(sqlite3_file* f, int op, void* arg) { return Real(f)->pMethods->xFileControl(Real(f), op, arg); }
  static int SectorSize(sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); }
  static int Device(sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); }
  static int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
  }
  static int ShmLock(sqlite3_file* f, int at, int n, int flags) {
    return Real(f)->pMethods->xShmLock(Real(f), at, n, flags);
  }
  static void ShmBarrier(sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); }
  static int ShmUnmap(sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); }

  static constexpr sqlite3_io_methods kMethods = {
      2,       Close,      Read,   Write,  Truncate, Sync,       FileSize, Lock,    Unlock, CheckReserved,
      Control, SectorSize, Device, ShmMap, ShmLock,  ShmBarrier, ShmUnmap, nullptr, nullptr};
  inline static FaultyVfs* current_ = nullptr;

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::atomic<int> code_{SQLITE_OK};
  std::atomic<int> left_{std::numeric_limits<int>::max()};
  std::atomic<int> flushes_{0};
};

}  // namespace mw::db
