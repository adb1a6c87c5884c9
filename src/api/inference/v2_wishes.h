// What a v2 request says beside its inputs: its parameters, and which outputs go back in which form. And how single
// values of such a request are read. Pure but for what was read; one thread, used again; views point into the request
// and into the scanner's strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/inference/inference_request.h"
#include "api/inference/json_scanner.h"
#include "base/clock.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// Which outputs go back as bytes behind the JSON.
struct BinaryOutputs {
  bool all = false;
  std::vector<std::pair<std::string, bool>> named;
  [[nodiscard]] bool Wants(std::string_view output) const;
  [[nodiscard]] bool any() const;
  void Clear() {
    all = false;
    named.clear();
  }
};

/// Parameters and members that are not known are passed over.
struct V2Wishes {
  std::string_view event_time;       ///< parameter event_time; empty: none
  std::string_view event_time_text;  ///< the same as it stands in the request, with its quotes; empty: none
  Duration timeout{0};
  std::uint64_t priority = 0;
  std::vector<std::string_view> outputs;  ///< none: all
  std::vector<Classification> classifications;
  BinaryOutputs binary;

  void Clear();
  /// At the value of the member "parameters", and of "outputs". Errors: kInvalidArgument naming what must be what;
  /// kUnimplemented for shared memory.
  Status ReadParameters(JsonScanner& json);
  Status ReadOutputs(JsonScanner& json);

 private:
  Status ReadOutput(JsonScanner& json);
  static Status ReadOutputParameters(JsonScanner& json, std::optional<bool>& as_binary, std::uint64_t& classes);
};

// Errors of all: kInvalidArgument, with `what` must be what.
Status ReadText(JsonScanner& json, std::string_view what, std::string_view& out);
Result<bool> ReadTruth(JsonScanner& json, std::string_view what);
/// A whole number from 0 to 2^53.
Result<std::int64_t> ReadSize(JsonScanner& json, std::string_view what);
/// Of the input of that name, as far as it is known.
Result<serving::Datatype> ReadDatatype(JsonScanner& json, std::string_view input);

}  // namespace mw::api::inference
