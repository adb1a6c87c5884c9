// Walks of the graph, level by level: each level is a few statements, whatever its width, and what was seen is never
// asked for again. Nearest first, so that a walk that is cut keeps what matters most.
#include <algorithm>
#include <iterator>
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

/// One walk one way. `through` kOutput: from an output to its execution and on to that one's inputs.
class Walker {
 public:
  Walker(db::Snapshot& snapshot, Direction through, const Reach& reach)
      : snapshot_(snapshot), through_(through), reach_(reach) {}

  Status Run(const std::vector<ArtifactId>& from) {
    std::vector<ArtifactId> frontier;
    for (const ArtifactId& id : from) Take(id, frontier);
    for (std::int64_t hops = 0; hops < reach_.hops_max && !frontier.empty() && !stopped_ && !truncated; ++hops) {
      const std::vector<ExecutionId> next = TRY(Executions(frontier));
      frontier.clear();
      if (++hops >= reach_.hops_max) break;
      TRY(Artifacts(next, frontier));
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
  bool Take(const ArtifactId& id, std::vector<ArtifactId>& frontier) {
    if (seen_.contains(id.text())) return true;
    if (artifacts.size() >= reach_.artifacts_max) {
      truncated = true;
      return false;
    }
    seen_.insert(id.text());
    artifacts.push_back(id);
    frontier.push_back(id);
    if (targets_ != nullptr && targets_->contains(id.text())) met = stopped_ = true;
    return true;
  }

  /// A level of twice as many as may be taken is enough: each execution has an artifact on its other side, or ends
  /// there.
  Result<std::vector<ExecutionId>> Executions(const std::vector<ArtifactId>& frontier) {
    std::vector<ExecutionId> next;
    for (std::size_t at = 0; at < frontier.size(); at += kSlice) {
      if (next.size() > 2 * reach_.artifacts_max) {
        truncated = true;
        break;
      }
      const std::vector<ArtifactId> slice(
          frontier.begin() + static_cast<std::ptrdiff_t>(at),
          frontier.begin() + static_cast<std::ptrdiff_t>(std::min(at + kSlice, frontier.size())));
      for (Event& event : TRY(store::EventsAt(snapshot_, slice, through_))) {
        if (ran_.insert(event.execution.text()).second) {
          next.push_back(event.execution);
          executions.push_back(event.execution);
        }
        events.push_back(std::move(event));
      }
    }
    return next;
  }

  /// Some at a time: a wide level is not read to its end for what cannot be taken.
  Status Artifacts(const std::vector<ExecutionId>& next, std::vector<ArtifactId>& frontier) {
    for (std::size_t at = 0; at < next.size() && !truncated; at += kSlice) {
      const std::vector<ExecutionId> slice(
          next.begin() + static_cast<std::ptrdiff_t>(at),
          next.begin() + static_cast<std::ptrdiff_t>(std::min(at + kSlice, next.size())));
      for (Event& event : TRY(store::EventsAt(snapshot_, slice, Opposite(through_)))) {
        if (Take(event.artifact, frontier)) events.push_back(std::move(event));
      }
    }
    return Ok();
  }

  static constexpr std::size_t kSlice = 1024;

  db::Snapshot& snapshot_;
  const Direction through_;
  const Reach& reach_;
  const std::unordered_set<std::string>* targets_ = nullptr;
  bool stopped_ = false;
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

Result<Walker> WalkOnce(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach) {
  Walker walker(snapshot, way == Way::kDownstream ? Direction::kInput : Direction::kOutput, reach);
  TRY(walker.Run(from));
  if (way != Way::kBoth) return walker;
  Walker down(snapshot, Direction::kInput, reach);
  TRY(down.Run(from));
  Add(walker.artifacts, down.artifacts);
  Add(walker.executions, down.executions);
  std::move(down.events.begin(), down.events.end(), std::back_inserter(walker.events));
  walker.truncated = walker.truncated || down.truncated;
  return walker;
}

template <typename Noun, typename Time>
void SortByTime(std::vector<Noun>& nouns, Time time) {
  std::sort(nouns.begin(), nouns.end(),
            [&](const Noun& a, const Noun& b) { return std::pair(time(a), a.id) < std::pair(time(b), b.id); });
}

void SortEvents(std::vector<Event>& events) {
  const auto key = [](const Event& event) {
    return std::tie(event.execution, event.direction, event.port, event.artifact);
  };
  std::sort(events.begin(), events.end(), [&](const Event& a, const Event& b) { return key(a) < key(b); });
  events.erase(
      std::unique(events.begin(), events.end(), [&](const Event& a, const Event& b) { return key(a) == key(b); }),
      events.end());
}

}  // namespace

Result<Graph> Lineage::Walk(db::Snapshot& snapshot, const std::vector<ArtifactId>& from, Way way, const Reach& reach) {
  Walker walker = TRY(WalkOnce(snapshot, from, way, reach));
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
  Walker walker = TRY(WalkOnce(snapshot, from, way, reach));
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
      Walker up(snapshot, Direction::kOutput, reach);
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
