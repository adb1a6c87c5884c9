// Walks of the graph, level by level: each level is a few statements, whatever its width, and what was seen is never
// asked for again. Nearest first, so that a walk that is cut keeps what matters most. Where a walk has become deep and
// narrow, a chain of retrainings, the database goes the rest of the way in one statement.
#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/lineage_store.h"

namespace mw::lineage {
namespace {

Direction Opposite(Direction direction) {
  return direction == Direction::kInput ? Direction::kOutput : Direction::kInput;
}

/// One walk one way. `through` kOutput: from an output to its execution and on to that one's inputs. Events are kept
/// when all of them is read.
class Walker {
 public:
  Walker(db::Snapshot& snapshot, Direction through, const Reach& reach, store::Part part)
      : snapshot_(snapshot), through_(through), reach_(reach), part_(part) {
    seen_.reserve(kSlice);
    ran_.reserve(kSlice);
  }

  Status Run(const std::vector<ArtifactId>& from) {
    for (const ArtifactId& id : from) Take(id);
    const bool endless = reach_.hops_max == Reach().hops_max;
    std::size_t begin = 0;
    for (std::int64_t hops = 0; hops < reach_.hops_max && !stopped_ && !truncated; hops += 2) {
      const std::size_t end = artifacts.size();
      if (begin == end) break;
      if (endless && hops >= kDeepHops && end - begin <= store::kShortBatch) return TakeRest(begin);
      TRY(Level(begin, end, hops + 1 < reach_.hops_max));
      begin = end;
    }
    return Ok();
  }
  /// Ends the walk at this artifact.
  void StopAt(const std::unordered_set<std::string>* targets) { targets_ = targets; }

  std::vector<ArtifactId> artifacts;
  std::vector<ExecutionId> executions;
  std::vector<Event> events;
  bool truncated = false;
  bool met = false;

 private:
  /// False when it is beyond what may be taken.
  bool Take(const ArtifactId& id) {
    if (artifacts.size() >= reach_.artifacts_max) {
      if (seen_.contains(id.text())) return true;
      truncated = full_ = true;
      return false;
    }
    if (!seen_.insert(id.text()).second) return true;
    artifacts.push_back(id);
    if (targets_ != nullptr && targets_->contains(id.text())) met = stopped_ = true;
    return true;
  }

  /// What lies behind a level, the artifacts from `begin` to `end`, some of them at a time: a wide level is not read to
  /// its end for what cannot be taken. Twice as many executions as artifacts are enough: each has an artifact on its
  /// other side, or ends.
  Status Level(std::size_t begin, std::size_t end, bool to_artifacts) {
    const std::size_t most = 2 * reach_.artifacts_max;
    for (std::size_t at = begin; at < end && !truncated; at += kSlice) {
      std::vector<Event> near = TRY(store::EventsAt(snapshot_, Slice(at, end), through_, most + 1, part_));
      for (std::size_t i = 0; i < near.size() && !full_;) {
        const std::size_t first = executions.size();
        TakeExecutions(near, i);
        if (to_artifacts) TRY(TakeArtifacts(first));
      }
      truncated = truncated || executions.size() > most;
    }
    return Ok();
  }

  /// Those of the events from `i` on, as many as are asked for at once.
  void TakeExecutions(std::vector<Event>& near, std::size_t& i) {
    for (const std::size_t most = executions.size() + kSlice; i < near.size() && executions.size() < most; ++i) {
      if (ran_.insert(near[i].execution.text()).second) executions.push_back(near[i].execution);
      Keep(near[i]);
    }
  }

  /// What is on the other side of the executions from `first` on.
  Status TakeArtifacts(std::size_t first) {
    for (Event& event : TRY(FarEvents(first))) {
      if (Take(event.artifact)) Keep(event);
    }
    return Ok();
  }

  /// Everything behind the artifacts from `begin` on, in one statement; then what ties it together.
  Status TakeRest(std::size_t begin) {
    const std::size_t most = reach_.artifacts_max + 1;
    const std::span<const ArtifactId> frontier = std::span(artifacts).subspan(begin);
    const std::vector<ArtifactId> rest = TRY(store::ReachedFrom(snapshot_, frontier, through_, most));
    for (const ArtifactId& id : rest) {
      if (stopped_ || !Take(id)) break;
    }
    truncated = truncated || (!stopped_ && rest.size() == most);
    for (std::size_t at = begin; at < artifacts.size(); at += kSlice) {
      std::vector<Event> near = TRY(store::EventsAt(snapshot_, Slice(at, artifacts.size()), through_, 2 * most, part_));
      for (std::size_t i = 0; i < near.size();) {
        const std::size_t first = executions.size();
        TakeExecutions(near, i);
        if (part_ != store::Part::kWhole) continue;
        for (Event& event : TRY(FarEvents(first))) {
          if (seen_.contains(event.artifact.text())) Keep(event);
        }
      }
    }
    return Ok();
  }

  Result<std::vector<Event>> FarEvents(std::size_t first) {
    return store::EventsAt(snapshot_, std::span(executions).subspan(first), Opposite(through_), part_);
  }

  void Keep(Event& event) {
    if (part_ == store::Part::kWhole) events.push_back(std::move(event));
  }

  std::span<const ArtifactId> Slice(std::size_t at, std::size_t end) const {
    return std::span(artifacts).subspan(at, std::min(kSlice, end - at));
  }

