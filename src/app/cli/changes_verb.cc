// changes: who changed what lately, in one time line.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/cli/verbs.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

/// "2013-07-01 04:00:00" of "2013-07-01T04:00:00.123Z"
std::string Minute(const std::string& time) {
  std::string out = time.substr(0, 19);
  if (out.size() > 10) out[10] = ' ';
  return out;
}

void SayChanges(const Json& answer) {
  const Json::Array& changes = answer.Find("changes")->AsArray();
  const std::string since = Minute(answer.StringOr("since", ""));
  if (changes.empty()) {
    Say(Cat("nothing changed since ", since, " UTC\n"));
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"at (UTC)", "kind", "of", "what"}};
  for (const Json& change : changes) {
    const std::string by = change.StringOr("by", "");
    rows.push_back({Minute(change.StringOr("at", "")), change.StringOr("kind", ""), change.StringOr("subject", ""),
                    Cat(change.StringOr("text", ""), by.empty() ? "" : "  by ", by)});
  }
  Say(TextTable(rows));
}

}  // namespace

void AddChangesVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto since = std::make_shared<std::string>("24h");
  CLI::App* changes = registrar.Add(
      "changes", "Show who changed what: files, runs, versions, aliases, deployments, limits",
      "millwright changes --since 24h", [&options, since] {
        return Print(options, Call(options, net::Method::kGet, "/api/v1/changes?since=" + net::PercentEncode(*since)),
                     SayChanges);
      });
  changes->add_option("--since", *since, "A duration (90m, 24h, 7d) or a time; 24h when not given");
}

}  // namespace mw::app::cli
