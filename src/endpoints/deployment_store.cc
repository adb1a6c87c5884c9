// Remember: the append-only tables.
#include "endpoints/deployment_store.h"

#include <algorithm>

namespace mw::endpoints {
namespace {

constexpr std::string_view kColumns =
    "generation, endpoint, model, version, package, cause, requested_by, idempotency_key, created, ready_at, "
    "sharing";

std::string SharingText(const Deployment& deployment) {
  Json sharing = Json::MakeObject();
  wire::PutTraffic(deployment.traffic, sharing);
  wire::PutSettings(deployment.settings, sharing);
  if (deployment.removed) sharing["removed"] = true;
  return sharing.AsObject().empty() ? "" : sharing.Dump();
}

Status TakeSharing(std::string_view text, Deployment& out) {
  if (text.empty()) return Ok();
  const Json sharing = TRY(Json::Parse(text));
  out.traffic = TRY(wire::ParseTraffic(sharing));
  out.settings = TRY(wire::ParseSettings(sharing));
  out.removed = sharing.BoolOr("removed", false);
  return Ok();
}

Result<Deployment> FromRow(const db::Row& row) {
  Deployment out;
  out.generation = row.Int(0);
  out.endpoint = row.Text(1);
  out.model = row.Text(2);
  out.version = row.Int(3);
  out.package = row.Text(4);
  out.cause = row.Text(5);
  out.requested_by = row.Text(6);
  out.idempotency_key = row.Text(7);
  out.created = FromMicros(row.Int(8));
  if (!row.IsNull(9)) out.ready = FromMicros(row.Int(9));
  TRY(TakeSharing(row.Text(10), out).In(Cat("deployment ", out.generation)));
  return out;
}

Result<std::vector<Deployment>> FromRows(const db::Rows& rows) {
  std::vector<Deployment> out;
  out.reserve(rows.size());
  for (const db::Row& row : rows) out.push_back(TRY(FromRow(row)));
  return out;
}

constexpr std::string_view kAdmissionColumns = "generation, rules, requested_by, idempotency_key, created";

Result<Admission> AdmissionFromRow(const db::Row& row) {
  Admission out;
  out.generation = row.Int(0);
  const Json rules = TRY(Json::Parse(row.Text(1)));
  out.rules = TRY(wire::ParseAdmission(&rules));
  out.requested_by = row.Text(2);
  out.idempotency_key = row.Text(3);
  out.created = FromMicros(row.Int(4));
  return out;
}

Result<std::int64_t> NextGeneration(db::Transaction& transaction) {
  const db::Rows deployments = TRY(transaction.Query("SELECT COALESCE(MAX(generation), 0) FROM deployment"));
  const db::Rows admissions = TRY(transaction.Query("SELECT COALESCE(MAX(generation), 0) FROM admission"));
  return std::max(deployments[0].Int(0), admissions[0].Int(0)) + 1;
}

}  // namespace

Result<std::optional<Deployment>> FindByKey(db::Snapshot& snapshot, const std::string& idempotency_key) {
  const db::Rows known =
      TRY(snapshot.Query(Cat("SELECT ", kColumns, " FROM deployment WHERE idempotency_key = ?"), {idempotency_key}));
  if (known.empty()) return std::optional<Deployment>();
  return std::optional<Deployment>(TRY(FromRow(known[0])));
}

Result<Deployment> Append(db::Transaction& transaction, Deployment deployment) {
  deployment.generation = TRY(NextGeneration(transaction));
  TRY(transaction.Execute(Cat("INSERT INTO deployment (", kColumns, ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)"),
                          {deployment.generation, deployment.endpoint, deployment.model, deployment.version,
                           deployment.package, deployment.cause, deployment.requested_by, deployment.idempotency_key,
                           ToMicros(deployment.created), SharingText(deployment)}));
  return deployment;
}

Result<std::optional<Admission>> FindAdmissionByKey(db::Snapshot& snapshot, const std::string& idempotency_key) {
  const db::Rows known = TRY(snapshot.Query(
      Cat("SELECT ", kAdmissionColumns, " FROM admission WHERE idempotency_key = ?"), {idempotency_key}));
  if (known.empty()) return std::optional<Admission>();
  return std::optional<Admission>(TRY(AdmissionFromRow(known[0])));
}

Result<Admission> Append(db::Transaction& transaction, Admission admission) {
  admission.generation = TRY(NextGeneration(transaction));
  TRY(transaction.Execute(Cat("INSERT INTO admission (", kAdmissionColumns, ") VALUES (?, ?, ?, ?, ?)"),
                          {admission.generation, wire::ToJson(admission.rules).Dump(), admission.requested_by,
                           admission.idempotency_key, ToMicros(admission.created)}));
  return admission;
}

Result<std::vector<Admission>> AdmissionsSince(db::Snapshot& snapshot, Timestamp since, int limit) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kAdmissionColumns, " FROM admission WHERE created >= ? ORDER BY generation DESC LIMIT ?"),
      {ToMicros(since), std::int64_t{limit}}));
  std::vector<Admission> admissions;
  for (const db::Row& row : rows) admissions.push_back(TRY(AdmissionFromRow(row)));
  return admissions;
}

Result<Admission> NewestAdmission(db::Snapshot& snapshot) {
  const db::Rows newest =
      TRY(snapshot.Query(Cat("SELECT ", kAdmissionColumns, " FROM admission ORDER BY generation DESC LIMIT 1")));
  if (newest.empty()) return Admission();
  return AdmissionFromRow(newest[0]);
}

Status MarkReady(db::Transaction& transaction, std::int64_t generation, Timestamp at) {
  TRY(transaction.Execute("UPDATE deployment SET ready_at = ? WHERE generation = ? AND ready_at IS NULL",
                          {ToMicros(at), generation}));
  return Ok();
}

Result<std::vector<Deployment>> History(db::Snapshot& snapshot, const std::string& endpoint, int limit) {
  return FromRows(TRY(
      snapshot.Query(Cat("SELECT ", kColumns, " FROM deployment WHERE endpoint = ? ORDER BY generation DESC LIMIT ?"),
                     {endpoint, std::int64_t{limit}})));
}

Result<std::vector<Deployment>> ChangedSince(db::Snapshot& snapshot, Timestamp since, int limit) {
  return FromRows(TRY(snapshot.Query(
      Cat("SELECT ", kColumns, " FROM deployment WHERE created >= ? OR ready_at >= ? ORDER BY generation DESC LIMIT ?"),
      {ToMicros(since), ToMicros(since), std::int64_t{limit}})));
}

Result<std::vector<Deployment>> Current(db::Snapshot& snapshot) {
  return FromRows(
      TRY(snapshot.Query(Cat("SELECT ", kColumns, " FROM deployment WHERE generation IN ",
                             "(SELECT MAX(generation) FROM deployment GROUP BY endpoint) ORDER BY endpoint"))));
}

}  // namespace mw::endpoints
