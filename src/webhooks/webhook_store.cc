// SQL of webhooks. Their events are one text: "model_version.created model_version_tag.set".
#include "webhooks/webhook_store.h"

#include "base/text.h"

namespace mw::webhooks::store {
namespace {

constexpr std::string_view kWebhookColumns =
    "webhook_id, name, description, url, events, active, secret, created_at, updated_at";

std::string EventsText(const Webhook& webhook) {
  std::string text;
  for (const EventKind& event : webhook.events) CatTo(text, text.empty() ? "" : " ", event.text());
  return text;
}

Webhook WebhookOf(const db::Row& row) {
  Webhook webhook;
  webhook.id = row.Text(0);
  webhook.name = row.Text(1);
  webhook.description = row.Text(2);
  webhook.url = row.Text(3);
  for (const std::string_view event : Split(row.Text(4), ' ')) webhook.events.push_back(EventKindOf(event));
  webhook.active = row.Int(5) != 0;
  webhook.sealed_secret = row.Blob(6);
  webhook.created = FromMicros(row.Int(7));
  webhook.updated = FromMicros(row.Int(8));
  return webhook;
}

}  // namespace

Status InsertWebhook(db::Transaction& transaction, const Webhook& webhook) {
  TRY(transaction.Execute(
      "INSERT INTO webhooks (webhook_id, name, description, url, events, active, secret, created_at, updated_at,"
      " last_number, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
      {webhook.id, webhook.name, webhook.description, webhook.url, EventsText(webhook), std::int64_t{webhook.active},
       db::Bytes{webhook.sealed_secret}, ToMicros(webhook.created), ToMicros(webhook.updated)}));
  return Ok();
}

Result<std::optional<Webhook>> FindWebhook(db::Snapshot& snapshot, const std::string& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kWebhookColumns, " FROM webhooks WHERE webhook_id = ?"), {id}));
  if (rows.empty()) return std::optional<Webhook>();
  return std::optional(WebhookOf(rows[0]));
}

Result<std::vector<Webhook>> FindWebhooks(db::Snapshot& snapshot, const std::string& after, std::int64_t limit) {
  db::Values values;
  if (!after.empty()) values.emplace_back(after);
  values.emplace_back(limit);
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kWebhookColumns, " FROM webhooks", after.empty() ? "" : " WHERE webhook_id < ?",
                             " ORDER BY webhook_id DESC LIMIT ?"),
                         values));
  std::vector<Webhook> webhooks;
  for (const db::Row& row : rows) webhooks.push_back(WebhookOf(row));
  return webhooks;
}

Result<std::int64_t> CountWebhooks(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query("SELECT count(*) FROM webhooks"));
  return rows[0].Int(0);
}

Status UpdateWebhook(db::Transaction& transaction, const Webhook& webhook) {
  TRY(transaction.Execute(
      "UPDATE webhooks SET name = ?, description = ?, url = ?, events = ?, active = ?, secret = ?,"
      " updated_at = ? WHERE webhook_id = ?",
      {webhook.name, webhook.description, webhook.url, EventsText(webhook), std::int64_t{webhook.active},
       db::Bytes{webhook.sealed_secret}, ToMicros(webhook.updated), webhook.id}));
  return Ok();
}

Status DeleteWebhook(db::Transaction& transaction, const std::string& id) {
  TRY(transaction.Execute("DELETE FROM webhook_deliveries WHERE webhook_id = ?", {id}));
  TRY(transaction.Execute("DELETE FROM webhooks WHERE webhook_id = ?", {id}));
  return Ok();
}

Result<std::vector<std::string>> Listeners(db::Snapshot& snapshot, const EventKind& event) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT webhook_id, events FROM webhooks WHERE active = 1 ORDER BY webhook_id"));
  std::vector<std::string> listeners;
  const std::string wanted = event.text();
  for (const db::Row& row : rows) {
    for (const std::string_view one : Split(row.Text(1), ' ')) {
      if (one == wanted) listeners.push_back(row.Text(0));
    }
  }
  return listeners;
}

}  // namespace mw::webhooks::store
