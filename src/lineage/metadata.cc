// Checks, ids, pages.
#include "lineage/metadata.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/lineage_store.h"
#include "lineage/metadata_store.h"

namespace mw::lineage {
namespace {

/// [a-z0-9][a-z0-9_-]{0,127}
bool IsResourceId(std::string_view text) {
  if (text.empty() || text.size() > 128 || text.front() == '-' || text.front() == '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

template <typename Noun>
Status CheckCommon(const Noun& noun, std::string_view type, std::string_view name) {
  if (!IsResourceId(noun.id.text())) {
    return InvalidArgument(Quoted(noun.id.text()), " is no id; use up to 128 of a-z, 0-9, - and _, a letter or digit ",
                           "first");
  }
  if (!type.empty() && type.find('.') == std::string_view::npos && type.size() > 128) {
    return InvalidArgument("the schema title is longer than 128 bytes");
  }
  if (name.size() > Lineage::kTitleBytesMax || noun.notes.description.size() > 64 * Lineage::kTitleBytesMax) {
    return InvalidArgument("display name or description of ", Quoted(noun.id.text()), " is too long");
  }
  if (!noun.metadata.IsObject() || !noun.notes.labels.IsObject()) {
    return InvalidArgument("metadata and labels of ", Quoted(noun.id.text()), " must be objects");
  }
  const std::size_t bytes = noun.metadata.Dump().size() + noun.notes.labels.Dump().size();
  if (bytes <= Lineage::kJsonBytesMax) return Ok();
  return InvalidArgument("metadata and labels of ", Quoted(noun.id.text()), " are ", bytes, " bytes; at most ",
                         Lineage::kJsonBytesMax);
}

Status Check(const Artifact& artifact) { return CheckCommon(artifact, artifact.type, artifact.title); }
Status Check(const Execution& execution) { return CheckCommon(execution, execution.type, execution.name); }
Status Check(const Context& context) { return CheckCommon(context, context.name.type, context.name.name); }

template <typename Noun>
void Begin(Noun& noun, const Clock& clock) {
  if (noun.id.empty()) noun.id = NewId<decltype(noun.id)>(clock);
  noun.created = noun.updated = clock.Now();
}

/// What makes a token another query's.
std::string QueryDigest(const ListQuery& query) {
  return Sha256Hex(Cat(query.project, "\n", query.filter, "\n", query.order_by)).substr(0, 16);
}

std::string TokenOf(const ListQuery& query, const db::Values& place) {
  Json values = Json::MakeArray();
  values.Append(QueryDigest(query));
  for (const db::Value& value : place) {
    const auto* number = std::get_if<std::int64_t>(&value);
    values.Append(number != nullptr ? Json(*number) : Json(std::get<std::string>(value)));
  }
  return Hex(values.Dump());
}

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned byte = 0;
    const auto read = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (read.ptr != hex.data() + i + 2) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

/// The values of a token, each of the type of its key.
Result<db::Values> PlaceOf(const ListQuery& query, const std::vector<OrderKey>& order) {
  db::Values place;
  if (query.page_token.empty()) return place;
  const Error wrong = InvalidArgument("page_token is of no page of this query; begin again without one");
  const std::optional<std::string> text =
      query.page_token.size() > 64 * 1024 ? std::nullopt : FromHex(query.page_token);
  if (!text) return wrong;
  const Result<Json> values = Json::Parse(*text);
  if (!values.ok() || !values->IsArray() || values->AsArray().size() != order.size() + 2) return wrong;
  const Json::Array& parts = values->AsArray();
  if (parts[0] != Json(QueryDigest(query))) return wrong;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const bool number = i <= order.size() && IsTime(order[i - 1].subject);
    if (number ? !parts[i].IsInt() : !parts[i].IsString()) return wrong;
    place.push_back(number ? db::Value(parts[i].AsInt()) : db::Value(parts[i].AsString()));
  }
  return place;
}

Result<store::Selection> SelectionOf(Noun noun, const ListQuery& query) {
  if (query.page_size < 1 || query.page_size > Metadata::kPageMax) {
    return InvalidArgument("page_size is 1 to ", Metadata::kPageMax, ", not ", query.page_size);
  }
  store::Selection selection;
  selection.project = query.project;
  selection.filter = TRY(ParseMetadataFilter(noun, query.filter));
  selection.order = TRY(ParseMetadataOrder(noun, query.order_by));
  if (selection.order.empty()) selection.order = {{Subject::kCreateTime, true}};
  selection.after = TRY(PlaceOf(query, selection.order));
  selection.limit = query.page_size + 1;
  return selection;
}

template <typename Noun>
Page<Noun> PageOf(const ListQuery& query, store::Selected<Noun> selected) {
  Page<Noun> page;
  page.entries = std::move(selected.entries);
  const auto size = static_cast<std::size_t>(query.page_size);
  if (page.entries.size() <= size) return page;
  page.entries.resize(size);
  page.next_page_token = TokenOf(query, selected.places[size - 1]);
  return page;
}

template <typename IdType>
Error Absent(std::string_view noun, const IdType& id) {
  return NotFound("there is no ", noun, " ", Quoted(id.text()));
}

template <typename IdType>
Status CheckCount(const std::vector<IdType>& ids, std::string_view nouns) {
  if (ids.size() <= Metadata::kSubgraphMax) return Ok();
  return FailedPrecondition("the context has more than ", Metadata::kSubgraphMax, " ", nouns,
                            "; list them with in_context(...)");
}

/// Of the events those between what is in the graph.
void KeepInner(Graph& graph) {
  std::unordered_set<std::string> artifacts;
  for (const Artifact& artifact : graph.artifacts) artifacts.insert(artifact.id.text());
  std::erase_if(graph.events, [&](const Event& event) { return !artifacts.contains(event.artifact.text()); });
}

}  // namespace

Result<Artifact> Metadata::Create(db::Transaction& transaction, Artifact artifact) const {
  Begin(artifact, clock_);
  TRY(Check(artifact));
  if (TRY(store::FindArtifact(transaction, artifact.id))) {
    return AlreadyExists("there is an artifact ", Quoted(artifact.id.text()), " already");
  }
  TRY(store::InsertArtifact(transaction, artifact));
  return artifact;
}

Result<Execution> Metadata::Create(db::Transaction& transaction, Execution execution) const {
  Begin(execution, clock_);
  TRY(Check(execution));
  if (execution.started == Timestamp{}) execution.started = execution.created;
  if (TRY(store::InsertExecution(transaction, execution))) return execution;
  return AlreadyExists("there is an execution ", Quoted(execution.id.text()), " already");
}

Result<Context> Metadata::Create(db::Transaction& transaction, Context context) const {
  Begin(context, clock_);
  if (context.name.name.empty()) context.name.name = context.id.text();
  TRY(Check(context));
  if (!TRY(store::InsertContext(transaction, context))) {
    return AlreadyExists("there is a context ", Quoted(context.id.text()), " already, or one of that type and name");
  }
  for (const ContextId& parent : context.parents) TRY(AddChildren(transaction, parent, {context.id}));
  return context;
}

Result<Artifact> Metadata::Update(db::Transaction& transaction, Artifact artifact) const {
  TRY(Check(artifact));
  artifact.updated = clock_.Now();
  if (!TRY(store::UpdateArtifact(transaction, artifact))) return Absent("artifact", artifact.id);
  return artifact;
}

Result<Execution> Metadata::Update(db::Transaction& transaction, Execution execution) const {
  TRY(Check(execution));
  execution.updated = clock_.Now();
  if (!TRY(store::UpdateExecution(transaction, execution))) return Absent("execution", execution.id);
  return execution;
}

Result<Context> Metadata::Update(db::Transaction& transaction, Context context) const {
  TRY(Check(context));
  context.updated = clock_.Now();
  if (!TRY(store::UpdateContext(transaction, context))) return Absent("context", context.id);
  return context;
}

Result<Context> Metadata::ContextById(db::Snapshot& snapshot, const ContextId& id) {
  std::optional<Context> context = TRY(store::FindContext(snapshot, id));
  if (!context) return Absent("context", id);
  return *std::move(context);
}

Result<Page<Artifact>> Metadata::ListArtifacts(db::Snapshot& snapshot, const ListQuery& query) {
  const store::Selection selection = TRY(SelectionOf(Noun::kArtifact, query));
  return PageOf(query, TRY(store::SelectArtifacts(snapshot, selection)));
}

Result<Page<Execution>> Metadata::ListExecutions(db::Snapshot& snapshot, const ListQuery& query) {
  const store::Selection selection = TRY(SelectionOf(Noun::kExecution, query));
  return PageOf(query, TRY(store::SelectExecutions(snapshot, selection)));
}

Result<Page<Context>> Metadata::ListContexts(db::Snapshot& snapshot, const ListQuery& query) {
  const store::Selection selection = TRY(SelectionOf(Noun::kContext, query));
  return PageOf(query, TRY(store::SelectContexts(snapshot, selection)));
}

Status Metadata::AddToContext(db::Transaction& transaction, const ContextId& context,
                              const std::vector<ArtifactId>& artifacts, const std::vector<ExecutionId>& executions) {
  TRY(ContextById(transaction, context));
  for (const ArtifactId& artifact : artifacts) {
    if (!TRY(store::FindArtifact(transaction, artifact))) return Absent("artifact", artifact);
    TRY(store::JoinContext(transaction, context, artifact));
  }
  for (const ExecutionId& execution : executions) {
    if (!TRY(store::FindExecution(transaction, execution))) return Absent("execution", execution);
    TRY(store::JoinContext(transaction, context, execution));
  }
  return Ok();
}

Status Metadata::AddChildren(db::Transaction& transaction, const ContextId& parent,
                             const std::vector<ContextId>& children) {
  TRY(ContextById(transaction, parent));
  for (const ContextId& child : children) {
    TRY(ContextById(transaction, child));
    if (TRY(store::IsAbove(transaction, child, parent))) {
      return InvalidArgument("context ", Quoted(child.text()), " cannot be a child of ", Quoted(parent.text()),
                             ": it is above it");
    }
    TRY(store::SetParent(transaction, child, parent));
  }
  return Ok();
}

Status Metadata::RemoveChildren(db::Transaction& transaction, const ContextId& parent,
                                const std::vector<ContextId>& children) {
  TRY(ContextById(transaction, parent));
  for (const ContextId& child : children) TRY(store::RemoveParent(transaction, child, parent));
  return Ok();
}

Status Metadata::AddEvents(db::Transaction& transaction, const ExecutionId& execution,
                           std::vector<Event> events) const {
  if (events.size() > Lineage::kPortsMax) {
    return InvalidArgument("at most ", Lineage::kPortsMax, " events at once, not ", events.size());
  }
  if (!TRY(store::FindExecution(transaction, execution))) return Absent("execution", execution);
  std::vector<Event> known = TRY(store::EventsOf(transaction, execution));
  for (Event& event : events) {
    if (!TRY(store::FindArtifact(transaction, event.artifact))) return Absent("artifact", event.artifact);
    const bool tied = std::any_of(known.begin(), known.end(), [&](const Event& one) {
      return one.artifact == event.artifact && one.direction == event.direction;
    });
    if (tied) continue;
    event.execution = execution;
    event.at = clock_.Now();
    const bool taken = std::any_of(known.begin(), known.end(), [&](const Event& one) {
      return one.port == event.port && one.direction == event.direction;
    });
    if (event.port.empty() || taken) event.port = event.artifact.text();
    TRY(store::InsertEvent(transaction, event));
    known.push_back(event);
  }
  return Ok();
}

Result<Graph> Metadata::ContextSubgraph(db::Snapshot& snapshot, const ContextId& context) {
  TRY(ContextById(snapshot, context));
  constexpr auto kLimit = static_cast<std::int64_t>(kSubgraphMax) + 1;
  std::vector<ArtifactId> artifacts = TRY(store::ArtifactsIn(snapshot, context, kLimit));
  const std::vector<ExecutionId> executions = TRY(store::ExecutionsIn(snapshot, context, kLimit));
  TRY(CheckCount(executions, "executions"));
  Graph graph;
  std::unordered_set<std::string> known;
  for (const ArtifactId& id : artifacts) known.insert(id.text());
  for (const Direction direction : {Direction::kInput, Direction::kOutput}) {
    for (Event& event : TRY(store::EventsAt(snapshot, executions, direction))) {
      if (known.insert(event.artifact.text()).second) artifacts.push_back(event.artifact);
      graph.events.push_back(std::move(event));
    }
  }
  TRY(CheckCount(artifacts, "artifacts"));
  graph.artifacts = TRY(store::FindArtifacts(snapshot, artifacts));
  graph.executions = TRY(store::FindExecutions(snapshot, executions));
  return graph;
}

Result<Graph> Metadata::InputsAndOutputs(db::Snapshot& snapshot, const ExecutionId& execution) {
  Graph graph;
  graph.executions = TRY(store::FindExecutions(snapshot, std::span(&execution, 1)));
  if (graph.executions.empty()) return Absent("execution", execution);
  graph.events = TRY(store::EventsOf(snapshot, execution));
  std::vector<ArtifactId> artifacts;
  for (const Event& event : graph.events) {
    if (std::find(artifacts.begin(), artifacts.end(), event.artifact) == artifacts.end()) {
      artifacts.push_back(event.artifact);
    }
  }
  graph.artifacts = TRY(store::FindArtifacts(snapshot, artifacts));
  return graph;
}

Result<Graph> Metadata::ArtifactSubgraph(db::Snapshot& snapshot, const ArtifactId& artifact, std::int64_t hops_max,
                                         std::string_view filter) {
  if (hops_max < 0) return InvalidArgument("max_hops is 0 or more, not ", hops_max);
  const FilterNode wanted = TRY(ParseMetadataFilter(Noun::kArtifact, filter));
  Graph graph =
      TRY(Lineage::Walk(snapshot, {artifact}, Way::kBoth, {.hops_max = hops_max, .artifacts_max = kSubgraphMax}));
  if (wanted.kind == FilterNode::Kind::kAll && wanted.parts.empty()) return graph;
  std::vector<ArtifactId> ids;
  for (const Artifact& one : graph.artifacts) ids.push_back(one.id);
  std::unordered_set<std::string> kept = {artifact.text()};
  for (const ArtifactId& id : TRY(store::Matching(snapshot, ids, wanted))) kept.insert(id.text());
  std::erase_if(graph.artifacts, [&](const Artifact& one) { return !kept.contains(one.id.text()); });
  KeepInner(graph);
  return graph;
}

}  // namespace mw::lineage
