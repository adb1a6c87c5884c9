// From the file's tree to a checked graph: fill in parameters, read each step, resolve references, order.
#include "pipelines/yaml_compiler.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/assert.h"
#include "base/id.h"
#include "base/text.h"
#include "base/yaml.h"
#include "pipelines/built_in_steps.h"
#include "pipelines/references.h"
#include "pipelines/step_options.h"
#include "pipelines/triggers.h"

namespace mw::pipelines {
namespace {

using Kind = YamlNode::Kind;
using Names = std::vector<std::string_view>;

constexpr std::size_t kMaxStepNameBytes = 64;
constexpr int kMaxRetries = 100;

/// Steps, inputs, outputs and parameters: no dot, because `step.output` splits at it.
bool IsStepName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxStepNameBytes && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

std::string Listed(const Names& names) {
  constexpr std::size_t kShown = 12;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) CatTo(out, i == 0 ? "" : ", ", names[i]);
  if (names.size() > kShown) CatTo(out, " and ", names.size() - kShown, " more");
  return names.empty() ? "none" : out;
}

/// "; did you mean x?" or "; SUBJECT: a, b, c"
std::string Remedy(std::string_view word, const Names& candidates, std::string_view subject) {
  const std::string_view nearest = Nearest(word, candidates);
  if (!nearest.empty()) return Cat("; did you mean ", nearest, "?");
  return Cat("; ", subject, ": ", Listed(candidates));
}

struct StepDefaults {
  Resources resources;
  Duration timeout{0};
  long long retries = 0;
  Duration backoff = std::chrono::seconds(10);
  bool cache = true;
};

struct StepLines {
  int line = 0;
  std::map<std::string, int, std::less<>> inputs;
  int after = 0;
};

class Compiler {
 public:
  Compiler(YamlNode root, std::string_view file_name, const Overrides& overrides)
      : root_(std::move(root)), complaints_(std::string(file_name)), overrides_(overrides) {}

  Result<Graph> Compile();

 private:
  void ReadParams(const YamlNode* node);
  void ReadHead(YamlReader& file);
  void ReadDefaults(const YamlNode* node);
  void ReadOnFailure(const YamlNode* node);
  void ReadQuota(const YamlNode* node);
  void ReadSteps(const YamlNode* node);
  void ReadStep(const std::string& name, const YamlNode& node);
  void ReadCapacity(YamlReader& reader, Step& step);
  void ReadInputs(const YamlNode* node, Step& step, StepLines& lines);
  void ReadBuiltIn(YamlReader& reader, Step& step);
  void ReadBuiltInFiles(const BuiltInStep& built_in, YamlReader& reader, const YamlNode* with, Step& step);
  void CheckBuiltInInputs(const BuiltInStep& built_in, const YamlReader& reader, const Step& step);
  void ReadProgram(YamlReader& reader, Step& step);
  void CheckArgument(const Step& step, const std::string& word, int line);
  void ReadProgramOutputs(const YamlNode* node, Step& step);
  Resources ReadResources(YamlReader& reader, Resources otherwise);

  void FillParams(YamlNode& node);
  void FillParamsInScalar(YamlNode& node);

  void CheckReferences();
  void CheckInput(const Step& step, const Input& input, int line);
  void Order();
  void ComplainAboutCycle(const std::vector<std::size_t>& waiting);

