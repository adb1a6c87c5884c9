// SQLite: the contract, and what only a file can do wrong.
#include "db/sqlite_database.h"

#include "db/database_contract.h"

namespace mw::db {

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, ::testing::Types<TemporarySqlite>);

}  // namespace mw::db
