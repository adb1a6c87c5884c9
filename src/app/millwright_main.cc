// The program: reads the command line, finds the verb, runs it. `millwright --help` lists the verbs.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "app/cli/misspelt.h"
#include "app/cli/verbs.h"
#include "base/text.h"

int main(int argc, char** argv) {
  using mw::app::cli::Options;
  CLI::App root(
      "Millwright: machine learning in production on your own machines.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong input, 3 cannot reach the server.");
  root.name("millwright");
  root.require_subcommand(1);
  root.footer("millwright VERB --help shows a verb's options and an example.");
  Options options;
  std::function<int()> chosen;
  const mw::app::cli::Registrar registrar{root, options, chosen};
  AddServerVerbs(registrar);
  AddInitVerb(registrar);
  AddFileVerbs(registrar);
  AddRunVerbs(registrar);
  AddLogsVerb(registrar);
  AddModelVerbs(registrar);
  AddEndpointVerbs(registrar);
  AddLimitsVerb(registrar);
  AddLabelsVerb(registrar);
  AddMonitorVerb(registrar);
  AddDoctorVerb(registrar);
  AddHomeVerbs(registrar);
  AddStorageVerbs(registrar);
  AddChangesVerb(registrar);
  AddWebhooksVerb(registrar);
  AddTransferVerbs(registrar);
  AddBenchVerb(registrar);
  AddLineageVerbs(registrar);
  std::vector<std::string> verbs;
  for (const CLI::App* verb : root.get_subcommands(nullptr)) verbs.push_back(verb->get_name());
  if (argc > 1 && argv[1][0] != '-' && std::find(verbs.begin(), verbs.end(), argv[1]) == verbs.end()) {
    const std::string nearest(mw::Nearest(argv[1], {verbs.begin(), verbs.end()}));
    std::fprintf(stderr, "there is no verb %s%s%s; millwright --help lists them\n", mw::Quoted(argv[1]).c_str(),
                 nearest.empty() ? "" : "; did you mean ", nearest.c_str());
    return mw::app::cli::kWrongInput;
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {
    const std::string unknown = mw::app::cli::UnknownOption(root);
    if (unknown.empty()) return root.exit(error), mw::app::cli::kWrongInput;
    std::fprintf(stderr, "%s\n", unknown.c_str());
    return mw::app::cli::kWrongInput;
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? mw::app::cli::kDone : mw::app::cli::kWrongInput;
  }
  return chosen();
}
