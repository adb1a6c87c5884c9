// The join against an oracle that looks at everything at once, in any order of arrival.
#include "predictions/label_join.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

#include "base/random.h"
#include "base/text.h"

namespace mw::predictions {
namespace {

using wire::Label;
using wire::LabelBy;

struct Row {
  std::string id;
  std::string key;
  std::int64_t event_time_us = 0;
  float prediction = 0;
};
struct Piece {
  std::int64_t window = 0;
  std::int64_t version = 1;
  std::vector<Row> rows;
};

/// Feeds a join and reads it back by window.
class Fixture {
 public:
  explicit Fixture(std::size_t waiting_max = 1000) : join_(waiting_max) {}
  void Add(const Piece& piece) {
    std::vector<std::string> ids;
    std::vector<std::string> keys;
    std::vector<std::int64_t> times;
    std::vector<float> predictions;
    for (const Row& row : piece.rows) {
      ids.push_back(row.id);
      keys.push_back(row.key);
      times.push_back(row.event_time_us);
      predictions.push_back(row.prediction);
    }
    const auto [slot, is_new] = slots_.try_emplace({piece.window, piece.version}, 0);
    if (is_new) slot->second = join_.AddWindow(piece.version);
    join_.AddRows(slot->second, {++arrival_, ids, keys, times, predictions});
  }
  LabelJoin::Effect Add(const Label& label) { return join_.AddLabel(label, ++arrival_); }
  [[nodiscard]] const JoinWindow& window(std::int64_t window, std::int64_t version = 1) const {
    return join_.window(slots_.at({window, version}));
  }
  [[nodiscard]] LabelJoin::Slot slot(std::int64_t window, std::int64_t version = 1) const {
    return slots_.at({window, version});
  }
  LabelJoin& join() { return join_; }

