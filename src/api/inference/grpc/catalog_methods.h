// The methods of the inference service that look at what is served: health, metadata, configuration, statistics, the
// repository. Rarely called; their messages are protobuf's own classes, which do not show here.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "base/result.h"

namespace mw::api::inference {

/// What they look at; every part outlives it. The runner's thread alone.
struct Served {
  InferenceRunner& runner;
  std::string_view program_version;
};

/// The serialised answer to a call's serialised request. `method`: as open_inference.proto names it.
/// Errors: kUnimplemented for a method that is none here; kNotFound naming the models and versions that there are;
/// kInvalidArgument for what is no such message.
Result<std::string> AnswerCatalogMethod(const Served& served, std::string_view method, std::string_view request);

/// RepositoryModelLoad and RepositoryModelUnload, which take their time and answer with an empty message.
bool IsControlMethod(std::string_view method);
/// Starts one of them. `control` may be null; `authorization`: that metadata, or empty. `done` hears how it ended: at
/// once or on another thread, or is destroyed when the server stops first.
void StartControlMethod(serving::ModelControl* control, std::string_view method, std::string_view authorization,
                        std::string_view request, serving::Loaded done);

}  // namespace mw::api::inference
