// The tables, and how a name is looked up in them.
#include "search/dialect.h"

#include <array>

#include "base/text.h"
#include "search/message.h"

namespace mw::search {
namespace {

constexpr std::array<EntityAlias, 13> kRunEntities = {{{"metric", Entity::kMetric},
                                                       {"metrics", Entity::kMetric},
                                                       {"parameter", Entity::kParameter},
                                                       {"parameters", Entity::kParameter},
                                                       {"param", Entity::kParameter},
                                                       {"params", Entity::kParameter},
                                                       {"tag", Entity::kTag},
                                                       {"tags", Entity::kTag},
                                                       {"attribute", Entity::kAttribute},
                                                       {"attributes", Entity::kAttribute},
                                                       {"attr", Entity::kAttribute},
                                                       {"run", Entity::kAttribute},
                                                       {"dataset", Entity::kDataset}}};
constexpr EntityAlias kDatasets = {"datasets", Entity::kDataset};

constexpr auto kRunAndDatasetEntities = [] {
  std::array<EntityAlias, kRunEntities.size() + 1> all{};
  for (std::size_t i = 0; i < kRunEntities.size(); ++i) all[i] = kRunEntities[i];
  all.back() = kDatasets;
  return all;
}();
constexpr std::string_view kRunEntityNames = "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']";

// The last alias of the runs' entities is the dataset.
constexpr std::span<const EntityAlias> kLoggedModelEntities{kRunEntities.data(), kRunEntities.size() - 1};

constexpr std::array<EntityAlias, 3> kPlainEntities = {
    {{"attribute", Entity::kAttribute}, {"tag", Entity::kTag}, {"tags", Entity::kTag}}};
constexpr std::string_view kPlainEntityNames = "Valid entity types are ('attribute', 'tag', 'tags')";
constexpr std::array<EntityAlias, 4> kExperimentEntities = {{{"attribute", Entity::kAttribute},
                                                             {"attributes", Entity::kAttribute},
                                                             {"tag", Entity::kTag},
                                                             {"tags", Entity::kTag}}};
constexpr std::string_view kExperimentEntityNames = "Valid entity types are ('attribute', 'attributes', 'tag', 'tags')";

constexpr std::array<AttributeKey, 12> kRunAttributes = {{{"run_id", "run_id"},
                                                          {"run_name", "run_name"},
                                                          {"status", "status"},
                                                          {"artifact_uri", "artifact_uri"},
                                                          {"user_id", "user_id"},
                                                          {"start_time", "start_time", true},
                                                          {"end_time", "end_time", true},
                                                          {"created", "start_time", true},
                                                          {"Created", "start_time", true},
                                                          {"run name", "run_name"},
                                                          {"Run name", "run_name"},
                                                          {"Run Name", "run_name"}}};
// Runs are ordered by the same keys but the last three.
constexpr std::span<const AttributeKey> kRunOrderAttributes{kRunAttributes.data(), kRunAttributes.size() - 3};

constexpr std::array<AttributeKey, 4> kExperimentAttributes = {{{"name", "name"},
                                                                {"experiment_id", "experiment_id"},
                                                                {"creation_time", "creation_time", true},
                                                                {"last_update_time", "last_update_time", true}}};

constexpr std::array<AttributeKey, 4> kRegisteredModelAttributes = {
    {{"name", "name"},
     {"creation_timestamp", "creation_timestamp", true},
     {"last_updated_timestamp", "last_updated_timestamp", true},
     {"timestamp", "last_updated_timestamp", true}}};
constexpr std::span<const AttributeKey> kRegisteredModelFilterAttributes{kRegisteredModelAttributes.data(), 1};

constexpr std::array<AttributeKey, 4> kModelVersionAttributes = {{{"name", "name"},
                                                                  {"version_number", "version_number", true},
                                                                  {"run_id", "run_id"},
                                                                  {"source_path", "source_path"}}};
constexpr std::array<AttributeKey, 4> kModelVersionOrderAttributes = {
    {{"name", "name"},
     {"version_number", "version_number", true},
     {"creation_timestamp", "creation_timestamp", true},
     {"last_updated_timestamp", "last_updated_timestamp", true}}};

constexpr std::array<AttributeKey, 9> kLoggedModelAttributes = {
    {{"name", "name"},
     {"model_id", "model_id"},
     {"model_type", "model_type"},
     {"status", "status"},
     {"source_run_id", "source_run_id"},
     {"creation_timestamp", "creation_timestamp", true},
     {"creation_time", "creation_timestamp", true},
     {"last_updated_timestamp", "last_updated_timestamp", true},
     {"last_updated_time", "last_updated_timestamp", true}}};

constexpr std::array<std::string_view, 1> kRunLists = {"run_id"};
constexpr std::array<std::string_view, 1> kExperimentLists = {"experiment_id"};
constexpr std::array<std::string_view, 1> kRegisteredModelLists = {"name"};
constexpr std::array<std::string_view, 2> kModelVersionLists = {"name", "run_id"};

constexpr Comparators kTextAndNullComparators = kTextComparators.With(kNullComparators);
constexpr Comparators kTextAndListComparators = kTextComparators.With(kListComparators);

std::string_view WithoutBackticks(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '`' && text.back() == '`';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

const EntityAlias* FindEntity(std::string_view alias, const Names& names) {
  for (const EntityAlias& each : names.entities) {
    if (each.alias == alias) return &each;
  }
  return nullptr;
}

const AttributeKey* FindAttribute(std::string_view alias, const Names& names) {
  for (const AttributeKey& each : names.attributes) {
    if (each.alias == alias) return &each;
  }
  return nullptr;
}

Result<Name> FindDatasetKey(std::string_view key) {
  if (key == "name" || key == "digest" || key == "context") return Name{Entity::kDataset, key, key, false};
  return InvalidArgument("Invalid dataset key '", Clipped(key),
                         "' specified. Valid keys are '{'name', 'digest', 'context'}'");
}

}  // namespace

constinit const Dialect kRuns = {.names = {kRunAndDatasetEntities, kRunEntityNames, kRunAttributes},
                                 .text = kTextAndListComparators,
                                 .tags = kTextAndNullComparators,
                                 .parameters = kTextAndNullComparators,
                                 .list_keys = kRunLists,
                                 .null_tests = NullTests::kOfTagsAndParameters,
                                 .quotes_clauses = true};

constinit const Dialect kExperiments = {.names = {kExperimentEntities, kExperimentEntityNames, kExperimentAttributes},
                                        .text = kTextComparators,
                                        .tags = kTextAndNullComparators,
                                        .list_keys = kExperimentLists,
                                        .null_tests = NullTests::kOfTags,
                                        .numbers = Numbers::kWhole,
                                        .id_key = "experiment_id",
                                        .names_tag_comparators = true};

constinit const Dialect kRegisteredModels = {
    .names = {kPlainEntities, kPlainEntityNames, kRegisteredModelFilterAttributes},
    .text = kTextComparators,
    .tags = kTextComparators,
    .list_keys = kRegisteredModelLists,
    .null_tests_refused_for = "registered model",
    .names_attribute_comparators = true,
    .names_tag_comparators = true,
    .mentions_lists = true};

constinit const Dialect kModelVersions = {.names = {kPlainEntities, kPlainEntityNames, kModelVersionAttributes},
                                          .text = kTextComparators,
                                          .tags = kTextComparators,
                                          .list_keys = kModelVersionLists,
                                          .null_tests_refused_for = "model version",
                                          .numbers = Numbers::kWholeOrQuoted,
                                          .names_attribute_comparators = true,
                                          .names_tag_comparators = true,
                                          .mentions_lists = true,
                                          .names_numeric_keys = true};

constinit const Dialect kLoggedModels = {.names = {kLoggedModelEntities, kRunEntityNames, kLoggedModelAttributes},
                                         .text = kTextAndListComparators,
                                         .tags = kTextComparators,
                                         .parameters = kTextComparators,
                                         .null_tests = NullTests::kOfTagsAndParameters,
                                         .quotes_clauses = true};

constinit const Names kRunOrder = {kRunAndDatasetEntities, kRunEntityNames, kRunOrderAttributes};
constinit const Names kExperimentOrder = {kExperimentEntities, kExperimentEntityNames, kExperimentAttributes};
constinit const Names kRegisteredModelOrder = {kPlainEntities, kPlainEntityNames, kRegisteredModelAttributes};
constinit const Names kModelVersionOrder = {kExperimentEntities, kExperimentEntityNames, kModelVersionOrderAttributes};

std::string Comparators::ToText() const {
  std::string out;
  for (auto each = Comparator::kEqual; each <= Comparator::kIsNotNull;
       each = static_cast<Comparator>(static_cast<int>(each) + 1)) {
    if (Has(each)) CatTo(out, out.empty() ? "{'" : ", '", ComparatorName(each), "'");
  }
  return out + "}";
}

std::string KeysText(std::span<const AttributeKey> attributes) {
  std::string out;
  for (const AttributeKey& each : attributes) CatTo(out, out.empty() ? "{'" : ", '", each.alias, "'");
  return out + "}";
}

std::optional<std::string_view> Unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back()) return std::nullopt;
  if (text.front() != '\'' && text.front() != '"') return std::nullopt;
  return text.substr(1, text.size() - 2);
}

Result<Name> FindName(std::string_view text, const Names& names) {
  const std::size_t dot = text.find('.');
  Entity entity = Entity::kAttribute;
  if (dot != std::string_view::npos) {
    const std::string_view alias = WithoutBackticks(text.substr(0, dot));
    const EntityAlias* found = FindEntity(alias, names);
    if (found == nullptr) {
      return InvalidArgument("Invalid entity type '", Clipped(alias), "'. ", names.valid_entities);
    }
    entity = found->entity;
    text = text.substr(dot + 1);
  }
  const std::string_view key = WithoutBackticks(Unquoted(text).value_or(text));
  if (entity == Entity::kDataset) return FindDatasetKey(key);
  if (entity != Entity::kAttribute) return Name{entity, key, key, false};
  if (const AttributeKey* found = FindAttribute(key, names)) return Name{entity, key, found->key, found->numeric};
  return InvalidArgument("Invalid attribute key '", Clipped(key), "' specified. Valid keys are '",
                         KeysText(names.attributes), "'");
}

}  // namespace mw::search
