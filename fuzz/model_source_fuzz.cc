// Sources of versions and models:/ URIs. What is accepted names no local file and goes up no path.
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/mlflow/model_source.h"

using mw::api::mlflow::CheckSource;
using mw::api::mlflow::ParseModelUri;
using mw::api::mlflow::SourceOf;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  if (CheckSource(source, SourceOf::kRun).ok()) {
    require(source.find(':') != std::string_view::npos && !source.starts_with('/'));
    require(source.find("/../") == std::string_view::npos && source.find('\\') == std::string_view::npos);
    require(CheckSource(source, SourceOf::kLoggedModel).ok());
  }
  static_cast<void>(CheckSource(source, SourceOf::kPrompt));
  const auto uri = ParseModelUri(source);
  if (uri.ok() && uri->has_value()) require((*uri)->logged_model.empty() != (*uri)->name.empty());
  return 0;
}
