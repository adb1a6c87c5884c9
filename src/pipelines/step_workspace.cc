// Laying out and collecting one attempt's files.
#include "pipelines/step_workspace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "blob/directory_artifact.h"

namespace mw::pipelines {
namespace {

/// Not durable: after a power cut the attempt is lost, and a new one gets a new file.
Status WriteFile(const std::string& path, std::string_view content) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid()) return ErrnoError(errno, Cat("writing ", path));
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, Cat("writing ", path));
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return Ok();
}

blob::Artifact ToBlob(const Artifact& artifact) {
  return {artifact.digest, artifact.directory ? blob::ArtifactKind::kDirectory : blob::ArtifactKind::kFile,
          static_cast<std::uint64_t>(artifact.size_bytes)};
}

/// No result file: a program of the user's own need not write one, a built-in step always does.
Result<StepResult> ReadResult(const Step& step, const AttemptPaths& paths) {
  const Result<std::string> text = ReadFile(paths.Result(), kMaxResultBytes);
  if (text.ok()) return ParseResult(*text);
  if (text.error().code == Code::kNotFound && step.uses.empty()) return StepResult{};
  return InvalidArgument("it exited with 0, but its result.json cannot be read: ", text.error().message);
}

Error NotAsDeclared(const Output& output, const std::string& path, std::string_view what) {
  return InvalidArgument("it exited with 0, but its output ", output.name, " (a ", OutputKindName(output.kind), ", ",
                         path, ") ", what);
}

Result<Artifact> PutOutput(blob::BlobStore& blobs, const Output& output, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return NotAsDeclared(output, path, "is not there");
  const bool directory = S_ISDIR(info.st_mode);
  if (!directory && !S_ISREG(info.st_mode)) return NotAsDeclared(output, path, "is neither file nor directory");
  if (directory != (output.kind == OutputKind::kDirectory)) {
    return NotAsDeclared(output, path, directory ? "is a directory" : "is a file");
  }
  const blob::Artifact kept = TRY(blob::PutPath(blobs, path).In(Cat("output ", output.name)));
  return Artifact{kept.digest, directory, static_cast<std::int64_t>(kept.bytes), "", Json::MakeObject()};
}

}  // namespace

Status PrepareWorkspace(blob::BlobStore& blobs, const TaskContext& context) {
  TRY(MakeDirectories(context.paths.Inputs(), 0700));
  TRY(MakeDirectories(context.paths.Outputs(), 0700));
  for (const NamedArtifact& input : context.inputs) {
    const Status laid = blob::Materialise(blobs, ToBlob(input.artifact), context.paths.Input(input.name));
    if (laid.ok() || laid.error().code == Code::kAlreadyExists) continue;
    if (laid.error().code == Code::kNotFound) {
      return DataLoss("input ", input.name, " is no longer in the blob store: ", laid.error().message);
    }
    return Status(laid.error()).In(Cat("input ", input.name));
  }
  return WriteFile(context.paths.Task(), TaskFile(context));
}

Result<Collected> CollectOutputs(blob::BlobStore& blobs, const Step& step, const AttemptPaths& paths) {
  Collected collected;
  collected.result = TRY(ReadResult(step, paths));
  for (const Output& output : step.outputs) {
    NamedArtifact named;
    named.name = output.name;
    named.artifact = TRY(PutOutput(blobs, output, paths.Output(output.name)));
    for (const auto& [name, metadata] : collected.result.output_metadata) {
      if (name == output.name) named.artifact.metadata = metadata;
    }
    collected.outputs.push_back(std::move(named));
  }
  return collected;
}

void TidyWorkspace(const AttemptPaths& paths) {
  std::error_code ignored;
  std::filesystem::remove_all(paths.Inputs(), ignored);
  std::filesystem::remove_all(paths.Outputs(), ignored);
}

Result<bool> ArtifactExists(blob::BlobStore& blobs, const Artifact& artifact) {
  const Status present = blob::CheckPresent(blobs, ToBlob(artifact));
  if (present.ok()) return true;
  if (present.error().code == Code::kNotFound) return false;
  return present.error();
}

}  // namespace mw::pipelines
