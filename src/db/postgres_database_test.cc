// PostgreSQL: the contract, and what only a server can do wrong.
#include "db/postgres_database.h"

#include "db/database_contract.h"

namespace mw::db {

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DatabaseContract, ::testing::Types<TemporaryPostgres>);

}  // namespace mw::db
