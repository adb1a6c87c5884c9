// import: with {name: file, ...}; each file becomes the dataset of that name. Every file that cannot be
// read is named, not only the first.

#include "base/file.h"
#include "steps/data_task.h"
#include "steps/file_digest.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

struct Import {
  std::string name;
  std::string path;
};

Result<std::vector<Import>> Imports(const StepTask& task) {
  std::vector<Import> imports;
  for (const auto& [name, value] : task.with.AsObject()) {
    const std::string path = TRY(TextOption(task, name));
    imports.push_back({name, task.Resolve(path)});
  }
  if (imports.empty()) {
    return InvalidArgument("step ", Quoted(task.step),
                           " (import) names no file; write with: {flights: data/flights.parquet}");
  }
  return imports;
}

Result<data::Dataset> ImportOne(data::DuckdbSession& session, const StepTask& task, const Import& import) {
  TRY(session.Bind(import.name, import.path));
  data::DatasetSpec spec;
  spec.sources.push_back(TRY(DigestOfFile(import.path)));
  // A CSV file is read once, into a table: its types come from all its rows.
  TRY(session.Materialise("mw_import", Cat("SELECT * FROM ", data::SqlName(import.name)), import.path));
  return data::WriteDataset(session, "SELECT * FROM mw_import", spec, TRY(task.Output(import.name)));
}

}  // namespace

Result<StepResult> RunImport(const StepTask& task) {
  const std::vector<Import> imports = TRY(Imports(task));
  std::vector<std::string> names;
  std::vector<std::string> paths;
  for (const Import& import : imports) {
    names.push_back(import.name);
    paths.push_back(import.path);
  }
  data::DuckdbSession session = TRY(OpenSession(task, names, paths));
  StepResult result;
  std::vector<std::string> done;
  std::vector<std::string> failed;
  for (const Import& import : imports) {
    const auto dataset = ImportOne(session, task, import);
    if (!dataset.ok()) {
      failed.push_back(dataset.error().ToString());
      continue;
    }
    done.push_back(Cat(import.name, " ", WithThousands(dataset->rows)));
    result.metrics[import.name + ".rows"] = dataset->rows;
    result.output_metadata[import.name] = DatasetMetadata(*dataset);
  }
  if (!failed.empty()) return InvalidArgument(Join(failed, "\n"));
  result.summary = Cat("rows imported: ", Join(done, ", "));
  return result;
}

}  // namespace mw::steps
