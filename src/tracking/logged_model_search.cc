// A token begins with what its search was, in a few digits.
#include "tracking/logged_model_search.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::tracking {
namespace {

constexpr std::size_t kPrintDigits = 16;

Json ToJson(const search::Value& value) {
  if (const auto* number = std::get_if<search::Number>(&value)) return number->value;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  Json list = Json::MakeArray();
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *texts) list.Append(text);
  }
  return list;
}

std::string PrintOf(const LoggedModelQuery& query) {
  Json all = Json::MakeArray();
  for (const ExperimentId& experiment : query.experiments) all.Append(experiment.text());
  for (const search::Clause& clause : query.filter) {
    all.Append(search::EntityName(clause.entity));
    all.Append(clause.key);
    all.Append(search::ComparatorName(clause.comparator));
    all.Append(ToJson(clause.value));
  }
  for (const DatasetChoice& dataset : query.datasets) {
    all.Append(Json::Make({{"dataset", dataset.name}, {"digest", dataset.digest}}));
  }
  for (const search::LoggedModelOrderKey& key : query.order) {
    all.Append(Json::Make({{"by", Cat(search::EntityName(key.entity), ".", key.key)},
                           {"ascending", key.ascending},
                           {"dataset", key.dataset_name},
                           {"digest", key.dataset_digest}}));
  }
  return Sha256Hex(all.Dump()).substr(0, kPrintDigits);
}

}  // namespace

std::string PageToken(const LoggedModelQuery& query, const RunPlace& place) {
  return Cat(PrintOf(query), PageToken(place));
}

Result<RunPlace> ParsePageToken(std::string_view token, const LoggedModelQuery& query) {
  const bool same = token.starts_with(PrintOf(query));
  auto place = ParsePageToken(token.substr(std::min(kPrintDigits, token.size())), query.order.size());
  if (same || !place.ok()) return place;
  return InvalidArgument(
      "the page token belongs to another search: experiment_ids, filter, datasets and order_by must be "
      "those of the page before");
}

}  // namespace mw::tracking
