// All windows of one endpoint in memory: what their pieces add up to, and the join of their rows with labels.
//
//   open ──due──> settling ──stored──> settled ──a second time to live later──> forgotten (totals stay)
//     ^              │ could not be stored
//     '──────────────'            a piece that comes later opens the window again, for its own rows
// One thread. The invariant: a window's totals and counts are those of all its pieces, open and settled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "predictions/joined_rows.h"
#include "predictions/label_join.h"
#include "predictions/prediction_store.h"
#include "predictions/window_totals.h"

namespace mw::predictions {

/// What became of the labels of a batch.
struct JoinedLabels {
  std::int64_t joined = 0;
  std::int64_t waiting = 0;
  std::int64_t too_late = 0;
};

/// A window, or the part of it that has come so far, on its way to the store.
struct Settling {
  LabelJoin::Slot slot = 0;
  store::SettledWindow window;
};

class EndpointWindows {
 public:
  using Key = std::pair<Timestamp, std::int64_t>;  // start, version

  /// Ages as in PredictionsOptions.
  struct Ages {
    Duration label_ttl{0};
    Duration quiet{0};
  };

  EndpointWindows(std::string endpoint, Ages ages, std::size_t waiting_max)
      : endpoint_(std::move(endpoint)), ages_(ages), join_(waiting_max) {}

  /// `change`: the number that the windows it touches remember.
  void AddPiece(const Key& key, const WindowTotals& totals, const PieceRows& rows, Timestamp accepted,
                std::int64_t change);
  JoinedLabels AddLabels(const std::vector<wire::Label>& labels, std::int64_t arrival, Timestamp accepted,
                         std::int64_t change);
  /// At start: what was settled before.
  void AddSettled(const store::SettledWindow& window);
  /// At start: ids of settled windows, so that labels that come too late are known as such.
  void AddSettledRows(const Key& key, const PieceRows& rows, std::int64_t settled_at);

  /// Windows to settle, as they will be stored, at most `limit`: those that are due, and the oldest until
  /// `rows_over` rows are let go. From now on they take no labels.
  std::vector<Settling> BeginSettling(Timestamp now, std::size_t rows_over, std::size_t limit);
  /// After BeginSettling: it is stored, or it is not.
  void EndSettling(const Settling& settling, bool stored);
  /// Lets waiting labels and the ids of long settled windows go.
  void Expire(Timestamp now);

  [[nodiscard]] std::vector<WindowSummary> Summaries(const WindowRange& range) const;
  void Changed(std::int64_t since, std::vector<ChangedWindow>& out) const;
  /// Counters, and the delays of open windows in seconds.
  void Cover(const WindowRange& range, LabelCoverage& coverage, std::vector<double>& delays_s) const;
  /// The labels of open rows, piece by piece.
  [[nodiscard]] std::vector<store::SettledPiece> OpenLabels(const WindowRange& range) const;
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] std::size_t live_rows() const { return join_.live_rows(); }
  [[nodiscard]] std::int64_t OldestNeededLabel() const { return join_.OldestNeededLabel(); }

 private:
  /// Pieces whose rows still take labels, or are being settled together.
  struct Part {
    LabelJoin::Slot slot = 0;
    WindowTotals totals;
    bool settling = false;
  };
  struct Window {
    std::vector<Part> parts;
    WindowTotals settled_totals;
    JoinCounts settled_counts;
    std::vector<LabelJoin::Slot> closed;  ///< settled, with ids still known
    Timestamp touched = Timestamp::min();
    std::int64_t changed = 0;
  };

  Window& Touch(const Key& key, Timestamp at, std::int64_t change);
  LabelJoin::Slot NewSlot(const Key& key);
  void Advance(const Key& key, const WindowTotals& totals, Timestamp accepted);
  [[nodiscard]] bool Due(const Key& key, const Window& window, Timestamp now) const;
  [[nodiscard]] Settling Freeze(const Key& key, const Part& part) const;
  Part& OpenPart(const Key& key, Window& window);
  [[nodiscard]] JoinCounts CountsOf(const Window& window) const;
  [[nodiscard]] WindowSummary SummaryOf(const Key& key, const Window& window) const;
  template <typename Visit>
  void ForEach(const WindowRange& range, Visit visit) const;

  std::string endpoint_;
  Ages ages_;
  LabelJoin join_;
  std::map<Key, Window> windows_;
  std::vector<Key> key_of_slot_;
  Timestamp watermark_ = Timestamp::min();            // end of the newest window
  std::map<std::int64_t, Timestamp> batch_accepted_;  // by arrival, of batches whose labels may still wait
  std::int64_t too_late_ = 0;
};

}  // namespace mw::predictions