  static constexpr std::size_t kSlice = store::kBatch;
  static constexpr std::int64_t kDeepHops = 64;

  db::Snapshot& snapshot_;
  const Direction through_;
  const Reach& reach_;
  const store::Part part_;
  const std::unordered_set<std::string>* targets_ = nullptr;
  bool stopped_ = false;
  bool full_ = false;
  std::unordered_set<std::string> seen_, ran_;
};

template <typename IdType>
void Add(std::vector<IdType>& to, const std::vector<IdType>& more) {
  std::unordered_set<std::string> known;
  for (const IdType& id : to) known.insert(id.text());
  for (const IdType& id : more) {
    if (known.insert(id.text()).second) to.push_back(id);
  }
}

Result<Walker> WalkOnce(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach,
                        store::Part part) {
  Walker walker(snapshot, way == Way::kDownstream ? Direction::kInput : Direction::kOutput, reach, part);
  TRY(walker.Run(from));
  if (way != Way::kBoth) return walker;
  Walker down(snapshot, Direction::kInput, reach, part);
  TRY(down.Run(from));
  Add(walker.artifacts, down.artifacts);
  Add(walker.executions, down.executions);
  std::move(down.events.begin(), down.events.end(), std::back_inserter(walker.events));
  walker.truncated = walker.truncated || down.truncated;
  return walker;
}

/// Sorts where they are to go, and then moves each once: they are large.
template <typename Noun, typename Less>
void SortLarge(std::vector<Noun>& nouns, Less less) {
  std::vector<Noun*> order;
  order.reserve(nouns.size());
  for (Noun& noun : nouns) order.push_back(&noun);
  std::sort(order.begin(), order.end(), [&](const Noun* a, const Noun* b) { return less(*a, *b); });
  std::vector<Noun> sorted;
  sorted.reserve(nouns.size());
  for (Noun* noun : order) sorted.push_back(std::move(*noun));
  nouns = std::move(sorted);
}

template <typename Noun, typename Time>
void SortByTime(std::vector<Noun>& nouns, Time time) {
  SortLarge(nouns, [&](const Noun& a, const Noun& b) { return time(a) != time(b) ? time(a) < time(b) : a.id < b.id; });
}

void SortEvents(std::vector<Event>& events) {
  const auto key = [](const Event& event) {
    return std::tie(event.execution, event.direction, event.port, event.artifact);
  };
  SortLarge(events, [&](const Event& a, const Event& b) { return key(a) < key(b); });
  events.erase(
      std::unique(events.begin(), events.end(), [&](const Event& a, const Event& b) { return key(a) == key(b); }),
      events.end());
}

}  // namespace

Result<Graph> Lineage::Walk(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach) {
  Walker walker = TRY(WalkOnce(snapshot, from, way, reach, store::Part::kWhole));
  // Neighbours on disk are read one after the other.
  std::sort(walker.artifacts.begin(), walker.artifacts.end());
  std::sort(walker.executions.begin(), walker.executions.end());
  Graph graph;
  graph.artifacts = TRY(store::FindArtifacts(snapshot, walker.artifacts));
  for (const ArtifactId& id : from) {
    const bool there = std::any_of(graph.artifacts.begin(), graph.artifacts.end(),
                                   [&](const Artifact& artifact) { return artifact.id == id; });
    if (!there && !walker.truncated) return NotFound("lineage has no artifact ", Quoted(id.text()));
  }
  graph.executions = TRY(store::FindExecutions(snapshot, walker.executions));
  graph.events = std::move(walker.events);
  graph.truncated = walker.truncated;
  SortByTime(graph.artifacts, [](const Artifact& artifact) { return artifact.created; });
  SortByTime(graph.executions, [](const Execution& execution) { return execution.started; });
  SortEvents(graph.events);
  return graph;
}

Result<Lineage::Ids> Lineage::WalkIds(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way,
                                      const Reach& reach) {
  Walker walker = TRY(WalkOnce(snapshot, from, way, reach, store::Part::kOtherEnd));
  return Ids{std::move(walker.artifacts), std::move(walker.executions), walker.truncated};
}

Result<std::vector<ArtifactId>> Lineage::Reached(db::Snapshot& snapshot, const std::vector<ArtifactId>& from,
                                                 const std::vector<ArtifactId>& targets) {
  const Ids below = TRY(WalkIds(snapshot, from, Way::kDownstream, {}));
  std::unordered_set<std::string> met, origins;
  for (const ArtifactId& id : below.artifacts) met.insert(id.text());
  for (const ArtifactId& id : from) origins.insert(id.text());
  const Reach reach;
  std::vector<ArtifactId> reached;
  for (const ArtifactId& target : targets) {
    bool made_of = met.contains(target.text());
    if (!made_of && below.truncated) {
      Walker up(snapshot, Direction::kOutput, reach, store::Part::kOtherEnd);
      up.StopAt(&origins);
      TRY(up.Run({target}));
      made_of = up.met;
    }
    if (made_of) reached.push_back(target);
  }
  return reached;
}

Result<Graph> Lineage::Upstream(db::Snapshot& snapshot, const ArtifactId& id) {
  return Walk(snapshot, {id}, Way::kUpstream, {});
}

Result<Graph> Lineage::Downstream(db::Snapshot& snapshot, const ArtifactId& id) {
  return Walk(snapshot, {id}, Way::kDownstream, {});
}

}  // namespace mw::lineage
