// Remember: one evaluation for each window of an endpoint's version, and how each endpoint is to be monitored. For use
// inside db.Write and db.Read closures.
// Idempotent: a window's row is replaced whole, so evaluating it again, after late pieces or a kill, is harmless.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "monitoring/detectors.h"
#include "monitoring/settings.h"

namespace mw::monitoring {

struct WindowKey {
  std::string endpoint;
  std::int64_t version = 0;
  Timestamp start{};
  Duration length{};
};

/// `fingerprint`: what the evaluation was made of; the same again need not be evaluated.
Status PutWindow(db::Transaction& transaction, const WindowKey& key, const std::string& fingerprint,
                 const std::string& document);
Status DropWindow(db::Transaction& transaction, const WindowKey& key);
/// Windows of other lengths: they go when another length is chosen.
Status DropOtherLengths(db::Transaction& transaction, const std::string& endpoint, std::int64_t version,
                        Duration length);

/// Of all windows of the version, by start.
Result<std::map<Timestamp, std::string>> Fingerprints(db::Snapshot& snapshot, const std::string& endpoint,
                                                      std::int64_t version);
/// The length of the stored windows; nothing when there are none.
Result<std::optional<Duration>> StoredLength(db::Snapshot& snapshot, const std::string& endpoint, std::int64_t version);
/// The last window that begins before `start`.
Result<std::optional<Evaluation>> WindowBefore(db::Snapshot& snapshot, const std::string& endpoint,
                                               std::int64_t version, Timestamp start);
/// Windows that overlap [from, until), by start.
Result<std::vector<Evaluation>> WindowsBetween(db::Snapshot& snapshot, const std::string& endpoint,
                                               std::int64_t version, Timestamp from, Timestamp until);
/// The defaults where nobody chose. Errors: kDataLoss a document that cannot be read.
Result<Settings> SettingsOf(db::Snapshot& snapshot, const std::string& endpoint);
Status PutSettings(db::Transaction& transaction, const std::string& endpoint, const Settings& settings);
/// Versions of the endpoint that have windows, ascending.
Result<std::vector<std::int64_t>> MonitoredVersions(db::Snapshot& snapshot, const std::string& endpoint);

}  // namespace mw::monitoring
