// SQL of webhooks. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "webhooks/webhook.h"

namespace mw::webhooks::store {

Status InsertWebhook(db::Transaction& transaction, const Webhook& webhook);
Result<std::optional<Webhook>> FindWebhook(db::Snapshot& snapshot, const std::string& id);
/// Newest first, behind `after` (an id; empty: from the newest on).
Result<std::vector<Webhook>> FindWebhooks(db::Snapshot& snapshot, const std::string& after, std::int64_t limit);
Result<std::int64_t> CountWebhooks(db::Snapshot& snapshot);
Status UpdateWebhook(db::Transaction& transaction, const Webhook& webhook);
/// With its deliveries.
Status DeleteWebhook(db::Transaction& transaction, const std::string& id);
/// Ids of the active webhooks that want to be told, oldest first.
Result<std::vector<std::string>> Listeners(db::Snapshot& snapshot, const EventKind& event);

}  // namespace mw::webhooks::store
