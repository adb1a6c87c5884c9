// The events of the registry's changes, in the words of MLflow's webhooks. Pure, any thread.
#pragma once

#include "registry/event.h"

namespace mw::registry {

Event ModelCreated(const NewModel& model);
Event VersionCreated(const ModelVersion& version);
/// `value` null: the tag was deleted.
Event VersionTagChanged(const ModelVersion& version, const std::string& key, const std::string* value);
/// Of models only prompts' tags are told.
Event PromptTagChanged(const ModelName& name, const std::string& key, const std::string* value);
/// `change.version` 0: it was removed.
Event AliasChanged(const ModelName& name, const AliasChange& change);
/// The same event of a model that is a prompt.
Event OfPrompt(Event event);

}  // namespace mw::registry
