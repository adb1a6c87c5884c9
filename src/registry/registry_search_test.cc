// Searches for models and versions on both databases, over pages.
#include "registry/registry_search.h"

#include <gtest/gtest.h>

#include "registry/testing.h"

namespace mw::registry {
namespace {

template <typename Driver>
class RegistrySearchTest : public RegistryWorld<Driver> {};
TYPED_TEST_SUITE(RegistrySearchTest, db::TestDrivers, db::TestDriverNames);

/// Found models, or versions, as "b a", "b2 b1"; or the error's message.
std::string FoundModels(Registry& registry, std::string_view filter, std::vector<std::string> order = {}) {
  SearchQuery query;
  const auto read = search::ParseRegisteredModelFilter(filter);
  EXPECT_TRUE(read.ok()) << filter;
  query.filter = *read;
  query.order = WholeModelOrder(*search::ParseRegisteredModelOrderBy(order));
  query.limit = 2;  // so that each search walks over pages
  std::vector<std::string> names;
  do {
    const auto page = SyncWait(registry.SearchModels(query));
    if (!page.ok()) return page.error().ToString();
    for (const Model& model : page->models) names.push_back(model.name);
    query.after = *ParsePageToken(page->next.empty() ? "" : PageToken(page->next), query.order);
  } while (!query.after.empty());
  return Join(names, " ");
}

std::string FoundVersions(Registry& registry, std::string_view filter, std::vector<std::string> order = {}) {
  SearchQuery query;
  const auto read = search::ParseModelVersionFilter(filter);
  EXPECT_TRUE(read.ok()) << filter;
  query.filter = *read;
  query.order = WholeVersionOrder(*search::ParseModelVersionOrderBy(order));
  query.limit = 2;
  std::vector<std::string> names;
  do {
    const auto page = SyncWait(registry.SearchVersions(query));
    if (!page.ok()) return page.error().ToString();
    for (const ModelVersion& version : page->versions) {
      names.push_back(Cat(version.model, version.version));
      EXPECT_EQ(version.tags.at("place"), Cat(version.version)) << "each brings its own tags";
    }
    query.after = *ParsePageToken(page->next.empty() ? "" : PageToken(page->next), query.order);
  } while (!query.after.empty());
  return Join(names, " ");
}

TYPED_TEST(RegistrySearchTest, SearchesModels) {
  for (const char* name : {"C", "a", "b"}) {
    this->clock_.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(SyncWait(this->registry_->CreateModel(
                             {{"default", name}, "", {{"letter", name}, {"long", std::string(5000, name[0])}}}))
                    .ok());
  }
  ASSERT_TRUE(SyncWait(this->registry_->CreateModel({{"default", "p"}, "", {{std::string(kPromptTag), "true"}}})).ok());
  EXPECT_EQ(FoundModels(*this->registry_, ""), "C a b") << "prompts are apart";
  EXPECT_EQ(FoundModels(*this->registry_, "tags.`mlflow.prompt.is_prompt` = 'true'"), "p");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.`mlflow.prompt.is_prompt` != 'true'"), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"name DESC"}), "b a C");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"last_updated_timestamp DESC"}), "b a C");
  EXPECT_EQ(FoundModels(*this->registry_, "", {"creation_timestamp"}), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "name = 'a'"), "a");
  EXPECT_EQ(FoundModels(*this->registry_, "name != 'a'"), "C b");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE 'c%'"), "");
  EXPECT_EQ(FoundModels(*this->registry_, "name ILIKE 'c%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE 'C%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "name LIKE '_'"), "C a b");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter = 'b'"), "b");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter != 'b'"), "C a");
  EXPECT_EQ(FoundModels(*this->registry_, Cat("tags.long = '", std::string(5000, 'a'), "'")), "a");
  EXPECT_EQ(FoundModels(*this->registry_, Cat("tags.long = '", std::string(4999, 'a'), "'")), "");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.letter ILIKE 'c' AND tags.long LIKE 'C%'"), "C");
  EXPECT_EQ(FoundModels(*this->registry_, "tags.nobody != 'b'"), "");
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag({"default", "a"}, "path", R"(C:\data\b)")).ok());
  EXPECT_EQ(FoundModels(*this->registry_, R"(tags.path LIKE 'C:\data\%')"), "a") << "a backslash stands for itself";
  EXPECT_EQ(FoundModels(*this->registry_, R"(tags.path ILIKE 'c:\data\_')"), "a");
  EXPECT_FALSE(ParsePageToken("nonsense", WholeModelOrder({})).ok());
  EXPECT_FALSE(ParsePageToken("[1]", WholeModelOrder({})).ok()) << "of another order";
}

TYPED_TEST(RegistrySearchTest, SearchesVersions) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(SyncWait(this->registry_->CreateModel({{"default", name}})).ok());
  for (const int number : {1, 2, 3}) {
    for (const char* name : {"a", "b"}) {
      this->Register(Files(name, Cat("run-", name, number), {{"place", Cat(number)}}));
    }
  }
  EXPECT_EQ(FoundVersions(*this->registry_, ""), "b3 a3 b2 a2 b1 a1") << "the latest change first";
  EXPECT_EQ(FoundVersions(*this->registry_, "", {"name", "version_number"}), "a1 a2 a3 b1 b2 b3");
  EXPECT_EQ(FoundVersions(*this->registry_, "", {"version_number DESC"}), "a3 b3 a2 b2 a1 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "name = 'b'"), "b3 b2 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "run_id = 'run-b2'"), "b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "run_id IN ('run-b2', 'run-a1', 'x')", {"name"}), "a1 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "version_number > 1 AND version_number != 3", {"name"}), "a2 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "version_number < '2'", {"name"}), "a1 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "name IN ('b', 'x') AND run_id NOT IN ('run-b2', 'y')"), "b3 b1");
  EXPECT_EQ(FoundVersions(*this->registry_, "source_path LIKE '%/run-a3/%'"), "a3");
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place = '2'", {"name"}), "a2 b2");
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place != '2' AND name = 'a'", {"name"}), "a3 a1");
  ASSERT_TRUE(SyncWait(this->registry_->SetModelTag({"default", "b"}, std::string(kPromptTag), "true")).ok());
  EXPECT_EQ(FoundVersions(*this->registry_, "tags.place = '2'"), "a2") << "versions of prompts are apart";
}

}  // namespace
}  // namespace mw::registry
