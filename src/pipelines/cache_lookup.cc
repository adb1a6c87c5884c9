// Key, entry, existence, explanation.
#include "pipelines/cache_lookup.h"

#include "base/offload.h"
#include "pipelines/step_workspace.h"

namespace mw::pipelines {
namespace {

/// How many earlier successes a miss is compared with.
constexpr int kNeighbours = 20;

struct Found {
  std::optional<CacheEntry> entry;
  std::vector<CacheEntry> earlier;  ///< when there is no entry
};

std::string WhyMissed(const std::vector<CacheEntry>& earlier, const CacheKey& key) {
  if (earlier.empty()) return "no earlier success of this step";
  const CacheEntry* nearest = &earlier.front();
  for (const CacheEntry& entry : earlier) {
    if (Distance(entry.key.parts, key.parts) < Distance(nearest->key.parts, key.parts)) nearest = &entry;
  }
  return Cat(ExplainMiss(nearest->key.parts, key.parts), " since run ", nearest->run.text());
}

Result<bool> AllExist(blob::BlobStore& blobs, const std::vector<NamedArtifact>& outputs) {
  for (const NamedArtifact& output : outputs) {
    if (!TRY(ArtifactExists(blobs, output.artifact))) return false;
  }
  return true;
}

}  // namespace

std::string PathIn(const std::string& base_directory, const std::string& path) {
  return path.starts_with('/') ? path : Cat(base_directory, "/", path);
}

Result<CacheKey> CurrentKey(FileDigests& digests, const Step& step, const KeySource& source) {
  KeyMaterial material;
  material.program = source.program;
  for (const std::string& file : step.files) {
    std::string digest = TRY(digests.Of(PathIn(source.base_directory, file)));
    // Of the words of a user's own command, only those that are files there belong to it.
    if (digest != "absent" || !step.uses.empty()) material.files.emplace_back(file, std::move(digest));
  }
  if (step.reads_goal && !source.goal_file.empty()) material.goal_file = TRY(digests.Of(source.goal_file));
  for (const NamedArtifact& input : source.inputs) material.inputs.emplace_back(input.name, input.artifact.digest);
  return KeyOf(step, material);
}

Task<Result<LookupResult>> LookUp(CacheParts parts, std::string pipeline, const Step& step, KeySource source) {
  LookupResult result;
  result.key = CO_TRY(co_await Offload(parts.workers, [&] { return CurrentKey(parts.digests, step, source); }));
  if (!step.cache) {
    result.key.digest.clear();
    result.report = "it is never cached";
    co_return result;
  }
  Found found = CO_TRY(co_await parts.database.Read([&](db::Snapshot& snapshot) -> Result<Found> {
    Found out;
    out.entry = TRY(FindCacheEntry(snapshot, result.key.digest));
    if (!out.entry) out.earlier = TRY(EarlierEntries(snapshot, pipeline, step.name, kNeighbours));
    return out;
  }));
  if (!found.entry) {
    result.report = WhyMissed(found.earlier, result.key);
    co_return result;
  }
  const bool complete =
      CO_TRY(co_await Offload(parts.workers, [&] { return AllExist(parts.blobs, found.entry->outputs); }));
  if (!complete) {
    result.report = Cat("the outputs that run ", found.entry->run.text(), " made were deleted");
    co_return result;
  }
  result.report = Cat("same code, options, files and inputs as in run ", found.entry->run.text(), " of ",
                      FormatTime(found.entry->created));
  result.hit = std::move(found.entry);
  co_return result;
}

}  // namespace mw::pipelines
