// Words that nobody minds.
#include "tracking/run_name.h"

#include <array>
#include <cstdint>

#include "base/text.h"

namespace mw::tracking {
namespace {

constexpr std::array<std::string_view, 32> kManners = {
    "amber", "bold",  "brisk", "calm",  "clear", "crisp", "deft",   "dusty", "early", "even", "fair",
    "fleet", "fresh", "glad",  "grand", "hazel", "jolly", "keen",   "light", "lucid", "mild", "neat",
    "plain", "proud", "quick", "quiet", "rapid", "sharp", "silver", "sunny", "swift", "vivid"};
constexpr std::array<std::string_view, 32> kThings = {
    "anchor", "beacon",  "birch",  "brook",  "canyon",  "cedar", "cliff",  "comet", "delta",   "dune",  "falcon",
    "fjord",  "forge",   "garden", "glade",  "harbour", "heron", "island", "lark",  "lantern", "maple", "meadow",
    "mill",   "orchard", "otter",  "pebble", "ridge",   "river", "spruce", "tide",  "valley",  "willow"};

/// FNV-1a, 64 bits.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return hash;
}

}  // namespace

std::string MadeUpName(std::string_view run_id) {
  const std::uint64_t hash = HashOf(run_id);
  return Cat(kManners[hash % kManners.size()], "-", kThings[(hash >> 16) % kThings.size()], "-", (hash >> 32) % 1000);
}

}  // namespace mw::tracking
