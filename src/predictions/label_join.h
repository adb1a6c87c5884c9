// Decides which label belongs to which prediction, for one endpoint. Pure: no I/O, no clock. One thread.
//
//  by prediction id: every prediction of that id (of several versions, say) gets the label. Of several labels the one
//    known latest wins, of equally late ones the one that arrived last; a label without a time yields to one with.
//  by entity key: the label belongs, in each version, to the entity's last prediction at or before its time; one
//    without a time to the last there is. A label by prediction id goes before it.
//  A prediction that is made again - same version, id and event time: a client's retry, a second replay - takes
//    the place of the earlier one, which is then `repeated` and no longer joined.
// The invariant: what is joined is a function of the sets of rows and labels, not of the order of the calls; `arrival`
// numbers say what came later. Labels for rows that have not come yet wait, within a bound.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "predictions/id_index.h"
#include "predictions/ordered_sum.h"
#include "wire/label_batch.h"

namespace mw::predictions {

/// The labels of one prediction: the one that holds, and what is remembered of the others.
struct LabelState {
  double value = 0;
  std::int64_t time_us = wire::kNoLabelTime;
  std::int64_t arrival = 0;
  std::int32_t count = 0;  ///< labels so far; 0: none
  bool contradicted = false;
  bool by_id = false;

  void Add(double new_value, std::int64_t new_time_us, std::int64_t new_arrival);
  bool operator==(const LabelState&) const = default;
};

struct JoinRow {
  std::int64_t event_time_us = 0;
  LabelState label;
  float prediction = 0;
  bool repeated = false;
  bool early = false;  ///< its label was there first
};

/// What the rows of a window add up to.
struct JoinCounts {
  std::int64_t rows = 0;
  std::int64_t repeated = 0;
  std::int64_t labelled = 0;
  std::int64_t duplicates = 0;
  std::int64_t contradictions = 0;
  std::int64_t early = 0;
  OrderedSum label_sum;
  OrderedSum prediction_sum;  ///< of the labelled rows

  void Count(const JoinRow& row, int sign);
};

/// The rows of one piece, as views.
struct PieceRows {
  std::int64_t arrival = 0;
  std::span<const std::string> ids;
  std::span<const std::string> keys;  ///< empty, or as many
  std::span<const std::int64_t> event_times_us;
  std::span<const float> predictions;
};

/// One window's rows of one version, piece after piece.
struct JoinWindow {
  struct Piece {
    std::int64_t arrival = 0;
    std::size_t first_row = 0;
    std::size_t rows = 0;
  };
  std::int64_t version = 0;
  std::vector<Piece> pieces;
  std::vector<JoinRow> rows;
  JoinCounts counts;
  std::int64_t oldest_label = std::numeric_limits<std::int64_t>::max();  ///< arrival of the first that was joined
  bool settled = false;                                                  ///< takes no more labels; the rows are gone
  std::int64_t settled_at = 0;
};

class LabelJoin {
 public:
  using Slot = std::uint32_t;
  enum class Effect : std::uint8_t { kJoined, kWaiting, kTooLate, kConsumed };

  static constexpr std::size_t kLabelsPerKeyMax = 64;  ///< then the one of the earliest time is let go

  explicit LabelJoin(std::size_t waiting_max) : waiting_max_(waiting_max) {}
  LabelJoin(const LabelJoin&) = delete;
  LabelJoin& operator=(const LabelJoin&) = delete;

  /// A window without rows. Slots are never used twice.
  Slot AddWindow(std::int64_t version);
  void AddRows(Slot slot, const PieceRows& piece);
  /// kConsumed: it belongs to windows that were settled after it arrived, so they have it.
  Effect AddLabel(const wire::Label& label, std::int64_t arrival);

  [[nodiscard]] const JoinWindow& window(Slot slot) const { return *windows_[slot]; }
  /// From now on labels for it are too late; the rows stay until Release. `settled_at`: labels with a smaller
  /// arrival have been joined.
  void Settle(Slot slot, std::int64_t settled_at);
  /// Takes Settle back.
  void Reopen(Slot slot);
  /// Lets the rows go; their ids are still known, so that a label that comes too late is known as such.
  void Release(Slot slot);
  /// Lets the ids go too.
  void Forget(Slot slot);
  /// Lets go of waiting labels, the first to come first, as long as `due(label time or kNoLabelTime, arrival)`.
  void Expire(const std::function<bool(std::int64_t time_us, std::int64_t arrival)>& due);

  /// Slots whose rows or labels changed since this was asked last; a slot may be named twice.
  std::vector<Slot> TakeChanged();
  [[nodiscard]] std::size_t live_rows() const { return live_rows_; }
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::int64_t expired() const { return expired_; }
  /// The smallest arrival of a label that is still needed: after a restart the labels from there on are read again.
  [[nodiscard]] std::int64_t OldestNeededLabel() const;

 private:
  struct Waiting {
    LabelState label;
    std::int64_t queued = 0;  ///< arrival of its place in the queue
  };
  struct KeyLabel {
    double value;
    std::int64_t time_us;
    std::int64_t arrival;
    bool landed = false;  ///< belongs to a row
  };
  /// The labels of a key, which are needed again when another row of it comes.
  using Entity = std::vector<KeyLabel>;
  struct Queued {
    std::int64_t arrival;
    std::int64_t time_us;
    IdHash hash;
    wire::LabelBy by;
  };
  /// Which rows of an id there are.
  struct Presence {
    bool live = false;
    bool settled = false;
    bool consumed = false;  ///< settled after the label arrived
  };

  bool Wanted(RowPlace place) const { return windows_[place.window] != nullptr; }
  JoinRow* LiveRow(RowPlace place);
  template <typename Change>
  void ChangeRow(RowPlace place, Change change);
  void AddRow(Slot slot, const PieceRows& piece, std::size_t index);
  std::optional<LabelState> LabelsOf(const IdHash& hash, RowPlace newcomer);
  Effect AddById(const wire::Label& label, std::int64_t arrival);
  Effect AddByKey(const wire::Label& label, std::int64_t arrival);
  Presence PresenceOf(const IdHash& hash, std::int64_t arrival);
  std::vector<RowPlace> LiveRowsOf(const IdHash& hash);
  std::int64_t TakenOverAt(std::span<const RowPlace> rows) const;
  LabelState LandOn(Entity& entity, std::span<const RowPlace> rows) const;
  void ResolveEntity(const IdHash& hash, Entity& entity);
  void Wait(const Queued& queued);
  void DropFirstWaiting();
  void DropWaitingId(const Queued& queued);
  void DropWaitingKey(const Queued& queued);
  void SweepEntities();

  std::size_t waiting_max_;
  std::vector<std::unique_ptr<JoinWindow>> windows_;  // by slot; null: forgotten
  IdIndex index_{[this](RowPlace place) { return Wanted(place); }};
  std::unordered_map<IdHash, Waiting, IdHasher> waiting_by_id_;
  std::unordered_map<IdHash, Entity, IdHasher> entities_;
  std::deque<Queued> queue_;  // labels that had to wait, the first to come first; some have been joined since
  std::vector<Slot> changed_;
  std::size_t live_rows_ = 0;
  std::size_t waiting_by_key_ = 0;
  std::int64_t expired_ = 0;
};

}  // namespace mw::predictions
