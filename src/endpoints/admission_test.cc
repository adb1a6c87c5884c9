// Changes of the rules of admission, case by case.
#include "endpoints/admission.h"

#include <gtest/gtest.h>

namespace mw::endpoints {
namespace {

using wire::AdmissionRules;

TEST(AdmissionRulesChange, SharesAreSetAndTakenAwayOneByOne) {
  const auto one = Changed({}, {.shares = {{"shop", 500}}, .rows_per_second_max = 1000});
  ASSERT_TRUE(one.ok()) << one.error().ToString();
  EXPECT_EQ(*one, (AdmissionRules{"x-client", {{"shop", 500}}, 0, 1000}));
  const auto two = Changed(*one, {.client_header = "X-Key", .shares = {{"batch", 100}}});
  EXPECT_EQ(*two, (AdmissionRules{"X-Key", {{"batch", 100}, {"shop", 500}}, 0, 1000}));
  const auto less = Changed(*two, {.shares = {{"shop", 0}, {"batch", 900}}});
  EXPECT_EQ(*less, (AdmissionRules{"X-Key", {{"batch", 900}}, 0, 1000}));
  EXPECT_EQ(*Changed(*less, {.from_nothing = true, .rows_in_flight_max = 7}), (AdmissionRules{"", {}, 7, 0}));
}

TEST(AdmissionRulesChange, NobodyIsPromisedWhatThereIsNot) {
  const auto message = [](const AdmissionRules& rules, const AdmissionRequest& request) {
    const auto changed = Changed(rules, request);
    return changed.ok() ? "" : changed.error().message;
  };
  EXPECT_NE(message({}, {.shares = {{"shop", 1}}}).find("guaranteed 1 rows a second together"), std::string::npos);
  const AdmissionRules rules{"x", {{"shop", 500}}, 0, 1000};
  EXPECT_NE(message(rules, {.shares = {{"batch", 501}}}), "");
  EXPECT_NE(message(rules, {.rows_per_second_max = 499}), "");
  EXPECT_EQ(message(rules, {.rows_per_second_max = 500}), "");
  EXPECT_NE(message(rules, {.shares = {{"", 1}}}), "");
  EXPECT_NE(message(rules, {.shares = {{"a", -1}}}), "");
  EXPECT_NE(message(rules, {.rows_in_flight_max = -1}), "");
  EXPECT_NE(message(rules, {.client_header = std::string(200, 'x')}), "");
}

}  // namespace
}  // namespace mw::endpoints
