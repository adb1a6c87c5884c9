// The files that `init` writes: what a person would have written by hand, with the reasons beside. Pure; any thread.
#pragma once

#include <map>
#include <string>

#include "steps/init_plan.h"

namespace mw::steps {

struct InitFiles {
  std::map<std::string, std::string> text;  ///< by file name
  std::map<std::string, int> line;          ///< column -> its line in features.sql
};

/// `data_path`: of the data file as pipeline.yaml names it.
InitFiles WriteInitFiles(const InitPlan& plan, const std::string& data_path);

/// For people: what was decided, what to look at, what to do next. At most 110 columns where names allow it.
std::string InitSummary(const InitPlan& plan, const InitFiles& files);
/// The same for programs.
Json InitJson(const InitPlan& plan, const InitFiles& files);

/// A text as YAML takes it: plain where that reads back as the same text, else in double quotes.
std::string YamlText(std::string_view text);

}  // namespace mw::steps
