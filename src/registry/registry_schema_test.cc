// What older programs registered, on both databases.
#include <gtest/gtest.h>

#include "db/temporary_database.h"
#include "registry/registry.h"

namespace mw::registry {
namespace {

template <typename Driver>
class RegistryMigrationTest : public ::testing::Test {
 protected:
  Driver place_;
};
TYPED_TEST_SUITE(RegistryMigrationTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RegistryMigrationTest, KeepsWhatWasRegisteredBefore) {
  const ModelName iris{"default", "iris"};
  const std::vector<db::Migration> all = Migrations();
  {
    auto database = this->place_.Open();
    ASSERT_TRUE(database.ok()) << database.error().ToString();
    ASSERT_TRUE((*database)->Migrate({all[0]}).ok());
    const auto filled = SyncWait((*database)->Write([](db::Transaction& t) -> Status {
      TRY(t.Execute("INSERT INTO registry_models VALUES ('default', 'iris', 2, 7)"));
      TRY(t.Execute(
          "INSERT INTO registry_versions VALUES ('default', 'iris', 1, 'sha256:a', 'run', 'at', '{}', '[]', 7)"));
      TRY(t.Execute(
          "INSERT INTO registry_versions VALUES ('default', 'iris', 2, 'sha256:b', NULL, NULL, '{}', '[]', 8)"));
      TRY(t.Execute("INSERT INTO registry_aliases VALUES ('default', 'iris', 'best', 2)"));
      TRY(t.Execute("INSERT INTO registry_alias_changes VALUES ('default', 'iris', 1, 'best', 2, 0, 'test', 9)"));
      return Ok();
    }));
    ASSERT_TRUE(filled.ok()) << filled.error().ToString();
  }
  auto database = this->place_.Open();
  ASSERT_TRUE(database.ok()) << database.error().ToString();
  const Status migrated = (*database)->Migrate(all);
  ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  const SimulatedClock clock{FromMicros(10)};
  Registry registry(**database, clock);
  const auto version = SyncWait(registry.GetVersion(iris, "best"));
  ASSERT_TRUE(version.ok()) << version.error().ToString();
  EXPECT_EQ(version->version, 2);
  EXPECT_EQ(version->package, "sha256:b");
  EXPECT_EQ(version->updated, FromMicros(8));
  EXPECT_EQ(SyncWait(registry.GetVersion(iris, "1"))->attempt_id, "at");
  EXPECT_EQ(SyncWait(registry.AliasHistory(iris, "best"))->size(), 1U);
  NewVersion next;
  next.name = iris;
  next.package = "sha256:c";
  EXPECT_EQ(SyncWait(registry.CreateVersion(next))->version, 3);
  EXPECT_TRUE(SyncWait(registry.DeleteModel(iris)).ok()) << "what belongs to it goes with it";
}

}  // namespace
}  // namespace mw::registry
