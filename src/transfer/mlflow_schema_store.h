// The tables of an MLflow database, as its own migrations leave them: what makes a file that MLflow opens, and brings
// further by itself (`mlflow db upgrade`) when it is a newer one.
#pragma once

#include <string_view>

namespace mw::transfer {

/// Of MLflow 3.11, for SQLite: one script, with the mark of that version. Empty tables but for the one workspace.
std::string_view MlflowSchema();

}  // namespace mw::transfer
