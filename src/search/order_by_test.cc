// Orders of every dialect, and each sentence that refuses one.
#include "search/order_by.h"

#include <gtest/gtest.h>

namespace mw::search {
namespace {

using Clauses = std::vector<std::string>;
using OrderParser = Result<OrderBy> (*)(std::span<const std::string>);

OrderKey OnlyKey(OrderParser parse, const std::string& clause) {
  const Result<OrderBy> order = parse(Clauses{clause});
  if (order.ok()) return order->front();
  ADD_FAILURE() << clause << ": " << order.error().message;
  return {};
}

Error OrderRefusal(OrderParser parse, const Clauses& clauses) {
  Result<OrderBy> order = parse(clauses);
  return order.ok() ? Error{Code::kUnknown, "accepted", {}} : std::move(order).error();
}

std::string RunOrderRefusal(const std::string& clause) {
  const Error error = OrderRefusal(ParseRunOrderBy, {clause});
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  return error.message;
}

TEST(RunOrderByTest, EntitiesKeysAndDirections) {
  const auto only = [](const std::string& clause) { return OnlyKey(ParseRunOrderBy, clause); };
  EXPECT_EQ(only("metrics.loss"), (OrderKey{Entity::kMetric, "loss", true}));
  EXPECT_EQ(only("metric.`val loss` DESC"), (OrderKey{Entity::kMetric, "val loss", false}));
  EXPECT_EQ(only("metric.\"val loss\"  asc"), (OrderKey{Entity::kMetric, "val loss", true}));
  EXPECT_EQ(only("params.depth Desc"), (OrderKey{Entity::kParameter, "depth", false}));
  EXPECT_EQ(only("tags.mlflow.user"), (OrderKey{Entity::kTag, "mlflow.user", true}));
  EXPECT_EQ(only("start_time DESC"), (OrderKey{Entity::kAttribute, "start_time", false}));
  EXPECT_EQ(only("attributes.Created desc"), (OrderKey{Entity::kAttribute, "start_time", false}));
  EXPECT_EQ(only("attr.run_name"), (OrderKey{Entity::kAttribute, "run_name", true}));
  EXPECT_EQ(only(" end_time "), (OrderKey{Entity::kAttribute, "end_time", true}));
}

TEST(RunOrderByTest, Refusals) {
  for (const char* clause : {"", "metrics.a asc desc", "metrics.a-b", "metrics.a, metrics.b", "1", "'a'",
                             "metrics.a ASC NULLS LAST", "metrics.`a", "metrics.a;", "metrics.a 1"}) {
    EXPECT_EQ(RunOrderRefusal(clause), Cat("Invalid order_by clause '", clause, "'. Could not be parsed."));
  }
  EXPECT_EQ(RunOrderRefusal("metrics.a foo"), "Invalid ordering key in order_by clause 'metrics.a foo'.");
  EXPECT_EQ(RunOrderRefusal("foo.a"),
            "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']");
  EXPECT_EQ(RunOrderRefusal("foo").find("Invalid attribute key 'foo' specified. Valid keys are '{'run_id', "), 0U);
  EXPECT_EQ(RunOrderRefusal("`run name`").find("Invalid attribute key 'run name' specified."), 0U);
  EXPECT_EQ(RunOrderRefusal("dataset.name"), "Invalid identifier type 'dataset'");
  EXPECT_EQ(RunOrderRefusal("metrics.\xff"), "Invalid order_by clause: it is not text in UTF-8, or holds a NUL.");
  EXPECT_EQ(RunOrderRefusal(std::string(kMaxOrderBytes + 1, 'a')),
            "Invalid order_by clause: 4097 bytes, more than 4096.");
}

TEST(RunOrderByTest, KeepsTheOrderAndRefusesRepeats) {
  const Result<OrderBy> order = ParseRunOrderBy(Clauses{"metrics.a", "params.a desc", "tags.a", "metrics.b"});
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->size(), 4U);
  EXPECT_EQ((*order)[3], (OrderKey{Entity::kMetric, "b", true}));
  const Error twice = OrderRefusal(ParseRunOrderBy, {"start_time", "metrics.`it's`", "Created DESC"});
  EXPECT_EQ(twice.code, Code::kInternal);
  EXPECT_EQ(twice.message, "`order_by` contains duplicate fields: ['start_time', \"metrics.`it's`\", 'Created DESC']");
  EXPECT_TRUE(ParseRunOrderBy({})->empty());
}

TEST(RunOrderByTest, Limits) {
  Clauses clauses;
  for (std::size_t i = 0; i < kMaxOrderKeys; ++i) clauses.push_back(Cat("metrics.m", i));
  EXPECT_TRUE(ParseRunOrderBy(clauses).ok());
  clauses.emplace_back("metrics.one_more");
  EXPECT_EQ(OrderRefusal(ParseRunOrderBy, clauses).message, "Invalid order_by: 17 keys, more than 16. Order by fewer.");
}

TEST(ExperimentOrderByTest, KeysAndRefusals) {
  EXPECT_EQ(OnlyKey(ParseExperimentOrderBy, "name"), (OrderKey{Entity::kAttribute, "name", true}));
  EXPECT_EQ(OnlyKey(ParseExperimentOrderBy, "experiment_id DESC"),
            (OrderKey{Entity::kAttribute, "experiment_id", false}));
  EXPECT_EQ(OnlyKey(ParseExperimentOrderBy, "attribute.last_update_time").key, "last_update_time");
  EXPECT_EQ(OrderRefusal(ParseExperimentOrderBy, {"tags.a"}).message, "Invalid order_by entity: tag");
  EXPECT_EQ(OrderRefusal(ParseExperimentOrderBy, {"foo"}).message,
            "Invalid attribute key 'foo' specified. Valid keys are '{'name', 'experiment_id', 'creation_time', "
            "'last_update_time'}'");
  EXPECT_EQ(*ParseExperimentOrderBy(Clauses{"name", "creation_time", "name DESC"}),
            (OrderBy{{Entity::kAttribute, "name", true}, {Entity::kAttribute, "creation_time", true}}));
}

TEST(RegisteredModelOrderByTest, KeysAndRefusals) {
  EXPECT_EQ(OnlyKey(ParseRegisteredModelOrderBy, "name DESC"), (OrderKey{Entity::kAttribute, "name", false}));
  EXPECT_EQ(OnlyKey(ParseRegisteredModelOrderBy, "timestamp DESC"),
            (OrderKey{Entity::kAttribute, "last_updated_timestamp", false}));
  EXPECT_EQ(OnlyKey(ParseRegisteredModelOrderBy, "creation_timestamp").key, "creation_timestamp");
  for (const char* key : {"foo", "tags.a", "foo.name"}) {
    EXPECT_EQ(OrderRefusal(ParseRegisteredModelOrderBy, {key}).message,
              Cat("Invalid order by key '", key, "' specified. Valid keys are '{'name', 'timestamp'}'"));
  }
  EXPECT_EQ(OrderRefusal(ParseRegisteredModelOrderBy, {"timestamp", "last_updated_timestamp"}).code, Code::kInternal);
}

TEST(ModelVersionOrderByTest, KeysAndRefusals) {
  EXPECT_EQ(OnlyKey(ParseModelVersionOrderBy, "version_number DESC"),
            (OrderKey{Entity::kAttribute, "version_number", false}));
  EXPECT_EQ(OnlyKey(ParseModelVersionOrderBy, "last_updated_timestamp").key, "last_updated_timestamp");
  EXPECT_EQ(
      OrderRefusal(ParseModelVersionOrderBy, {"run_id"}).message.find("Invalid attribute key 'run_id' specified."), 0U);
  EXPECT_EQ(OrderRefusal(ParseModelVersionOrderBy, {"tags.a"}).message,
            "Invalid order by key 'a' specified. Valid keys are {'name', 'version_number', 'creation_timestamp', "
            "'last_updated_timestamp'}");
  EXPECT_EQ(OrderRefusal(ParseModelVersionOrderBy, {"name", "name DESC"}).message,
            "`order_by` contains duplicate fields: ['name', 'name DESC']");
}

std::string FieldRefusal(const LoggedModelOrderField& field) {
  const auto order = ParseLoggedModelOrderBy({&field, 1});
  return order.ok() ? "accepted" : order.error().message;
}

TEST(LoggedModelOrderByTest, AttributesAndMetrics) {
  const std::vector<LoggedModelOrderField> fields = {{"creation_time", false, "", ""},
                                                     {"metrics.a.b", true, "train", "abc"},
                                                     {"metrics.a.b", true, "test", ""},
                                                     {"creation_timestamp", true, "", ""},
                                                     {" model_id ", true, "", ""}};
  const auto order = ParseLoggedModelOrderBy(fields);
  ASSERT_TRUE(order.ok()) << order.error().message;
  const std::vector<LoggedModelOrderKey> expected = {{Entity::kAttribute, "creation_timestamp", false, "", ""},
                                                     {Entity::kMetric, "a.b", true, "train", "abc"},
                                                     {Entity::kMetric, "a.b", true, "test", ""},
                                                     {Entity::kAttribute, "model_id", true, "", ""}};
  EXPECT_EQ(*order, expected);
}

TEST(LoggedModelOrderByTest, Refusals) {
  EXPECT_EQ(FieldRefusal({}), "`field_name` in the `order_by` clause must be specified.");
  EXPECT_EQ(FieldRefusal({"params.a", true, "", ""}),
            "Invalid order by field name: params, only `metrics.<name>` is allowed.");
  EXPECT_EQ(FieldRefusal({"foo", true, "", ""}), "Invalid order by field name: foo.");
  EXPECT_EQ(FieldRefusal({"metrics.a", true, "", "abc"}),
            "`dataset_digest` can only be specified if `dataset_name` is also specified.");
  EXPECT_EQ(FieldRefusal({"metrics.a", true, "\xff", ""}),
            "Invalid order_by clause: a text of more than 4096 bytes, not in UTF-8, or with a NUL.");
}

}  // namespace
}  // namespace mw::search
