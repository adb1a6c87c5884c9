// What the registry tells of each change, in the transaction that makes it, so that a change and the word of it are
// kept or lost together. The words are those of MLflow's webhooks. Plain values and one question, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "db/database.h"
#include "registry/model.h"

namespace mw::registry {

struct Event {
  std::string entity;  ///< "registered_model", "model_version", "model_version_tag", "model_version_alias"; of prompts:
                       ///< "prompt", "prompt_version", "prompt_tag", "prompt_version_tag", "prompt_alias"
  std::string action;  ///< "created", "set", "deleted"
  Json data;           ///< {"name", ...}
};

/// Who wants to know. Any thread; outlives the registry.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// Inside the transaction of the change; an error undoes it.
  virtual Status Record(db::Transaction& transaction, const Event& event) = 0;
  /// Soon after the change is durable; blocks nobody.
  virtual void Notice() = 0;
};

/// Who uses versions. Any thread; outlives the registry.
class VersionUse {
 public:
  virtual ~VersionUse() = default;
  /// What answers with this version (0: with any of the model), in words for people: endpoint "churn"; empty: nothing.
  virtual Result<std::string> Of(db::Snapshot& snapshot, const ModelName& name, std::int64_t version) = 0;
};

}  // namespace mw::registry