  YamlNode root_;
  Complaints complaints_;
  const Overrides& overrides_;
  Graph graph_;
  StepDefaults defaults_;
  std::map<std::string, YamlNode, std::less<>> params_;
  std::vector<StepLines> lines_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

Result<Graph> Compiler::Compile() {
  if (root_.kind != Kind::kMap || root_.map.empty() || root_.map.front().first != "pipeline") {
    complaints_.Add(root_.line, "a pipeline file starts with `pipeline: NAME`");
    TRY(complaints_.AsStatus());
  }
  YamlReader file(root_, complaints_);
  ReadHead(file);
  ReadParams(file.Node("params"));
  for (const std::string_view key : {"defaults", "on_failure", "quota", "triggers", "steps"}) {
    const auto member = std::find_if(root_.map.begin(), root_.map.end(), [&](const auto& m) { return m.first == key; });
    if (member != root_.map.end()) FillParams(member->second);
  }
  ReadDefaults(file.Node("defaults"));
  ReadOnFailure(file.Node("on_failure"));
  ReadQuota(file.Node("quota"));
  if (const YamlNode* triggers = file.Node("triggers"); triggers != nullptr) {
    graph_.triggers = ReadTriggers(*triggers, complaints_);
    graph_.notes.push_back("triggers are checked and kept; this version starts runs only by `millwright run`");
  }
  ReadSteps(file.Node("steps"));
  file.Finish();
  CheckReferences();
  TRY(complaints_.AsStatus());
  Order();
  TRY(complaints_.AsStatus());
  return std::move(graph_);
}

void Compiler::ReadHead(YamlReader& file) {
  graph_.pipeline = file.String("pipeline");
  if (!graph_.pipeline.empty() && !IsName(graph_.pipeline)) {
    complaints_.Add(file.LineOf("pipeline"), Cat("the name ", Quoted(graph_.pipeline),
                                                 " may hold letters, digits, '.', '_' and '-', up to 128"));
  }
  graph_.goal = file.StringOr("goal", "");
  if (!graph_.goal.empty() && !IsName(graph_.goal)) {
    complaints_.Add(file.LineOf("goal"), Cat("goal: wants the name of a goal, not ", Quoted(graph_.goal)));
  }
}

void Compiler::ReadParams(const YamlNode* node) {
  if (node != nullptr && node->kind == Kind::kMap) {
    for (const auto& [name, value] : node->map) {
      if (!IsStepName(name))
        complaints_.Add(value.line, Cat("the parameter name ", Quoted(name),
                                        " may hold letters, "
                                        "digits, '_' and '-', up to 64"));
      if (value.kind != Kind::kScalar) complaints_.Add(value.line, Cat("params.", name, " wants a single value"));
      params_.emplace(name, value);
    }
  } else if (node != nullptr && node->kind != Kind::kNull) {
    complaints_.Add(node->line, "params: wants a map, {name: value}");
  }
  Names known;
  for (const auto& [name, value] : params_) known.push_back(name);
  for (const auto& [name, value] : overrides_) {
    const auto found = params_.find(name);
    if (found == params_.end()) {
      complaints_.Add(node == nullptr ? root_.line : node->line,
                      Cat("--set ", name, "=", value, ": the pipeline has no parameter ", Quoted(name),
                          Remedy(name, known, "it has")));
      continue;
    }
    found->second.kind = Kind::kScalar;
    found->second.scalar = value;
    found->second.quoted = false;
  }
  for (const auto& [name, value] : params_) graph_.params.emplace_back(name, value.scalar);
}

void Compiler::FillParams(YamlNode& node) {
  if (node.kind == Kind::kScalar) FillParamsInScalar(node);
  for (YamlNode& element : node.list) FillParams(element);
  for (auto& [key, value] : node.map) FillParams(value);
  if (node.map.size() == 1 && node.map[0].second.kind == Kind::kNull && IsReference(Cat("{", node.map[0].first, "}"))) {
    complaints_.Add(node.line, Cat("YAML reads {", node.map[0].first, "} as a map; put it in quotes: \"{",
                                   node.map[0].first, "}\""));
  }
}

void Compiler::FillParamsInScalar(YamlNode& node) {
  const bool whole = IsReference(node.scalar);
  const Result<std::string> filled =
      FillReferences(node.scalar, [&](const Reference& reference) -> Result<std::string> {
        if (reference.kind != "params") return std::string(reference.text);
        const auto found = params_.find(reference.name);
        if (found != params_.end()) {
          if (whole) node.quoted = found->second.quoted;  // "{params.depth}" has the type of the parameter
          return found->second.scalar;
        }
        Names known;
        for (const auto& [name, value] : params_) known.push_back(name);
        complaints_.Add(node.line, Cat("there is no parameter ", Quoted(reference.name),
                                       Remedy(reference.name, known, "the pipeline's params")));
        return std::string(reference.text);
      });
  node.scalar = *filled;
}

Resources Compiler::ReadResources(YamlReader& reader, Resources otherwise) {
  Resources resources = otherwise;
  resources.cpu = reader.NumberOr("cpu", otherwise.cpu);
  if (!(resources.cpu > 0 && resources.cpu <= 4096)) {
    complaints_.Add(reader.LineOf("cpu"), "cpu: wants a number of cores above 0, for example 0.5 or 2");
  }
  const std::string memory = reader.StringOr("memory", "");
  if (memory.empty()) return resources;
  const Result<long long> bytes = ParseBytes(memory);
  if (bytes.ok()) {
    resources.memory_bytes = *bytes;
  } else {
    complaints_.Add(reader.LineOf("memory"), Cat("memory: ", bytes.error().message));
  }
  return resources;
}

void Compiler::ReadDefaults(const YamlNode* node) {
  if (node == nullptr) return;
  YamlReader reader(*node, complaints_);
  defaults_.resources = ReadResources(reader, defaults_.resources);
  defaults_.timeout = reader.DurationOr("timeout", defaults_.timeout);
  defaults_.retries = reader.IntOr("retries", defaults_.retries);
  defaults_.backoff = reader.DurationOr("backoff", defaults_.backoff);
  defaults_.cache = reader.BoolOr("cache", defaults_.cache);
  reader.Finish();
}

void Compiler::ReadOnFailure(const YamlNode* node) {
  if (node == nullptr) return;
  YamlReader reader(*node, complaints_);
  const std::string policy = reader.ChoiceOr("policy", {"fail_fast", "fail_slow"}, "fail_fast");
  graph_.on_failure = policy == "fail_slow" ? FailurePolicy::kFailSlow : FailurePolicy::kFailFast;
  graph_.notify = reader.StringsOr("notify", {});
  reader.Finish();
  if (!graph_.notify.empty()) {
    graph_.notes.push_back("on_failure.notify is kept; this version notifies nobody yet");
  }
}

void Compiler::ReadQuota(const YamlNode* node) {
  if (node == nullptr) return;
  YamlReader reader(*node, complaints_);
  graph_.pool = reader.StringOr("pool", "");
  const long long runs = reader.IntOr("max_concurrent_runs", 0);
  if (reader.Node("max_concurrent_runs") != nullptr && (runs < 1 || runs > 10000)) {
    complaints_.Add(reader.LineOf("max_concurrent_runs"), "max_concurrent_runs: wants 1 to 10000");
  }
  graph_.max_concurrent_runs = static_cast<int>(std::clamp(runs, 0LL, 10000LL));
  reader.Finish();
  if (!graph_.pool.empty()) {
    graph_.notes.push_back(Cat("the pool ", graph_.pool, " is this machine; pools of their own come later"));
  }
}

void Compiler::ReadSteps(const YamlNode* node) {
  if (node == nullptr || node->kind != Kind::kMap || node->map.empty()) {
    complaints_.Add(node == nullptr ? root_.line : node->line,
                    "a pipeline has steps: steps: {import: {uses: import, with: {rows: data/rows.parquet}}}");
    return;
  }
  if (node->map.size() > kMaxSteps) {
    complaints_.Add(node->line, Cat("the pipeline has ", node->map.size(), " steps, more than ", kMaxSteps,
                                    "; split it, or loop inside a step"));
    return;
  }
  bool asks_for_class = false;
  for (const auto& [name, step] : node->map) {
    ReadStep(name, step);
    asks_for_class = asks_for_class || !graph_.steps.back().resource_class.empty();
  }
  if (asks_for_class) graph_.notes.push_back("class: is kept; this machine has capacity of one class");
}

void Compiler::ReadStep(const std::string& name, const YamlNode& node) {
  Step step;
  step.name = name;
  StepLines lines;
  lines.line = node.line;
  if (!IsStepName(name)) {
    complaints_.Add(node.line, Cat("the step name ", Quoted(name),
                                   " may hold letters, digits, '_' and '-', up to 64, and starts with no '-'"));
  }
  YamlReader reader(node, complaints_);
  if (node.kind == Kind::kMap) {
    step.uses = reader.StringOr("uses", "");
    ReadCapacity(reader, step);
    ReadInputs(reader.Node("inputs"), step, lines);
    step.after = reader.StringsOr("after", {});
    lines.after = reader.LineOf("after");
    const bool program = reader.Node("run") != nullptr;
    if (program != step.uses.empty()) {
      complaints_.Add(node.line, Cat("step ", name,
                                     program ? " has both uses: and run:; keep one"
                                             : " does nothing; write uses: BUILT-IN STEP or run: [program, argument]"));
    } else if (program) {
      ReadProgram(reader, step);
    } else {
      ReadBuiltIn(reader, step);
    }
    reader.Finish();
  }
  index_.emplace(name, graph_.steps.size());
  graph_.steps.push_back(std::move(step));
  lines_.push_back(std::move(lines));
}

void Compiler::ReadCapacity(YamlReader& reader, Step& step) {
  step.resources = ReadResources(reader, defaults_.resources);
  step.resource_class = reader.ChoiceOr("class", {"spot", "reserved"}, "");
  step.timeout = reader.DurationOr("timeout", defaults_.timeout);
  const long long retries = reader.IntOr("retries", defaults_.retries);
  if (retries < 0 || retries > kMaxRetries) {
    complaints_.Add(reader.LineOf("retries"), Cat("retries: wants 0 to ", kMaxRetries, ", not ", retries));
  }
  step.retries = static_cast<int>(std::clamp<long long>(retries, 0, kMaxRetries));
  step.backoff = reader.DurationOr("backoff", defaults_.backoff);
  step.cache = reader.BoolOr("cache", defaults_.cache);
}

void Compiler::ReadInputs(const YamlNode* node, Step& step, StepLines& lines) {
  if (node == nullptr || node->kind == Kind::kNull) return;
  if (node->kind != Kind::kMap) {
    complaints_.Add(node->line, Cat("step ", step.name, ": inputs: wants a map, {rows: split.train}"));
    return;
  }
  for (const auto& [name, value] : node->map) {
    const std::size_t dot = value.scalar.find('.');
    if (value.kind != Kind::kScalar || dot == std::string::npos ||
        value.scalar.find('.', dot + 1) != std::string::npos || !IsStepName(name)) {
      complaints_.Add(value.line, Cat("step ", step.name, ": input ", Quoted(name), " is ", Quoted(value.scalar),
                                      "; write name: step.output, for example rows: split.train"));
      continue;
    }
    lines.inputs.emplace(name, value.line);
    step.inputs.push_back({name, value.scalar.substr(0, dot), value.scalar.substr(dot + 1)});
  }
}

void Compiler::ReadBuiltIn(YamlReader& reader, Step& step) {
  const YamlNode* with = reader.Node("with");
  const BuiltInStep* built_in = FindBuiltInStep(step.uses);
  if (built_in == nullptr) {
    Names known;
    for (const BuiltInStep& each : BuiltInSteps()) known.push_back(each.name);
    complaints_.Add(reader.LineOf("uses"), Cat("step ", step.name, ": there is no built-in step ", Quoted(step.uses),
                                               Remedy(step.uses, known, "built-in steps"),
                                               " A program of your own: run: [program, argument]"));
    for (const std::string_view key : {"file", "outputs"}) reader.Node(key);
    return;
  }
  CheckOptions(*built_in, Cat("step ", step.name), reader.line(), with, complaints_);
  CheckBuiltInInputs(*built_in, reader, step);
  if (with != nullptr && with->kind == Kind::kMap) step.with = with->ToJson();
  for (const NamedOutput& output : built_in->outputs) step.outputs.push_back({std::string(output.name), output.kind});
  ReadBuiltInFiles(*built_in, reader, with, step);
  step.reads_goal = built_in->reads_goal && !graph_.goal.empty();
  if (!built_in->cacheable && reader.Node("cache") != nullptr && step.cache) {
    complaints_.Add(reader.LineOf("cache"), Cat("step ", step.name, ": ", step.uses,
                                                " acts on the world outside its "
                                                "run, so it is never cached; remove cache: true"));
  }
  step.cache = step.cache && built_in->cacheable;
}

void Compiler::ReadBuiltInFiles(const BuiltInStep& built_in, YamlReader& reader, const YamlNode* with, Step& step) {
  if (built_in.takes_file) {
    const std::string file = reader.String("file");
    const auto parts = Split(file, '/');
    if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
      complaints_.Add(reader.LineOf("file"), Cat("step ", step.name, ": file: ", Quoted(file),
                                                 " leaves the pipeline file's folder; move the file there"));
    }
    step.with["file"] = file;
    step.files.push_back(file);
  }
  if (with == nullptr || with->kind != Kind::kMap) return;
  for (const auto& [name, value] : with->map) {
    if (built_in.files_as_outputs) step.outputs.push_back({name, OutputKind::kDirectory});
    const auto option = std::find_if(built_in.options.begin(), built_in.options.end(),
                                     [&key = name](const Option& o) { return o.name == key; });
    const bool is_file = option != built_in.options.end() && option->kind == OptionKind::kFile;
    if ((built_in.files_as_outputs || is_file) && value.kind == Kind::kScalar) step.files.push_back(value.scalar);
    if (built_in.files_as_outputs && !IsStepName(name)) {
      complaints_.Add(value.line, Cat("step ", step.name, ": the name ", Quoted(name),
                                      " may hold letters, digits, '_' and '-', up to 64"));
    }
  }
}

void Compiler::CheckBuiltInInputs(const BuiltInStep& built_in, const YamlReader& reader, const Step& step) {
  const auto has = [&step](std::string_view name) {
    return std::any_of(step.inputs.begin(), step.inputs.end(), [&](const Input& i) { return i.name == name; });
  };
  if (built_in.any_inputs) {
    if (step.inputs.empty()) {
      complaints_.Add(reader.line(), Cat("step ", step.name, ": ", step.uses,
                                         " reads its tables from inputs: {flights: import.flights}"));
    }
    return;
  }
  Names known;
  for (const NamedInput& input : built_in.inputs) {
    known.push_back(input.name);
    if (!input.required || has(input.name)) continue;
    complaints_.Add(reader.line(), Cat("step ", step.name, ": ", step.uses, " needs the input ", Quoted(input.name),
                                       ": inputs: {", input.name, ": step.output}"));
  }
  for (const Input& input : step.inputs) {
    if (std::find(known.begin(), known.end(), input.name) != known.end()) continue;
    complaints_.Add(reader.LineOf("inputs"), Cat("step ", step.name, ": ", step.uses, " takes no input ",
                                                 Quoted(input.name), Remedy(input.name, known, "it takes")));
  }
}

void Compiler::ReadProgram(YamlReader& reader, Step& step) {
  const YamlNode* run = reader.Node("run");
  if (const YamlNode* with = reader.Node("with"); with != nullptr && with->kind == Kind::kMap)
    step.with = with->ToJson();
  ReadProgramOutputs(reader.Node("outputs"), step);
  step.cache = step.cache && !step.outputs.empty();  // without outputs it runs for what it does
  if (run->kind != Kind::kList || run->list.empty()) {
    complaints_.Add(run->line,
                    Cat("step ", step.name, ": run: wants a list, one word each: [python3, eda.py, \"--fast\"]"));
    return;
  }
  for (const YamlNode& word : run->list) {
    if (word.kind != Kind::kScalar) {
      complaints_.Add(word.line, Cat("step ", step.name, ": each word of run: is text; put it in quotes"));
      continue;
    }
    CheckArgument(step, word.scalar, word.line);
    step.argv.push_back(word.scalar);
    // A word that names a file of the pipeline's folder is code or configuration of the step.
    const bool may_be_file = !word.scalar.empty() && word.scalar.front() != '-' && word.scalar.front() != '/' &&
                             word.scalar.find('{') == std::string::npos &&
                             word.scalar.find("..") == std::string::npos && word.scalar.size() < 256;
    if (may_be_file) step.files.push_back(word.scalar);
  }
}

void Compiler::CheckArgument(const Step& step, const std::string& word, int line) {
  if (word.find('\0') != std::string::npos) complaints_.Add(line, Cat("step ", step.name, ": run: holds a NUL byte"));
  const auto checked = FillReferences(word, [&](const Reference& reference) -> Result<std::string> {
    Names known;
    if (reference.kind == "inputs") {
      for (const Input& input : step.inputs) known.push_back(input.name);
    } else {
      for (const Output& output : step.outputs) known.push_back(output.name);
    }
    if (reference.kind != "params" && std::find(known.begin(), known.end(), reference.name) == known.end()) {
      complaints_.Add(line, Cat("step ", step.name, ": ", reference.text, " names none of its ", reference.kind,
                                Remedy(reference.name, known, "it has")));
    }
    return std::string();
  });
  MW_ASSERT(checked.ok());
}

void Compiler::ReadProgramOutputs(const YamlNode* node, Step& step) {
  if (node == nullptr || node->kind == Kind::kNull) return;
  if (node->kind != Kind::kMap) {
    complaints_.Add(node->line, Cat("step ", step.name, ": outputs: wants a map, {report: file, rows: directory}"));
    return;
  }
  for (const auto& [name, kind] : node->map) {
    if (!IsStepName(name)) {
      complaints_.Add(kind.line, Cat("step ", step.name, ": the output name ", Quoted(name),
                                     " may hold letters, digits, '_' and '-', up to 64"));
    }
    if (kind.scalar != "file" && kind.scalar != "directory") {
      complaints_.Add(kind.line, Cat("step ", step.name, ": output ", Quoted(name), " is ", Quoted(kind.scalar),
                                     "; write file or directory"));
    }
    step.outputs.push_back({name, kind.scalar == "directory" ? OutputKind::kDirectory : OutputKind::kFile});
  }
}

void Compiler::CheckReferences() {
  Names steps;
  for (const Step& step : graph_.steps) steps.push_back(step.name);
  for (std::size_t i = 0; i < graph_.steps.size(); ++i) {
    const Step& step = graph_.steps[i];
    for (const Input& input : step.inputs) CheckInput(step, input, lines_[i].inputs.at(input.name));
    for (const std::string& name : step.after) {
      if (index_.contains(name)) continue;
      complaints_.Add(lines_[i].after, Cat("step ", step.name, ": after: there is no step ", Quoted(name),
                                           Remedy(name, steps, "steps")));
    }
  }
}

void Compiler::CheckInput(const Step& step, const Input& input, int line) {
  const auto found = index_.find(input.step);
  if (found == index_.end()) {
    Names steps;
    for (const Step& each : graph_.steps) steps.push_back(each.name);
    complaints_.Add(line, Cat("step ", step.name, ": input ", input.name, ": there is no step ", Quoted(input.step),
                              Remedy(input.step, steps, "steps")));
    return;
  }
  const Step& source = graph_.steps[found->second];
  if (!source.uses.empty() && FindBuiltInStep(source.uses) == nullptr) return;  // its outputs are not known
  Names outputs;
  for (const Output& output : source.outputs) outputs.push_back(output.name);
  if (std::find(outputs.begin(), outputs.end(), input.output) != outputs.end()) return;
  complaints_.Add(line, Cat("step ", step.name, ": input ", input.name, ": the step ", source.name, " has no output ",
                            Quoted(input.output), Remedy(input.output, outputs, "its outputs")));
}

/// Kahn's algorithm; among the steps that could go next, the first of the file does.
void Compiler::Order() {
  const std::size_t count = graph_.steps.size();
  std::vector<std::size_t> missing(count, 0);
  std::vector<std::vector<std::size_t>> followers(count);
  std::set<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string& name : Dependencies(graph_.steps[i])) {
      followers[index_.at(name)].push_back(i);
      ++missing[i];
    }
    if (missing[i] == 0) ready.insert(i);
  }
  std::vector<Step> ordered;
  while (!ready.empty()) {
    const std::size_t next = *ready.begin();
    ready.erase(ready.begin());
    ordered.push_back(graph_.steps[next]);
    for (const std::size_t follower : followers[next]) {
      if (--missing[follower] == 0) ready.insert(follower);
    }
  }
  if (ordered.size() < count) return ComplainAboutCycle(missing);
  graph_.steps = std::move(ordered);
}

/// Follows a step that cannot start to one it waits for, and so on, until a step comes again.
void Compiler::ComplainAboutCycle(const std::vector<std::size_t>& waiting) {
  std::size_t at = 0;
  while (waiting[at] == 0) ++at;
  std::vector<std::size_t> path;
  while (std::find(path.begin(), path.end(), at) == path.end()) {
    path.push_back(at);
    for (const std::string& name : Dependencies(graph_.steps[at])) {
      const std::size_t upstream = index_.at(name);
      if (waiting[upstream] == 0) continue;
      at = upstream;
      break;
    }
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::reverse(path.begin(), path.end());  // from what gives to what takes
  std::string circle;
  for (const std::size_t i : path) CatTo(circle, graph_.steps[i].name, " -> ");
  complaints_.Add(lines_[path.front()].line,
                  Cat("steps wait for each other in a circle: ", circle, graph_.steps[path.front()].name,
                      "; remove one of these inputs or after:"));
}

}  // namespace

Result<Graph> CompileYaml(std::string_view text, std::string_view file_name, const Overrides& overrides) {
  return Compiler(TRY(ParseYaml(text, file_name)), file_name, overrides).Compile();
}

}  // namespace mw::pipelines
