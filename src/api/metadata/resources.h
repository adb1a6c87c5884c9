// Resources of the metadata API as JSON, and back: names of lineage on one side, those of the protocol on the other.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "lineage/graph.h"

namespace mw::api::metadata {

/// The one store there is.
inline constexpr std::string_view kStore = "projects/default/locations/local/metadataStores/default";

/// "projects/.../artifacts/ID"
std::string ArtifactName(const lineage::ArtifactId& id);
std::string ExecutionName(const lineage::ExecutionId& id);
std::string ContextName(const lineage::ContextId& id);
/// The last part of a resource's name.
std::string IdOf(std::string_view name);

Json ToJson(const lineage::Artifact& artifact);
Json ToJson(const lineage::Execution& execution);
Json ToJson(const lineage::Context& context);
Json ToJson(const lineage::Event& event);
/// {"artifacts": [...], "executions": [...], "events": [...]}; without events what is empty.
Json ToJson(const lineage::Graph& graph);

/// Sets what the body says and leaves the rest: fields of that name are in `mask`, or `mask` is empty.
/// Errors: kInvalidArgument names the field.
Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Artifact& artifact);
Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Execution& execution);
Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Context& context);
/// Of a body {"events": [{"artifact", "type", "labels": {"port"}}]}. Errors: kInvalidArgument.
Result<std::vector<lineage::Event>> EventsOf(const Json& body);

/// The type that the body's schemaTitle says. Errors: kInvalidArgument a title without a namespace.
Result<std::string> TypeOf(const Json& body, std::string_view noun);

}  // namespace mw::api::metadata
