// The registry in MLflow's forms and words: names, tags and versions as requests name them, models and versions as
// answers tell them, and what is said of those that are not there. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/mlflow/parameters.h"
#include "base/json.h"
#include "base/result.h"
#include "registry/model.h"

namespace mw::api::mlflow {

inline constexpr std::size_t kRegistryTagCharactersMax = 100'000;

/// Errors of these: kInvalidArgument in MLflow's words.
Result<registry::ModelName> RequiredModelName(const Parameters& parameters, std::string_view parameter = "name");
Result<std::int64_t> RequiredVersion(const Parameters& parameters);
/// A key and a value of the request itself, or of one entry of its tags.
Result<std::pair<std::string, std::string>> RegistryTag(const Parameters& tag);
Result<registry::Tags> RegistryTags(const Parameters& parameters);
/// `to_set`: reserved names are refused.
Status CheckAlias(std::string_view alias, bool to_set);

Json ModelJson(const registry::Model& model);
Json VersionJson(const registry::ModelVersion& version);
/// The URI that answers name as a version's source.
std::string SourceOfVersion(const registry::ModelVersion& version);

Error NoSuchModel(const registry::ModelName& name);
Error NoSuchVersion(const registry::ModelName& name, std::int64_t version);
/// `words` in the place of a kNotFound; a kFailedPrecondition is the request's fault, which is not worth asking again.
template <typename Outcome>
Outcome Worded(Outcome outcome, const Error& words) {
  if (outcome.ok()) return outcome;
  if (outcome.error().code == Code::kNotFound) return words;
  if (outcome.error().code == Code::kFailedPrecondition) return InvalidArgument(outcome.error().message);
  return outcome;
}

}  // namespace mw::api::mlflow
