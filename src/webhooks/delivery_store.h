// SQL of deliveries: the outbox and its log. Functions run inside closures of db::Database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "webhooks/plan.h"
#include "webhooks/webhook.h"

namespace mw::webhooks::store {

/// The number that the webhook's next delivery has.
Result<std::int64_t> NextNumber(db::Transaction& transaction, const std::string& webhook);
/// How many wait in the webhook, after so many more (fewer) do.
Result<std::int64_t> AddWaiting(db::Transaction& transaction, const std::string& webhook, std::int64_t by);
Status InsertDelivery(db::Transaction& transaction, const Delivery& delivery);
/// The first one that waits in each active webhook.
Result<std::vector<Head>> FindHeads(db::Snapshot& snapshot);
Result<std::optional<Delivery>> FindDelivery(db::Snapshot& snapshot, const std::string& webhook, std::int64_t number);
/// Newest first, below the number `before` (0: from the newest on); bodies are left out.
Result<std::vector<Delivery>> FindDeliveries(db::Snapshot& snapshot, const std::string& webhook, std::int64_t before,
                                             std::int64_t limit);
/// What an attempt, or asking for another one, changes of it.
Status UpdateDelivery(db::Transaction& transaction, const Delivery& delivery);
/// Those up to the number, but for what still waits.
Status ForgetDeliveries(db::Transaction& transaction, const std::string& webhook, std::int64_t up_to);

}  // namespace mw::webhooks::store
