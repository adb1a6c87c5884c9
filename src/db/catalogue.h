// What tables and columns there are, whoever's they are: for what concerns all of them. Any thread.
#pragma once

#include <string>
#include <vector>

#include "db/database.h"

namespace mw::db {

struct Column {
  std::string table;
  std::string name;
  bool is_text = false;
};

/// By table, then name. Errors: the database's.
Task<Result<std::vector<Column>>> Columns(Database& database);

}  // namespace mw::db
