// What every driver of db::Database must do, as suites by subject: instantiated for SQLite and for PostgreSQL in their
// own tests. A driver's test file says
//   MW_DATABASE_CONTRACT(Sqlite, TemporarySqlite);
#pragma once

#include <gtest/gtest.h>

#include "db/contract_kill.h"
#include "db/contract_values.h"
#include "db/contract_writes.h"

#define MW_DATABASE_CONTRACT(name, driver)                                       \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, ValueContract, ::testing::Types<driver>); \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, WriteContract, ::testing::Types<driver>); \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, KillContract, ::testing::Types<driver>)
