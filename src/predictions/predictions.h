// The door of predictions: what model servers recorded, by hours of event time, and the labels that came to it.
//
//   WindowPiece --Accept------> prediction_pieces ------.
//                                                        >-- join index (memory) --> Joined, Windows, Coverage
//   LabelBatch --AcceptLabels-> prediction_label_batches-'         |
//                                                                  '- settled after the label's time to live:
//                                                                     the joined result is kept, the index forgets
// What Accept and AcceptLabels acknowledge is committed. Both are idempotent: a piece is known by (server, boot,
// sequence), a batch by (endpoint, batch id). The join is a function of the sets of pieces and labels, whatever
// the order in which they came; after a restart it is made again from the store.
// Any thread that runs coroutines; what says so, any thread at all. Reads see what was acknowledged before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/reconciler.h"
#include "base/task.h"
#include "db/database.h"
#include "predictions/joined_rows.h"
#include "sketch/profile.h"
#include "wire/label_batch.h"
#include "wire/window_record.h"

namespace mw::predictions {

std::vector<db::Migration> Migrations();

struct PredictionsOptions {
  /// Event time behind the endpoint's newest prediction after which a window takes no more labels, ...
  Duration label_ttl = std::chrono::hours(24 * 30);
  /// ... once it has also been left alone for this long in wall time: a replay of the past may bring its labels.
  Duration quiet = std::chrono::hours(24);
  std::size_t rows_max = 10'000'000;    ///< rows in the join index, ~75 bytes each; the oldest windows settle early
  std::size_t waiting_max = 1'000'000;  ///< labels that wait for their prediction; the oldest are let go
};

struct Accepted {
  std::int64_t pieces = 0;    ///< new
  std::int64_t repeated = 0;  ///< known already: acknowledged again, nothing changed
  std::int64_t rows = 0;      ///< of the new ones
};

/// A class that nobody had named before, and how many labels of the batch did.
struct NewClass {
  std::string name;
  std::int64_t labels = 0;
  std::string nearest{};  ///< a class there was whose name is nearly the same; empty: none
};

struct LabelsAccepted {
  std::int64_t labels = 0;
  bool repeated = false;      ///< the batch was there already; the counts below are 0
  std::int64_t joined = 0;    ///< labels with a prediction
  std::int64_t waiting = 0;   ///< labels that wait for one
  std::int64_t too_late = 0;  ///< labels of predictions that take no more
  std::vector<NewClass> new_classes{};
};

class Predictions final : public Reconciler {
 public:
  static constexpr std::size_t kPiecesMax = 4096;  ///< of one Accept
  /// Classes of one endpoint: labels bring no more than this, ...
  static constexpr std::size_t kLabelClassesMax = wire::kSampleClassesMax;
  static constexpr std::size_t kClassesMax = 1000;  ///< ... versions more; of those beyond, no probabilities are kept

  /// All outlive this.
  Predictions(db::Database& database, const Clock& clock, MetricsRegistry& metrics, PredictionsOptions options = {});
  ~Predictions() override;

  /// Makes the join index from the store; once, before anything else. Errors: the database's; kDataLoss.
  Task<Status> Load();

  /// Durable when it returns; all pieces or none. Errors: kInvalidArgument; kResourceExhausted try later.
  Task<Result<Accepted>> Accept(std::vector<wire::WindowPiece> pieces);
  /// Durable when it returns; all labels or none. A label that names its class gets the class's number in the
  /// endpoint's list; a name that is new is put at its end, behind `classes`: those of the model that answers, if it
  /// has several. Errors: kInvalidArgument names the label; kAlreadyExists the batch's id was used for other labels;
  /// kResourceExhausted try later.
  Task<Result<LabelsAccepted>> AcceptLabels(wire::LabelBatch batch, std::vector<std::string> classes = {});

  /// One for each window and version, by window, then version. Any thread; from memory.
  [[nodiscard]] std::vector<WindowSummary> Windows(const WindowRange& range) const;
  /// Endpoints that have windows, by name. Any thread.
  [[nodiscard]] std::vector<std::string> EndpointNames() const;
  /// The sampled rows with their labels, repeated predictions left out.
  Task<Result<JoinedRows>> Joined(WindowRange range, JoinedColumns columns = JoinedColumns::kAll);
  /// The endpoint's list of classes: see JoinedRows.
  Task<Result<std::vector<std::string>>> Classes(std::string endpoint);
  /// The features' profiles of all pieces in the range, merged; empty when there are none.
  Task<Result<sketch::Profile>> MergedProfile(WindowRange range);
  /// The predictions' profile; column `prediction`.
  Task<Result<sketch::ColumnProfile>> MergedPrediction(WindowRange range);
  Task<Result<LabelCoverage>> Coverage(WindowRange range);

  /// Grows with every piece and batch. Begin with ChangedSince(0) after each start of the program: numbers
  /// of an earlier process mean nothing. Any thread.
  [[nodiscard]] std::int64_t changes() const;
  /// Windows whose rows or labels changed after `changes() == since`, the oldest change first. Any thread.
  [[nodiscard]] std::vector<ChangedWindow> ChangedSince(std::int64_t since) const;
  /// `changed` is called soon after each change, on any thread; it returns at once (it wakes a reconciler).
  /// Before Accept is called; any number of listeners.
  void OnChange(std::function<void()> changed);

  /// Settles windows that are due, a few at a time.
  Task<Timestamp> Tick(Timestamp now) override;

 private:
  class State;
  Task<Status> LoadSettled();
  Task<Status> LoadPieces();
  Task<Status> LoadBatches();
  Task<Result<std::vector<NewClass>>> NumberNames(wire::LabelBatch& batch, std::vector<std::string> classes);
  Task<Result<bool>> SettleSome(std::string endpoint, Timestamp now);
  db::Database& database_;
  const Clock& clock_;
  std::unique_ptr<State> state_;
};

}  // namespace mw::predictions
