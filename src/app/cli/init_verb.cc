// init: from a table of one's own to the files of a goal and its pipeline.
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <memory>

#include "app/cli/verbs.h"
#include "app/programs.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

struct InitArguments {
  std::string data, label, time, key, name, directory, type, positive;
};

/// What was given, as flags of the program that reads data files.
std::vector<std::string> WordsOf(const InitArguments& arguments, bool json) {
  std::vector<std::string> words = {"init", arguments.data, "--label", arguments.label};
  const auto add = [&words](const char* flag, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  };
  add("--time", arguments.time);
  add("--key", arguments.key);
  add("--name", arguments.name);
  add("--dir", arguments.directory);
  add("--type", arguments.type);
  add("--positive", arguments.positive);
  if (json) words.emplace_back("--json");
  return words;
}

Status Init(const Options& options, const InitArguments& arguments) {
  const std::string program = TRY(ProgramPath("mw-step"));
  std::vector<std::string> words = WordsOf(arguments, options.json);
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  return ErrnoError(errno, Cat("starting ", program));
}

}  // namespace

void AddInitVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto init = std::make_shared<InitArguments>();
  CLI::App* command = registrar.Add(
      "init", "Write goal, pipeline, schema and features for a table of your own, and say what to look at in it",
      "millwright init --data my.csv --label churned --time signed_up_at", [&options, init] {
        const Status started = Init(options, *init);
        return Fail(started.error());  // where it succeeds, another program has taken over
      });
  command->add_option("--data,data", init->data, "CSV or Parquet file")->required();
  command->add_option("--label", init->label, "The column that the model shall predict")->required();
  command->add_option("--time", init->time, "When a row was: rows are then split by it, as predictions will be");
  command->add_option("--key", init->key, "What names a row; else guessed");
  command->add_option("--name", init->name, "Of goal, pipeline, model and endpoint; else the file's");
  command->add_option("--dir", init->directory, "Where the files go; else ./NAME");
  command->add_option("--type", init->type, "binary, multiclass or regression; else guessed");
  command->add_option("--positive", init->positive, "Of two values the one that counts as true; else guessed");
}

}  // namespace mw::app::cli
