// Findings gathered by window, windows by silence.
#include "app/cli/monitor_findings.h"

#include <vector>

#include "base/text.h"
#include "base/yaml.h"

namespace mw::app::cli {
namespace {

struct Block {
  std::string from, until;  ///< as the report has them
  std::size_t windows = 1;
  bool silent = false;  ///< no_data is all that it says
  std::vector<std::string> lines;
  [[nodiscard]] std::string Title() const {
    const std::string span = Cat(from.substr(0, 10), " to ", until.substr(0, 10));
    return windows == 1 ? span : Cat(span, " (", Counted(windows, "window"), ")");
  }
};

struct Gathered {
  std::vector<Block> blocks;  ///< the newest first
  std::size_t notes = 0;      ///< that were left out
};

std::string Line(const Json& finding) {
  const bool alert = finding.StringOr("severity", "") == "alert";
  return Cat(alert ? "  ALERT  " : "  note   ", finding.StringOr("sentence", ""), "\n");
}

/// One block for each window that says something.
Gathered Gather(const Json& report, bool alerts_only) {
  Gathered out;
  for (const Json& finding : report.Find("findings")->AsArray()) {
    if (alerts_only && finding.StringOr("severity", "") != "alert") {
      ++out.notes;
      continue;
    }
    const Json& window = *finding.Find("window");
    const std::string from = window.StringOr("from", "");
    if (out.blocks.empty() || out.blocks.back().from != from) {
      out.blocks.push_back({from, window.StringOr("to", ""), 1, true, {}});
    }
    Block& block = out.blocks.back();
    block.silent = block.silent && finding.StringOr("kind", "") == "no_data";
    block.lines.push_back(Line(finding));
  }
  return out;
}

/// Silent windows that follow each other and say the same become one.
std::vector<Block> Merged(std::vector<Block> blocks) {
  std::vector<Block> out;
  for (Block& block : blocks) {
    const bool joins = !out.empty() && block.silent && out.back().silent && out.back().from == block.until &&
                       out.back().lines == block.lines;
    if (joins) {
      out.back().from = block.from;
      ++out.back().windows;
    } else {
      out.push_back(std::move(block));
    }
  }
  return out;
}

bool IsShown(const Block& block, std::size_t position, const FindingsShown& shown) {
  if (shown.all) return true;
  if (!shown.since) return position < kFindingBlocks;
  const Result<Timestamp> until = ParseTime(block.until);
  return !until.ok() || *until > *shown.since;
}

}  // namespace

std::string Counted(std::size_t count, std::string_view noun) { return Cat(count, " ", noun, count == 1 ? "" : "s"); }

Result<Timestamp> FindingsSince(const Json& report, const std::string& text) {
  const Json::Array& windows = report.Find("windows")->AsArray();
  if (const Result<Timestamp> at = ParseTime(text); at.ok()) return *at;
  const Result<Duration> ago = ParseDuration(text);
  if (!ago.ok()) {
    return InvalidArgument("--since ", Quoted(text), " is neither a duration (24h, 30d) nor a time (2013-07-01)");
  }
  if (windows.empty()) return Timestamp::min();
  return TRY(ParseTime(windows.back().StringOr("to", "")))
  -*ago;
}

std::string FindingsText(const Json& report, const FindingsShown& shown) {
  Gathered gathered = Gather(report, shown.alerts_only);
  const std::vector<Block> blocks = Merged(std::move(gathered.blocks));
  std::string out;
  std::size_t hidden = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!IsShown(blocks[i], i, shown)) {
      hidden += blocks[i].windows;
      continue;
    }
    CatTo(out, blocks[i].Title(), "\n", Join(blocks[i].lines, ""));
  }
  if (gathered.notes > 0)
    CatTo(out, Counted(gathered.notes, "note"), gathered.notes == 1 ? " is" : " are", " not shown\n");
  if (hidden > 0)
    CatTo(out, Counted(hidden, "older window"), " found something too: --all shows them, --since 30d or a date some\n");
  return out.empty() ? "nothing found\n" : out;
}

}  // namespace mw::app::cli
