// Remember: the append-only tables of deployments and of rules of admission, numbered together. For use inside db.Write
// and db.Read closures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "endpoints/admission.h"
#include "endpoints/deployment.h"

namespace mw::endpoints {

/// The one with that idempotency key, if there is one.
Result<std::optional<Deployment>> FindByKey(db::Snapshot& snapshot, const std::string& idempotency_key);
/// Appends with the next generation and returns it as written. Its idempotency key must be new.
Result<Deployment> Append(db::Transaction& transaction, Deployment deployment);
/// The same of rules of admission.
Result<std::optional<Admission>> FindAdmissionByKey(db::Snapshot& snapshot, const std::string& idempotency_key);
Result<Admission> Append(db::Transaction& transaction, Admission admission);
/// Generation 0 when there never were any.
Result<Admission> NewestAdmission(db::Snapshot& snapshot);
/// Sets ready_at where it is not set yet.
Status MarkReady(db::Transaction& transaction, std::int64_t generation, Timestamp at);
/// The endpoint's deployments, newest first, at most `limit`.
Result<std::vector<Deployment>> History(db::Snapshot& snapshot, const std::string& endpoint, int limit);
/// Those that were made or became ready since then, newest first, at most `limit`.
Result<std::vector<Deployment>> ChangedSince(db::Snapshot& snapshot, Timestamp since, int limit);
/// The same of rules of admission.
Result<std::vector<Admission>> AdmissionsSince(db::Snapshot& snapshot, Timestamp since, int limit);
/// The newest deployment of every endpoint, removed ones too, by name.
Result<std::vector<Deployment>> Current(db::Snapshot& snapshot);

}  // namespace mw::endpoints
