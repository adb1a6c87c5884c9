// Rows of lineage's tables as nouns: of a db::Row, or of a db::RowView where they are read once and lie where they are.
#include <string>
#include <utility>

#include "base/text.h"
#include "db/scan.h"
#include "lineage/lineage_store.h"

namespace mw::lineage::store {
namespace {

template <typename AnyRow>
std::string TextOf(const AnyRow& row, std::size_t column) {
  return std::string(row.Text(column));
}

template <typename AnyRow>
Notes ReadNotes(const AnyRow& row, std::size_t first, Json labels) {
  return {TextOf(row, first), TextOf(row, first + 1), std::move(labels)};
}

template <typename AnyRow>
Result<Event> ReadEventOf(const AnyRow& row) {
  return Event{ExecutionId(TextOf(row, 0)), ArtifactId(TextOf(row, 1)),
               row.Text(2) == "input" ? Direction::kInput : Direction::kOutput, TextOf(row, 3), FromMicros(row.Int(4))};
}

/// Members that nothing was said in are by far the most.
Result<Json> ReadObject(std::string_view text) { return text == "{}" ? Json::MakeObject() : Json::Parse(text); }

template <typename AnyRow>
Result<Artifact> ReadArtifactOf(const AnyRow& row) {
  const auto state = ArtifactStateFromName(row.Text(6));
  if (!state) return DataLoss("an artifact of lineage has the unknown state ", Quoted(row.Text(6)));
  Json metadata = TRY(ReadObject(row.Text(7)));
  Json labels = TRY(ReadObject(row.Text(10)));
  return Artifact{ArtifactId(TextOf(row, 0)),
                  TextOf(row, 1),
                  TextOf(row, 2),
                  TextOf(row, 3),
                  TextOf(row, 4),
                  TextOf(row, 5),
                  *state,
                  std::move(metadata),
                  ReadNotes(row, 8, std::move(labels)),
                  FromMicros(row.Int(11)),
                  FromMicros(row.Int(12))};
}

template <typename AnyRow>
Result<Execution> ReadExecutionOf(const AnyRow& row) {
  const auto state = ExecutionStateFromName(row.Text(4));
  if (!state) return DataLoss("an execution of lineage has the unknown state ", Quoted(row.Text(4)));
  Json configuration = TRY(ReadObject(row.Text(6)));
  Json environment = TRY(ReadObject(row.Text(7)));
  Json metadata = TRY(ReadObject(row.Text(8)));
  Json labels = TRY(ReadObject(row.Text(11)));
  return Execution{ExecutionId(TextOf(row, 0)),
                   TextOf(row, 1),
                   TextOf(row, 2),
                   TextOf(row, 3),
                   *state,
                   TextOf(row, 5),
                   std::move(configuration),
                   std::move(environment),
                   std::move(metadata),
                   ReadNotes(row, 9, std::move(labels)),
                   FromMicros(row.Int(12)),
                   FromMicros(row.Int(13)),
                   FromMicros(row.Int(14)),
                   FromMicros(row.Int(15))};
}

}  // namespace

Result<Artifact> ReadArtifact(const db::Row& row) { return ReadArtifactOf(row); }
Result<Artifact> ReadArtifact(const db::RowView& row) { return ReadArtifactOf(row); }
Result<Execution> ReadExecution(const db::Row& row) { return ReadExecutionOf(row); }
Result<Execution> ReadExecution(const db::RowView& row) { return ReadExecutionOf(row); }
Result<Event> ReadEvent(const db::Row& row) { return ReadEventOf(row); }
Result<Event> ReadEvent(const db::RowView& row) { return ReadEventOf(row); }

}  // namespace mw::lineage::store
