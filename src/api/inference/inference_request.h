// One inference, whatever protocol it came by: what is asked, and what is answered. Protocols decode into the one
// (RequestSource) and write the other (Reply); everything between is theirs in common (inference_runner.h).
//
// Plain views, valid during the call that they are passed to; who keeps a request for later copies it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "serving/access_entry.h"
#include "serving/catalog.h"
#include "serving/model.h"
#include "serving/tensor.h"
#include "wire/desired_state.h"

namespace mw::api::inference {

inline constexpr std::size_t kRequestIdBytesMax = 256;

/// An output of which the likeliest classes go back in its place (the classification extension).
struct Classification {
  std::string_view output;
  std::uint64_t count = 1;  ///< how many; of fewer, all
};

/// What a client asks, checked against the model that it asks.
struct InferenceRequest {
  std::string_view id;          ///< empty: none given
  std::string_view event_time;  ///< RFC 3339 as given; empty: none
  /// Microseconds since 1970: none, one for all rows, or one for each (serving::kNoEventTime where it has none).
  std::span<const std::int64_t> event_times_us;
  std::span<const std::string_view> keys;  ///< none, or one for each row
  std::size_t rows = 0;
  std::span<const float> features;                     ///< of a row model: rows x its features
  std::shared_ptr<const serving::TensorList> tensors;  ///< of a tensor model: in the order of its inputs
  std::uint64_t unknown_categories = 0;
  // Which outputs are wanted. Of a row model its value and its decision, of a tensor model by name; none: all.
  bool wants_value = true;
  bool wants_decision = true;
  std::span<const std::string_view> wanted_outputs;
  std::span<const Classification> classifications;
  Duration timeout{0};         ///< how long the client waits for the answer; 0: it did not say
  std::uint64_t priority = 0;  ///< 1 is the most urgent; 0: it did not say
};

/// What goes back. Outputs stand in the order of the model's.
struct InferenceAnswer {
  const serving::ServedVersion& version;
  std::string_view id;
  std::string_view event_time;
  std::size_t rows = 0;
  std::span<const serving::TensorView> outputs;
};

/// What came beside the body: HTTP's headers, gRPC's metadata.
class HeaderSource {
 public:
  virtual ~HeaderSource() = default;
  /// The first value of that name, or empty.
  [[nodiscard]] virtual std::string_view Header(std::string_view name) const = 0;
  /// The value of a header that must not come twice; empty when it did.
  [[nodiscard]] virtual std::string_view OnlyHeader(std::string_view name) const = 0;
  /// The other side's address without its port, or empty. Costs a system call.
  [[nodiscard]] virtual std::string PeerAddress() const = 0;
};

/// Between a model and its version in the paths of v1 and of MLflow.
inline constexpr std::string_view kVersionsInPath = "/versions/";

/// Where to ask, apart from what stands in the body.
struct InferenceTarget {
  std::string_view model;
  std::string_view version{};             ///< empty: as the endpoint's split says
  const HeaderSource* headers = nullptr;  ///< null: there are none
  Duration timeout{0};                    ///< how long the client waits, where that is known already; 0: not
  // For the access log.
  serving::Protocol protocol = serving::Protocol::kV2Json;
  std::size_t request_bytes = 0;
};

/// A request's body in its protocol.
class RequestBody {
 public:
  virtual ~RequestBody() = default;
  /// May be called again for another model. Errors: kInvalidArgument naming the column, row and value.
  virtual Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) = 0;
};

/// The body of a request that is being answered.
class RequestSource : public RequestBody {
 public:
  /// Of the part that Decode understood, for the record of a refusal.
  [[nodiscard]] virtual std::int64_t event_time_us() const = 0;
  /// The value of a parameter of the request, a number or a truth as text; empty when it has none. Before or after
  /// Decode; valid until the next call.
  [[nodiscard]] virtual std::string_view Parameter(std::string_view name) = 0;
  /// What the body takes, and a kept one.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
  /// A copy of the body, to be decoded by any thread: with decoders of that thread, so that what they allocate stays
  /// there.
  [[nodiscard]] virtual std::unique_ptr<RequestBody> Keep() const = 0;
};

class Reply;

/// What is left of a request that waits. Called or destroyed on the request's own thread and nowhere else; destroyed
/// without a call when the client has gone or the server stops.
class Waiting {
 public:
  virtual ~Waiting() = default;
  /// Answers or refuses.
  virtual void Finish(Reply& reply) = 0;
};

/// The right to have a waiting request finished, once, from any thread. Dropped without that, the request is refused.
class Resumer {
 public:
  virtual ~Resumer() = default;
  virtual void Resume() = 0;
};

/// Where one answer goes: exactly one of the calls is made, on the thread of the request.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void Answer(const InferenceAnswer& answer) = 0;
  /// `retry_after`: for kUnavailable and kResourceExhausted when known, else 0.
  virtual void Refuse(const Error& error, Duration retry_after) = 0;
  /// The answer comes later: nothing of the request but what `waiting` holds is there any more by then.
  virtual std::unique_ptr<Resumer> Defer(std::unique_ptr<Waiting> waiting) = 0;
  /// Of the body that Answer wrote.
  [[nodiscard]] virtual std::uint64_t answer_bytes() const = 0;
};

}  // namespace mw::api::inference
