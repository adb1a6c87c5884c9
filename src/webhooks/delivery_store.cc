// SQL of deliveries.
#include "webhooks/delivery_store.h"

#include "base/text.h"

namespace mw::webhooks::store {
namespace {

Delivery DeliveryOf(const db::Row& row) {
  Delivery delivery;
  delivery.webhook = row.Text(0);
  delivery.number = row.Int(1);
  delivery.id = row.Text(2);
  delivery.event = EventKindOf(row.Text(3));
  delivery.happened = FromMicros(row.Int(4));
  delivery.queued = FromMicros(row.Int(5));
  delivery.status = ParseDeliveryStatus(row.Text(6));
  delivery.due = FromMicros(row.Int(7));
  delivery.attempts = row.Int(8);
  if (!row.IsNull(9)) delivery.tried = FromMicros(row.Int(9));
  delivery.answer_code = static_cast<int>(row.Int(10));
  delivery.error = row.Text(11);
  if (row.size() > 12) delivery.body = row.Text(12);
  return delivery;
}

constexpr std::string_view kDeliveryColumns =
    "webhook_id, number, delivery_id, event, happened_at, queued_at, status, due_at, attempts, tried_at, answer_code,"
    " error";

db::Value TimeOrNull(const std::optional<Timestamp>& at) { return at ? db::Value(ToMicros(*at)) : db::Value(nullptr); }

}  // namespace

Result<std::int64_t> NextNumber(db::Transaction& transaction, const std::string& webhook) {
  const db::Rows rows = TRY(transaction.Query(
      "UPDATE webhooks SET last_number = last_number + 1 WHERE webhook_id = ? RETURNING last_number", {webhook}));
  return rows[0].Int(0);
}

Result<std::int64_t> AddWaiting(db::Transaction& transaction, const std::string& webhook, std::int64_t by) {
  const db::Rows rows = TRY(transaction.Query(
      "UPDATE webhooks SET waiting = waiting + ? WHERE webhook_id = ? RETURNING waiting", {by, webhook}));
  return rows[0].Int(0);
}

Status InsertDelivery(db::Transaction& transaction, const Delivery& delivery) {
  TRY(transaction.Execute(
      "INSERT INTO webhook_deliveries (webhook_id, number, delivery_id, event, body, happened_at, queued_at, status,"
      " due_at, attempts, tried_at, answer_code, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {delivery.webhook, delivery.number, delivery.id, delivery.event.text(), delivery.body,
       ToMicros(delivery.happened), ToMicros(delivery.queued), std::string(DeliveryStatusName(delivery.status)),
       ToMicros(delivery.due), delivery.attempts, TimeOrNull(delivery.tried), std::int64_t{delivery.answer_code},
       delivery.error}));
  return Ok();
}

Result<std::vector<Head>> FindHeads(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT d.webhook_id, d.number, d.due_at FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.webhook_id"
      " AND d.number = (SELECT min(number) FROM webhook_deliveries p WHERE p.status = 'pending'"
      " AND p.webhook_id = w.webhook_id) WHERE w.active = 1"));
  std::vector<Head> heads;
  for (const db::Row& row : rows) heads.push_back({row.Text(0), row.Int(1), FromMicros(row.Int(2))});
  return heads;
}

Result<std::optional<Delivery>> FindDelivery(db::Snapshot& snapshot, const std::string& webhook, std::int64_t number) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kDeliveryColumns, ", body FROM webhook_deliveries WHERE webhook_id = ? AND number = ?"),
      {webhook, number}));
  if (rows.empty()) return std::optional<Delivery>();
  return std::optional(DeliveryOf(rows[0]));
}

Result<std::vector<Delivery>> FindDeliveries(db::Snapshot& snapshot, const std::string& webhook, std::int64_t before,
                                             std::int64_t limit) {
  db::Values values = {webhook};
  if (before > 0) values.emplace_back(before);
  values.emplace_back(limit);
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kDeliveryColumns, " FROM webhook_deliveries WHERE webhook_id = ?",
                             before > 0 ? " AND number < ?" : "", " ORDER BY number DESC LIMIT ?"),
                         values));
  std::vector<Delivery> deliveries;
  for (const db::Row& row : rows) deliveries.push_back(DeliveryOf(row));
  return deliveries;
}

Status UpdateDelivery(db::Transaction& transaction, const Delivery& delivery) {
  TRY(transaction.Execute(
      "UPDATE webhook_deliveries SET queued_at = ?, status = ?, due_at = ?, attempts = ?, tried_at = ?,"
      " answer_code = ?, error = ? WHERE webhook_id = ? AND number = ?",
      {ToMicros(delivery.queued), std::string(DeliveryStatusName(delivery.status)), ToMicros(delivery.due),
       delivery.attempts, TimeOrNull(delivery.tried), std::int64_t{delivery.answer_code}, delivery.error,
       delivery.webhook, delivery.number}));
  return Ok();
}

Status ForgetDeliveries(db::Transaction& transaction, const std::string& webhook, std::int64_t up_to) {
  TRY(transaction.Execute("DELETE FROM webhook_deliveries WHERE webhook_id = ? AND number <= ? AND status <> 'pending'",
                          {webhook, up_to}));
  return Ok();
}

}  // namespace mw::webhooks::store