 private:
  LabelJoin join_;
  std::map<std::pair<std::int64_t, std::int64_t>, LabelJoin::Slot> slots_;
  std::int64_t arrival_ = 0;
};

Label ById(std::string id, double value, std::int64_t at) { return {LabelBy::kPrediction, std::move(id), value, at}; }
Label ByKey(std::string key, double value, std::int64_t at) { return {LabelBy::kKey, std::move(key), value, at}; }

TEST(LabelJoinTest, JoinsInEitherOrder) {
  Fixture fixture;
  EXPECT_EQ(fixture.Add(ById("b", 1, 20)), LabelJoin::Effect::kWaiting);
  EXPECT_EQ(fixture.join().waiting(), 1U);
  fixture.Add(Piece{0, 1, {{"a", "", 1, 0.25F}, {"b", "", 2, 0.5F}}});
  EXPECT_EQ(fixture.join().waiting(), 0U);
  EXPECT_EQ(fixture.Add(ById("a", 0, 30)), LabelJoin::Effect::kJoined);
  const JoinCounts& counts = fixture.window(0).counts;
  EXPECT_EQ(counts.rows, 2);
  EXPECT_EQ(counts.labelled, 2);
  EXPECT_EQ(counts.early, 1);
  EXPECT_EQ(counts.label_sum.Value(), 1);
  EXPECT_EQ(counts.prediction_sum.Value(), 0.75);
}

TEST(LabelJoinTest, TheLatestLabelHoldsAndTheOthersAreCounted) {
  Fixture fixture;
  fixture.Add(Piece{0, 1, {{"a", "", 1, 0.5F}}});
  fixture.Add(ById("a", 1, 30));
  fixture.Add(ById("a", 0, 20));  // known earlier, came later
  EXPECT_EQ(fixture.window(0).rows[0].label.value, 1);
  fixture.Add(ById("a", 1, 30));
  fixture.Add(ById("a", 0, 30));  // equally late: the one that came last
  EXPECT_EQ(fixture.window(0).rows[0].label.value, 0);
  fixture.Add(ById("a", 1, wire::kNoLabelTime));  // yields to one with a time
  EXPECT_EQ(fixture.window(0).rows[0].label.value, 0);
  EXPECT_EQ(fixture.window(0).counts.labelled, 1);
  EXPECT_EQ(fixture.window(0).counts.duplicates, 4);
  EXPECT_EQ(fixture.window(0).counts.contradictions, 1);
}

TEST(LabelJoinTest, EveryVersionOfAPredictionGetsItsLabel) {
  Fixture fixture;
  fixture.Add(Piece{0, 1, {{"a", "", 1, 0.5F}}});
  fixture.Add(ById("a", 1, 30));
  fixture.Add(Piece{0, 2, {{"a", "", 1, 0.7F}}});  // after the label
  EXPECT_EQ(fixture.window(0, 1).counts.labelled, 1);
  EXPECT_EQ(fixture.window(0, 2).counts.labelled, 1);
  EXPECT_EQ(fixture.window(0, 1).counts.repeated, 0);
}

TEST(LabelJoinTest, APredictionMadeAgainTakesThePlaceOfTheFirst) {
  Fixture fixture;
  fixture.Add(Piece{0, 1, {{"a", "", 1, 0.5F}}});
  fixture.Add(ById("a", 1, 30));
  fixture.Add(Piece{0, 1, {{"a", "", 1, 0.75F}, {"a", "", 2, 0.125F}}});  // the second is another event
  const JoinCounts& counts = fixture.window(0).counts;
  EXPECT_EQ(counts.rows, 3);
  EXPECT_EQ(counts.repeated, 1);
  EXPECT_EQ(counts.labelled, 2);
  EXPECT_EQ(counts.prediction_sum.Value(), 0.875);
}

TEST(LabelJoinTest, ALabelByKeyBelongsToTheLastPredictionBeforeIt) {
  Fixture fixture;
  EXPECT_EQ(fixture.Add(ByKey("k", 1, 25)), LabelJoin::Effect::kWaiting);
  fixture.Add(Piece{0, 1, {{"a", "k", 10, 0.5F}}});
  EXPECT_EQ(fixture.window(0).rows[0].label.value, 1);
  fixture.Add(Piece{0, 1, {{"b", "k", 20, 0.5F}, {"c", "k", 30, 0.5F}}});
  const auto& rows = fixture.window(0).rows;
  EXPECT_EQ(rows[0].label.count, 0) << "it moved on to the later prediction";
  EXPECT_EQ(rows[1].label.value, 1);
  EXPECT_EQ(rows[2].label.count, 0);
  EXPECT_EQ(fixture.Add(ByKey("k", 7, wire::kNoLabelTime)), LabelJoin::Effect::kJoined);
  EXPECT_EQ(rows[2].label.value, 7);
  EXPECT_EQ(fixture.Add(ByKey("k", 7, 9)), LabelJoin::Effect::kWaiting) << "before every prediction";
  EXPECT_EQ(fixture.Add(ById("b", 0, 5)), LabelJoin::Effect::kJoined);
  EXPECT_EQ(rows[1].label.value, 0) << "by id goes before by key";
  fixture.Add(ByKey("k", 1, 26));
  EXPECT_EQ(rows[1].label.value, 0);
  EXPECT_EQ(fixture.join().waiting(), 1U);
}

TEST(LabelJoinTest, KnowsWhatIsTooLateAndWhatWasConsumed) {
  Fixture fixture;
  fixture.Add(Piece{0, 1, {{"a", "k", 1, 0.5F}}});
  fixture.join().Settle(fixture.slot(0), 5);
  EXPECT_EQ(fixture.join().AddLabel(ById("a", 1, 2), 4), LabelJoin::Effect::kConsumed);
  EXPECT_EQ(fixture.join().AddLabel(ById("a", 1, 2), 6), LabelJoin::Effect::kTooLate);
  EXPECT_EQ(fixture.join().AddLabel(ByKey("k", 1, 2), 6), LabelJoin::Effect::kTooLate);
  fixture.join().Release(fixture.slot(0));
  EXPECT_EQ(fixture.join().live_rows(), 0U);
  EXPECT_EQ(fixture.join().AddLabel(ById("a", 1, 2), 7), LabelJoin::Effect::kTooLate);
  fixture.join().Forget(fixture.slot(0));
  EXPECT_EQ(fixture.join().AddLabel(ById("a", 1, 2), 8), LabelJoin::Effect::kWaiting);
}

TEST(LabelJoinTest, WaitingLabelsAreBoundedAndExpire) {
  Fixture fixture(3);
  for (int i = 0; i < 5; ++i) fixture.Add(ById(Cat("x", i), 1, i));
  fixture.Add(ByKey("y", 1, 9));
  EXPECT_EQ(fixture.join().waiting(), 3U);
  EXPECT_EQ(fixture.join().expired(), 3);
  EXPECT_EQ(fixture.join().OldestNeededLabel(), 4);
  fixture.join().Expire([](std::int64_t time_us, std::int64_t) { return time_us < 5; });
  EXPECT_EQ(fixture.join().waiting(), 1U);
  EXPECT_EQ(fixture.join().expired(), 5);
  fixture.join().Expire([](std::int64_t, std::int64_t) { return true; });
  EXPECT_EQ(fixture.join().waiting(), 0U);
}

TEST(LabelJoinTest, AnIdThatIsUsedOverAndOverStaysCheap) {
  Fixture fixture;
  Piece piece{0, 1, {}};
  for (int i = 0; i < 100'000; ++i) piece.rows.push_back({"same", "same", i, 0.5F});
  fixture.Add(piece);
  EXPECT_EQ(fixture.Add(ById("same", 1, 1)), LabelJoin::Effect::kJoined);
  EXPECT_EQ(fixture.window(0).counts.labelled, static_cast<std::int64_t>(IdIndex::kRowsPerIdMax));
  EXPECT_EQ(fixture.window(0).rows.back().label.value, 1) << "the newest are those that are joined";
}

// ---- any order ---------------------------------------------------------------------------------------------------

using Event = std::variant<Piece, Label>;

/// What each (window, version, id) must end up with: the value of its label, or nothing.
std::map<std::string, double> Expected(const std::vector<Event>& events) {
  struct Known {
    Row row;
    std::int64_t window;
    std::int64_t version;
  };
  std::vector<Known> rows;
  std::vector<Label> labels;
  for (const Event& event : events) {
    if (const auto* piece = std::get_if<Piece>(&event)) {
      for (const Row& row : piece->rows) rows.push_back({row, piece->window, piece->version});
    } else {
      labels.push_back(std::get<Label>(event));
    }
  }
  std::map<std::string, double> expected;
  for (const Known& known : rows) {
    std::int64_t until = std::numeric_limits<std::int64_t>::max();
    for (const Known& other : rows) {
      const bool same = other.row.key == known.row.key && other.version == known.version;
      if (same && other.row.event_time_us > known.row.event_time_us) until = std::min(until, other.row.event_time_us);
    }
    std::optional<std::pair<std::int64_t, double>> by_id;
    std::optional<std::pair<std::int64_t, double>> by_key;
    for (const Label& label : labels) {
      const std::pair candidate(label.time_us, label.value);
      if (label.by == LabelBy::kPrediction) {
        if (label.id == known.row.id && (!by_id || candidate > *by_id)) by_id = candidate;
      } else if (label.id == known.row.key && label.time_us >= known.row.event_time_us && label.time_us < until) {
        if (!by_key || candidate > *by_key) by_key = candidate;
      }
    }
    const auto holds = by_id ? by_id : by_key;
    expected[Cat(known.window, "/", known.version, "/", known.row.id)] = holds ? holds->second : -1;
  }
  return expected;
}

TEST(LabelJoinTest, GivesTheSameForEveryOrderOfArrival) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<Event> events;
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::string>> ids;  // by window and version
    for (int p = 0; p < 12; ++p) {
      Piece piece{static_cast<std::int64_t>(random.Below(3)), 1 + static_cast<std::int64_t>(random.Below(2)), {}};
      for (int r = 0; r < 6; ++r) {
        const std::int64_t at = piece.window * 100 + static_cast<std::int64_t>(random.Below(100));
        // Ids are shared between versions, and unique within one.
        const std::string id = Cat("p", piece.window, "-", p, "-", r);
        piece.rows.push_back({id, Cat("k", random.Below(8)), at, static_cast<float>(random.Uniform())});
      }
      Piece shadow = piece;
      shadow.version = 3;
      events.emplace_back(piece);
      if (random.Below(2) == 0) events.emplace_back(shadow);
    }
    for (int l = 0; l < 120; ++l) {
      // Times differ, so that the order of arrival decides nothing.
      const auto time = static_cast<std::int64_t>(random.Below(400) * 1000) / 1000;
      const double value = static_cast<double>(l);
      if (random.Below(3) == 0) {
        events.emplace_back(ByKey(Cat("k", random.Below(8)), value, time));
      } else {
        events.emplace_back(ById(Cat("p", random.Below(3), "-", random.Below(12), "-", random.Below(6)), value, time));
      }
    }
    // Of labels with equal names and times only one is kept: which of them comes last is a matter of order.
    std::map<std::string, bool> seen;
    std::erase_if(events, [&seen](const Event& event) {
      const auto* label = std::get_if<Label>(&event);
      return label != nullptr &&
             !seen.emplace(Cat(static_cast<int>(label->by), label->id, "@", label->time_us), true).second;
    });
    const std::map<std::string, double> expected = Expected(events);
    std::optional<std::pair<double, std::int64_t>> first_sums;
    for (int order = 0; order < 4; ++order) {
      for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[random.Below(i)]);
      Fixture fixture;
      std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::string>> order_of;
      for (const Event& event : events) {
        if (const auto* piece = std::get_if<Piece>(&event)) {
          fixture.Add(*piece);
          for (const Row& row : piece->rows) order_of[{piece->window, piece->version}].push_back(row.id);
        } else {
          fixture.Add(std::get<Label>(event));
        }
      }
      double sum = 0;
      std::int64_t labelled = 0;
      for (const auto& [place, row_ids] : order_of) {
        const JoinWindow& window = fixture.window(place.first, place.second);
        for (std::size_t i = 0; i < row_ids.size(); ++i) {
          const LabelState& label = window.rows[i].label;
          EXPECT_EQ(label.count > 0 ? label.value : -1,
                    expected.at(Cat(place.first, "/", place.second, "/", row_ids[i])))
              << "seed " << seed << " order " << order << " row " << row_ids[i];
        }
        sum += window.counts.prediction_sum.Value();
        labelled += window.counts.labelled;
      }
      if (!first_sums) first_sums = std::pair(sum, labelled);
      EXPECT_EQ(first_sums->first, sum);
      EXPECT_EQ(first_sums->second, labelled);
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(OrderedSumTest, IsExactAndForgets) {
  OrderedSum sum;
  Random random(1);
  std::vector<double> terms;
  for (int i = 0; i < 1000; ++i) terms.push_back(static_cast<double>(static_cast<float>(random.Normal())));
  for (const double term : terms) sum.Add(term, 1);
  OrderedSum backwards;
  for (auto term = terms.rbegin(); term != terms.rend(); ++term) backwards.Add(*term, 1);
  EXPECT_EQ(sum, backwards);
  EXPECT_EQ(OrderedSum::Of(sum.high(), sum.low()), sum);
  for (const double term : terms) sum.Add(term, -1);
  EXPECT_EQ(sum.Value(), 0);
  sum.Add(std::nan(""), 1);
  EXPECT_EQ(sum.Value(), 0);
  sum.Add(-1e300, 1);
  EXPECT_EQ(sum.Value(), -1099511627776.0);
}

}  // namespace
}  // namespace mw::predictions
