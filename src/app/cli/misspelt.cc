// Compares with what there is.
#include "app/cli/misspelt.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "base/text.h"

namespace mw::app::cli {
namespace {

std::vector<std::string> OptionsOf(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

std::string UnknownOption(const CLI::App& root) {
  const std::vector<CLI::App*> verbs = root.get_subcommands();
  if (verbs.empty()) return "";
  const CLI::App& verb = *verbs.front();
  const std::vector<std::string> left = root.remaining(true);
  const auto first =
      std::find_if(left.begin(), left.end(), [](const std::string& word) { return word.starts_with("--"); });
  if (first == left.end() || *first == "--") return "";
  const std::string word = first->substr(0, first->find('='));
  const std::vector<std::string> known = OptionsOf(verb);
  const std::string_view nearest = Nearest(word, {known.begin(), known.end()});
  return Cat(verb.get_name(), " has no option ", Quoted(word), nearest.empty() ? "" : "; did you mean ", nearest,
             "; millwright ", verb.get_name(), " --help lists them");
}

Status CheckKnown(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return Ok();
  const std::string_view nearest = Nearest(name, {known.begin(), known.end()});
  if (!nearest.empty()) return NotFound("no ", what, " ", Quoted(name), " is known; did you mean ", nearest, "?");
  return NotFound("no ", what, " ", Quoted(name), " is known; ", known.empty() ? "there is none" : "there are ",
                  Join(known, ", "));
}

}  // namespace mw::app::cli
