// Commands from what was recorded.
#include "compare/recipe.h"

#include <algorithm>

#include "base/text.h"

namespace mw::compare {
namespace {

/// As one word of a shell.
std::string Word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=@%+,").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string TextOf(const Texts& texts, const std::string& name) {
  const auto found = texts.find(name);
  return found == texts.end() ? "" : found->second;
}

void OfPipeline(const Facts& facts, Recipe& recipe) {
  std::string command = Cat("millwright run ", Word(facts.pipeline));
  for (const auto& [name, value] : facts.params) CatTo(command, " --set ", Word(Cat(name, "=", value)));
  recipe.commands.push_back(std::move(command));
  for (const auto& [name, digest] : facts.code) recipe.notes.push_back(Cat("code ", name, ": ", digest));
  for (const auto& [name, fact] : facts.data) {
    if (name.starts_with("file ")) recipe.notes.push_back(Cat("data ", name.substr(5), ": ", fact.digest));
  }
  recipe.notes.emplace_back("steps whose code, options and inputs are these digests are taken from the cache");
}

void CheckOut(const Facts& facts, Recipe& recipe) {
  const std::string commit = TextOf(facts.tags, "mlflow.source.git.commit");
  const std::string repository = TextOf(facts.tags, "mlflow.source.git.repoURL");
  if (commit.empty()) {
    recipe.missing.emplace_back("the git commit: train in a repository, or capture with the millwright package");
    return;
  }
  if (!repository.empty()) {
    recipe.commands.push_back(Cat("git clone ", Word(repository), " run-source && cd run-source"));
  } else {
    recipe.missing.emplace_back("the repository's address: run in a clone of it");
  }
  recipe.commands.push_back(Cat("git checkout ", Word(commit)));
  if (facts.has_diff) {
    recipe.commands.push_back(Cat("mlflow artifacts download --run-id ", facts.run_id,
                                  " --artifact-path code/uncommitted.diff --dst-path .. && git apply ",
                                  "../code/uncommitted.diff"));
  } else if (TextOf(facts.tags, "millwright.git.dirty") == "true") {
    recipe.missing.emplace_back("what was not committed: there were changes, and their diff was not kept");
  } else if (TextOf(facts.tags, "millwright.git.dirty").empty()) {
    recipe.missing.emplace_back("whether everything was committed: capture with the millwright package tells");
  }
}

void Environment(const Facts& facts, Recipe& recipe) {
  if (facts.has_lock) {
    recipe.commands.push_back(Cat("mlflow artifacts download --run-id ", facts.run_id,
                                  " --artifact-path environment/requirements.txt --dst-path .. && pip install -r ",
                                  "../environment/requirements.txt"));
    const std::string python = TextOf(facts.tags, "millwright.python");
    if (!python.empty()) recipe.notes.push_back(Cat("Python ", python));
  } else {
    recipe.missing.emplace_back("the environment's packages: capture with the millwright package keeps them");
  }
}

/// The program and its arguments as the millwright package noted them; empty: it did not.
std::vector<std::string> CommandWords(const Facts& facts) {
  std::vector<std::string> words;
  const Result<Json> noted = Json::Parse(TextOf(facts.tags, "millwright.arguments"));
  if (!noted.ok() || !noted->IsArray()) return words;
  for (const Json& word : noted->AsArray()) {
    if (!word.IsString()) return {};
    words.push_back(word.AsString());
  }
  return words;
}

void RunProgram(const Facts& facts, const std::string& source, Recipe& recipe) {
  const std::vector<std::string> words = CommandWords(facts);
  std::string command = "python";
  for (const std::string& word : words) CatTo(command, " ", Word(word));
  if (words.empty()) {
    CatTo(command, " ", Word(source));
    recipe.missing.emplace_back("the program's arguments: capture with the millwright package keeps them");
  }
  recipe.commands.push_back(std::move(command));
}

void OfTraining(const Facts& facts, Recipe& recipe) {
  CheckOut(facts, recipe);
  Environment(facts, recipe);
  const std::string folder = TextOf(facts.tags, "millwright.git.folder");
  if (!folder.empty()) recipe.commands.push_back(Cat("cd ", Word(folder)));
  const std::string project_command = TextOf(facts.tags, "mlflow.project.entryPoint");
  const std::string source = TextOf(facts.tags, "mlflow.source.name");
  if (!project_command.empty()) {
    std::string command = Cat("mlflow run . -e ", Word(project_command));
    for (const auto& [name, value] : facts.params) CatTo(command, " -P ", Word(Cat(name, "=", value)));
    recipe.commands.push_back(std::move(command));
  } else if (source.ends_with(".py")) {
    RunProgram(facts, source, recipe);
  } else if (source.empty()) {
    recipe.missing.emplace_back("the program: the run has no tag mlflow.source.name");
  } else {
    recipe.missing.push_back(Cat("a command: ", source, " is no program file"));
  }
  for (const auto& [name, value] : facts.params) recipe.notes.push_back(Cat("parameter ", name, " = ", value));
  if (facts.data.empty()) recipe.missing.emplace_back("the data: the run logged no dataset");
  for (const auto& [name, fact] : facts.data) {
    recipe.notes.push_back(Cat("data ", name, ": ", fact.digest, fact.uri.empty() ? "" : " from ", fact.uri));
  }
}

Json ListJson(const std::vector<std::string>& texts) {
  Json list = Json::MakeArray();
  for (const std::string& text : texts) list.Append(text);
  return list;
}

}  // namespace

Recipe Reproduce(const Facts& facts) {
  Recipe recipe;
  if (facts.run_id.empty()) {
    recipe.missing.emplace_back("a run: the version was registered without one");
  } else if (!facts.pipeline.empty()) {
    OfPipeline(facts, recipe);
  } else {
    OfTraining(facts, recipe);
  }
  return recipe;
}

Json ToJson(const Recipe& recipe) {
  return Json::Make({{"commands", ListJson(recipe.commands)},
                     {"missing", ListJson(recipe.missing)},
                     {"notes", ListJson(recipe.notes)}});
}

}  // namespace mw::compare
