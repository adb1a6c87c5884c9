// SQL of named views.
#include "tracking/view_store.h"

#include <utility>

#include "tracking/experiment_store.h"

namespace mw::tracking::store {
Result<std::vector<View>> FindViews(db::Snapshot& snapshot, const ExperimentId& experiment) {
  std::vector<View> views;
  for (const db::Row& row : TRY(snapshot.Query("SELECT name, state, saved_by, updated_at FROM tracking_views"
                                               " WHERE experiment_id = ? ORDER BY name",
                                               {NumberOf(experiment)}))) {
    views.push_back({experiment, row.Text(0), row.Text(1), row.Text(2), row.Int(3)});
  }
  return views;
}

Status PutView(db::Transaction& transaction, const View& view) {
  TRY(transaction.Execute(
      "INSERT INTO tracking_views (experiment_id, name, state, saved_by, updated_at) VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT (experiment_id, name) DO UPDATE SET state = excluded.state, saved_by = excluded.saved_by,"
      " updated_at = excluded.updated_at",
      {NumberOf(view.experiment), view.name, view.state, view.saved_by, view.updated}));
  return Ok();
}

Result<bool> DeleteView(db::Transaction& transaction, const ExperimentId& experiment, std::string_view name) {
  return TRY(transaction.Execute("DELETE FROM tracking_views WHERE experiment_id = ? AND name = ?",
                                 {NumberOf(experiment), std::string(name)}))
  > 0;
}

}  // namespace mw::tracking::store
