// Answers of a training library, as text and back.
#include "wire/warm_up_file.h"

#include <algorithm>

#include "base/text.h"

namespace mw::wire {
namespace {

Result<std::vector<double>> ReadNumbers(const Json& document, std::string_view key, std::size_t count) {
  const Json* list = document.FindArray(key);
  if (list == nullptr || list->AsArray().size() != count) {
    return InvalidArgument("warmup.json: ", key, " must be a list of ", count,
                           " numbers, one for each output of each row");
  }
  std::vector<double> values;
  for (const Json& value : list->AsArray()) {
    if (!value.IsNumber()) return InvalidArgument("warmup.json: ", key, " holds something that is no number");
    values.push_back(value.AsDouble());
  }
  return values;
}

std::vector<float> Floats(const std::vector<double>& values) {
  std::vector<float> floats;
  for (const double value : values) floats.push_back(static_cast<float>(value));
  return floats;
}

/// A list of at most kWarmUpRowsMax objects.
Result<std::vector<Json>> ReadObjects(const Json& document, std::string_view key) {
  const Json* list = document.FindArray(key);
  if (list == nullptr) return InvalidArgument("warmup.json: ", key, " must be a list of objects");
  if (list->AsArray().size() > kWarmUpRowsMax) {
    return InvalidArgument("warmup.json: ", list->AsArray().size(), " ", key, ", at most ", kWarmUpRowsMax);
  }
  for (const Json& object : list->AsArray()) {
    if (!object.IsObject()) return InvalidArgument("warmup.json: something in ", key, " is no object");
  }
  return list->AsArray();
}

// A float widened to double prints in the shortest form that reads back to the same float.
template <typename Number>
Json NumberList(const std::vector<Number>& values) {
  Json list = Json::MakeArray();
  for (const Number value : values) list.Append(Json(static_cast<double>(value)));
  return list;
}

}  // namespace

Result<WarmUp> ParseWarmUp(std::string_view text, std::size_t outputs) {
  const Json document = TRY(Json::Parse(text).In("warmup.json"));
  WarmUp warm_up;
  warm_up.answered_by = document.StringOr("answered_by", "");
  if (document.Find("requests") != nullptr) {
    warm_up.requests = TRY(ReadObjects(document, "requests"));
    return warm_up;
  }
  warm_up.rows = TRY(ReadObjects(document, "rows"));
  const std::size_t answers = warm_up.rows.size() * outputs;
  if (document.Find("margins") != nullptr) warm_up.margins = Floats(TRY(ReadNumbers(document, "margins", answers)));
  warm_up.values = TRY(ReadNumbers(document, "probabilities", answers));
  warm_up.probabilities = Floats(warm_up.values);
  if (std::equal(warm_up.values.begin(), warm_up.values.end(), warm_up.probabilities.begin(),
                 [](double value, float single) { return value == static_cast<double>(single); })) {
    warm_up.values.clear();
  }
  return warm_up;
}

std::string WarmUpText(const WarmUp& warm_up, bool takes_rows) {
  Json json = Json::MakeObject();
  if (takes_rows) {
    json["rows"] = Json(Json::Array(warm_up.rows));
    if (!warm_up.margins.empty() || warm_up.rows.empty()) json["margins"] = NumberList(warm_up.margins);
    json["probabilities"] = warm_up.values.empty() ? NumberList(warm_up.probabilities) : NumberList(warm_up.values);
  } else {
    json["requests"] = Json(Json::Array(warm_up.requests));
  }
  if (!warm_up.answered_by.empty()) json["answered_by"] = warm_up.answered_by;
  return json.Dump();
}

}  // namespace mw::wire
