// A home in one file, and back. The archive is a plain tar: the database as of one moment, then what its records
// name (artifacts are written before the record that names them, so copying them later misses none), the logs of
// steps, what model servers have not delivered yet, the home's secrets, and last `manifest.json` with the size and
// SHA-256 of every file. Fetched packages, caches and addresses are left out: they are made again.
//
//   backup:   HOME (also while `up` runs) --> FILE.unfinished --fsync, rename--> FILE
//   restore:  FILE --> HOME.restoring-* : every file compared, database checked, paths moved --rename--> HOME
//
// A restored home is whole or absent. Steps that were running when the backup was made count as lost with their
// machine, and are tried again. Blocking; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/config.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::app {

struct BackupReport {
  std::string file;  ///< absolute
  std::int64_t files = 0;
  std::uint64_t bytes = 0;  ///< of the archive
};

struct RestoreReport {
  Timestamp created;  ///< when the backup was made
  std::string from;   ///< the home it was made of
  std::int64_t files = 0;
  std::uint64_t bytes = 0;
  std::int64_t open_steps = 0;   ///< that were running
  std::int64_t deployments = 0;  ///< endpoints whose packages were found whole
};

/// Writes the archive (0600: it holds the home's tokens), and notes in the home when.
/// Errors: kNotFound no home there; kAlreadyExists the file; kUnimplemented the database is not in the home;
/// kResourceExhausted the disk is full; kDataLoss an artifact has other bytes than its name says.
Result<BackupReport> WriteBackup(const Config& config, const std::string& file, const Clock& clock);

/// Makes `home`, which must be absent or empty, out of the archive. Notes in the home it was made of, when that is
/// on this machine, that a restore was tested. Errors: kFailedPrecondition the home is not empty, or the archive is
/// of a newer version; kDataLoss the archive is damaged, with what is wrong; kResourceExhausted.
Result<RestoreReport> RestoreBackup(const std::string& file, const std::string& home, const Clock& clock);

/// The same into a directory beside the archive that is removed again: proof that it could be restored.
Result<RestoreReport> CheckBackup(const std::string& file, const Clock& clock);

/// What a home knows of its backups.
struct BackupNotes {
  std::optional<Timestamp> last;  ///< the newest backup
  std::string file;
  std::optional<Timestamp> restore_tested;
};
/// Empty when there is no note.
BackupNotes ReadBackupNotes(const std::string& home);

}  // namespace mw::app
