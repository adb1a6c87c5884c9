// Decide: the rules after a change.
#include "endpoints/admission.h"

#include <algorithm>

#include "base/text.h"

namespace mw::endpoints {

Result<wire::AdmissionRules> Changed(wire::AdmissionRules rules, const AdmissionRequest& request) {
  if (request.from_nothing) rules = {};
  if (request.client_header) rules.client_header = *request.client_header;
  if (request.rows_per_second_max) rules.rows_per_second_max = *request.rows_per_second_max;
  if (request.rows_in_flight_max) rules.rows_in_flight_max = *request.rows_in_flight_max;
  for (const wire::GuaranteedShare& share : request.shares) {
    std::erase_if(rules.shares, [&share](const auto& known) { return known.client == share.client; });
    if (share.rows_per_second != 0) rules.shares.push_back(share);
  }
  std::sort(rules.shares.begin(), rules.shares.end(), [](const auto& a, const auto& b) { return a.client < b.client; });
  if (rules.client_header.empty() && !rules.shares.empty()) rules.client_header = kClientHeader;
  const Json written = wire::ToJson(rules);
  TRY(wire::ParseAdmission(&written));  // as every server will
  TRY(wire::CheckAdmission(rules));
  return rules;
}

std::string RulesText(const wire::AdmissionRules& rules) {
  std::vector<std::string> parts;
  if (rules.rows_per_second_max > 0) {
    std::string rate = Cat(rules.rows_per_second_max, " rows a second");
    for (std::size_t i = 0; i < rules.shares.size(); ++i) {
      CatTo(rate, i == 0 ? ", of them " : ", ", rules.shares[i].client, " ", rules.shares[i].rows_per_second);
    }
    parts.push_back(std::move(rate));
  }
  if (rules.rows_in_flight_max > 0) parts.push_back(Cat("at most ", rules.rows_in_flight_max, " rows in flight"));
  return parts.empty() ? "none" : Join(parts, "; ");
}

Json ToJson(const Admission& admission) {
  return Json::Make({{"generation", admission.generation},
                     {"requested_by", admission.requested_by},
                     {"created", admission.generation == 0 ? Json() : Json(FormatTime(admission.created))},
                     {"admission", wire::ToJson(admission.rules)}});
}

}  // namespace mw::endpoints
