// The goals module's tables: what was applied, and how every target was judged at every stage.
#pragma once

#include <vector>

#include "db/database.h"

namespace mw::goals {

std::vector<db::Migration> Migrations();

}  // namespace mw::goals
