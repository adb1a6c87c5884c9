// Chooses, decodes, predicts, counts, records.
#include "api/inference/inference_runner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "api/inference/batched_call.h"
#include "api/inference/client_name.h"
#include "api/inference/model_tensors.h"
#include "base/random.h"
#include "base/text.h"
#include "serving/public_reason.h"

namespace mw::api::inference {
namespace {

/// More shadows than that are rarely shown requests; a few are kept so that their metrics are not looked up anew.
constexpr std::size_t kShadowsKept = 64;
/// When to come back for a version that is on its way into memory, or for its worker.
constexpr Duration kLoadPause = std::chrono::seconds(1);

serving::CachePolicy PolicyOf(const wire::CacheRules& rules) {
  return {.enabled = rules.enabled, .ttl = std::chrono::seconds(rules.ttl_s)};
}

Error UnknownModel(const serving::Snapshot& snapshot, std::string_view model) {
  std::vector<std::string_view> names(snapshot.names.names().begin(), snapshot.names.names().end());
  const std::string_view nearest = Nearest(model, names);
  return NotFound("no model ", Quoted(model), " is served here", nearest.empty() ? "" : "; did you mean ",
                  nearest.empty() ? "" : Quoted(nearest), names.empty() ? "; none is yet" : "");
}

Error UnknownVersion(const serving::ServedEndpoint& endpoint, std::string_view version) {
  std::vector<std::string> versions;
  for (const serving::RoutedVersion& entry : endpoint.versions) versions.push_back(entry.version_text);
  return NotFound("model ", Quoted(endpoint.name), " has no version ", Quoted(version),
                  " here; versions: ", Join(versions, ", "));
}

Error NotInMemory(const serving::ServedEndpoint& endpoint, const serving::RoutedVersion& entry) {
  if (entry.state == wire::VersionState::kFailed) {
    return Unavailable("version ", entry.version_text, " of model ", Quoted(endpoint.name),
                       " is not served: ", entry.error);
  }
  return Unavailable("version ", entry.version_text, " of model ", Quoted(endpoint.name),
                     entry.on_demand ? " is not in memory yet; try again in a second" : " was unloaded");
}

/// Of an FP32 tensor that is aligned, as those of a TensorList are.
std::span<const float> Floats(const serving::TensorView& tensor) {
  return {reinterpret_cast<const float*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(float)};
}

/// The least of two durations of which 0 is none.
Duration Shorter(Duration a, Duration b) {
  if (a <= Duration{0}) return b;
  return b <= Duration{0} ? a : std::min(a, b);
}

}  // namespace

InferenceRunner::InferenceRunner(const InferenceContext& context)
    : clock_(context.clock),
      metrics_(context.metrics),
      catalog_(context.catalog),
      reader_(context.catalog.NewReader()),
      unknown_models_(context.metrics.AddCounter("millwright_inference_unknown_model_total",
                                                 "Requests for a model or version that is not served here.")),
      cache_(context.cache),
      control_(context.control),
      books_(context.clock, context.metrics, context.recording, context.access),
      admission_(context.admission),
      shadow_(context.shadow),
      next_id_(Cat(Hex(RandomBytes(8)), "0000000000000000")) {}

Result<const InferenceRunner::Shared*> InferenceRunner::Find(const serving::Snapshot& snapshot, std::string_view model,
                                                             std::string_view version) {
  const serving::ServedEndpoint* const endpoint = snapshot.Find(model);
  if (endpoint != nullptr) [[likely]]
    return Pick(*endpoint, version);
  unknown_models_.Add();
  return UnknownModel(snapshot, model);
}

Result<const InferenceRunner::Shared*> InferenceRunner::Pick(const serving::ServedEndpoint& endpoint,
                                                             std::string_view version) {
  const serving::Choice choice = serving::Pick(endpoint, version, {}, ++id_count_);
  if (choice.version != nullptr) [[likely]]
    return &choice.entry->served;
  if (choice.entry != nullptr) {
    catalog_.EnsureLoaded(endpoint.name, choice.entry->version, nullptr);
    return NotInMemory(endpoint, *choice.entry);
  }
  unknown_models_.Add();
  return UnknownVersion(endpoint, version);
}

void InferenceRunner::Run(const InferenceTarget& target, RequestSource& source, Reply& reply) {
  reader_.Read([&](const serving::Snapshot& snapshot) {
    const serving::ServedEndpoint* const endpoint = snapshot.Find(target.model);
    const Asker asker{.target = &target, .client_header = snapshot.admission.client_header};
    if (endpoint == nullptr) {
      unknown_models_.Add();
      return RefuseUnserved(target, asker, UnknownModel(snapshot, target.model), Duration{0}, reply);
    }
    Passage passage{*endpoint, snapshot, target, source, {}, asker};
    passage.times.start = resumed_ == nullptr ? clock_.Elapsed() : resumed_->arrived;
    decoded_for_ = nullptr;
    RunOnChoice(passage, reply);
  });
}

void InferenceRunner::RunOnChoice(Passage& passage, Reply& reply) {
  const serving::ServedEndpoint& endpoint = passage.endpoint;
  const std::string_view version = passage.target.version;
  const bool draws = version.empty() && serving::NeedsKey(endpoint);
  const std::string_view key = draws ? StickyValue(passage) : std::string_view();
  const serving::Choice choice = serving::Pick(endpoint, version, key, ++id_count_);
  if (choice.version != nullptr) [[likely]] {
    passage.shown = choice.shadow != nullptr;
    return RunOn(passage, choice.entry->served, reply);
  }
  if (choice.entry == nullptr) {
    unknown_models_.Add();
    return RefuseUnserved(passage.target, passage.asker, UnknownVersion(endpoint, version), Duration{0}, reply);
  }
  if (WaitFor(passage, *choice.entry)) return;
  const Error error = NotServed(endpoint, *choice.entry);
  const Duration pause = error.code == Code::kUnavailable ? kLoadPause : Duration{0};
  RefuseUnserved(passage.target, passage.asker, error, pause, reply);
}

void InferenceRunner::RefuseUnserved(const InferenceTarget& target, const Asker& asker, const Error& error,
                                     Duration retry_after, Reply& reply) {
  const Duration start = resumed_ == nullptr ? clock_.Elapsed() : resumed_->arrived;
  books_.CountUnserved({.asker = asker, .endpoint = target.model}, error, start);
  reply.Refuse(error, retry_after);
}

/// False: it would be in vain, or was.
bool InferenceRunner::WaitFor(const Passage& passage, const serving::RoutedVersion& entry) {
  const bool comes = entry.on_demand && entry.state != wire::VersionState::kFailed;
  if (!comes) catalog_.EnsureLoaded(passage.endpoint.name, entry.version, nullptr);
  if (!comes || (resumed_ != nullptr && !resumed_->outcome.ok())) return false;
  const Duration own(ParseInt(passage.source.Parameter("timeout")).value_or(0));
  const Duration patience = Shorter(Shorter(own, passage.target.timeout), kLoadWaitMax);
  const Duration until = passage.times.start + patience;
  if (until <= clock_.Elapsed()) return false;
  wait_ = std::make_shared<ModelWait>(
      ModelWait{passage.endpoint.name, entry.version, passage.source.bytes(), passage.times.start, until});
  return true;
}

Error InferenceRunner::NotServed(const serving::ServedEndpoint& endpoint, const serving::RoutedVersion& entry) const {
  if (resumed_ == nullptr || resumed_->outcome.ok() || entry.state == wire::VersionState::kFailed) {
    return NotInMemory(endpoint, entry);
  }
  const Error& why = resumed_->outcome.error();
  const bool in_time = resumed_->until == resumed_->arrived + kLoadWaitMax;
  if (why.code == Code::kDeadlineExceeded && !in_time) return why;
  return Unavailable("version ", entry.version_text, " of model ", Quoted(endpoint.name),
                     " is not in memory: ", serving::PublicReason(why.message));
}

void InferenceRunner::Await(const std::shared_ptr<ModelWait>& wait, std::function<void()> resume) {
  const auto pass = std::make_shared<serving::Admission::Pass>();
  if (admission_ != nullptr) {
    auto admitted = admission_->Admit({}, 0, wait->bytes);
    if (!admitted.has_value()) {
      wait->outcome = std::move(admitted.error().error);
      return resume();
    }
    *pass = *std::move(admitted);
  }
  const auto done = [wait, pass, resume = std::move(resume)](const Status& status) {
    wait->outcome = status;
    *pass = {};  // its room is wanted again by what goes on now
    resume();
  };
  catalog_.EnsureLoaded(wait->endpoint, wait->version, done, wait->until);
}

/// Empty when the request has none; then it is drawn by itself.
std::string_view InferenceRunner::StickyValue(const Passage& passage) {
  const wire::StickyKey& sticky = passage.endpoint.sticky;
  if (sticky.from == wire::StickyKey::From::kHeader) {
    const HeaderSource* const headers = passage.target.headers;
    return headers == nullptr ? std::string_view() : headers->Header(sticky.name);
  }
  if (sticky.from == wire::StickyKey::From::kParameter) return passage.source.Parameter(sticky.name);
  if (sticky.from != wire::StickyKey::From::kColumn || passage.endpoint.live == nullptr) return {};
  // The rows tell who asks, so they are read as the primary version reads them. What it refuses, whichever version is
  // chosen refuses in its own words.
  const serving::Model& model = *passage.endpoint.live->model;
  request_ = {};
  if (!model.takes_rows() || !passage.source.Decode(model, passage.endpoint.limits, request_).ok()) return {};
  decoded_for_ = &model;
  if (sticky.name == model.schema().key) return request_.keys.empty() ? std::string_view() : request_.keys.front();
  const int feature = model.encoder().FeatureIndex(sticky.name);
  if (feature < 0) return {};
  return {reinterpret_cast<const char*>(&request_.features[static_cast<std::size_t>(feature)]), sizeof(float)};
}

/// As the rules of admission name it; empty: one of the rest.
std::string_view InferenceRunner::ClientOf(const Passage& passage) {
  if (passage.target.headers == nullptr) return {};
  return ClientName(*passage.target.headers, passage.snapshot.admission.client_header, client_);
}

/// False: it was refused. What is answered at once, on this thread, is never in flight beside others of its kind.
bool InferenceRunner::Admit(const Passage& passage, const serving::ServedVersion& version, Reply& reply,
                            serving::Admission::Pass& pass) {
  const bool rates = admission_ != nullptr && admission_->limits_rates();
  if (!rates && (version.queue == nullptr || admission_ == nullptr)) [[likely]]
    return true;
  auto admitted =
      admission_->Admit(rates ? ClientOf(passage) : std::string_view(), request_.rows, passage.source.bytes());
  if (admitted.has_value()) {
    pass = *std::move(admitted);
    return true;
  }
  const serving::Rejection& rejection = admitted.error();
  books_.CountRefused(
      version,
      {.asker = passage.asker, .id = id_, .rows = request_.rows, .event_time_us = passage.source.event_time_us()},
      rejection.error, passage.times.start);
  reply.Refuse(rejection.error, rejection.retry_after);
  return false;
}

void InferenceRunner::RunOn(Passage& passage, const Shared& version, Reply& reply) {
  if (decoded_for_ != version->model.get()) {
    request_ = {};
    const Status decoded = passage.source.Decode(*version->model, passage.endpoint.limits, request_);
    if (!decoded.ok()) {
      books_.CountRefused(*version, {.asker = passage.asker, .event_time_us = passage.source.event_time_us()},
                          decoded.error(), passage.times.start);
      return reply.Refuse(decoded.error(), Duration{0});
    }
  }
  passage.times.decoded = passage.times.computing = clock_.Elapsed();
  id_ = RequestId();
  serving::Admission::Pass pass;
  if (!Admit(passage, *version, reply, pass)) return;
  if (cache_ != nullptr && passage.endpoint.cache.enabled && AnswerFromCache(passage, version, reply)) return;
  if (version->model->backend() != nullptr) {
    RunBatched(passage, version, std::move(pass), reply);
  } else {
    RunHere(passage, version, reply);
  }
}

bool InferenceRunner::AnswerFromCache(Passage& passage, const Shared& version, Reply& reply) {
  canonical_.clear();
  if (request_.tensors != nullptr) {
    serving::AppendCanonical(*request_.tensors, canonical_);
  } else {
    serving::AppendCanonical(request_.features, canonical_);
  }
  const serving::Model& model = *version->model;
  const auto kept = cache_->Find(cache_->KeyOf(model.serial(), canonical_), books_.CacheMetricsOf(*version));
  if (kept == nullptr) return false;
  books_.CacheMetricsOf(*version).rows.Add(request_.rows);
  passage.times.computed = passage.times.computing;
  passage.from_cache = true;
  if (!model.takes_rows()) {
    values_ = FirstValues(*kept, request_.rows);
    AnswerNow(passage, *version, outputs_.Named(*kept, request_.wanted_outputs), reply);
    ShowNow(passage, version, kept);
  } else {
    values_ = FirstValues(*kept, request_.rows * model.num_outputs());
    const serving::TensorView value = (*kept)[0];
    if (value.datatype == serving::Datatype::kFp64) {
      exact_values_.resize(values_.size());
      std::memcpy(exact_values_.data(), value.bytes.data(), value.bytes.size());
    }
    AnswerNow(passage, *version, RowsOutputs(model), reply);
    ShowNow(passage, version, nullptr);
  }
  return true;
}

/// What the model answered for the canonical input, for the next who asks the same.
void InferenceRunner::KeepAnswer(const serving::ServedEndpoint& endpoint, const serving::Model& model) {
  auto kept = std::make_shared<serving::TensorList>();
  for (const serving::TensorView& output : row_outputs_.Make<float>(model, values_, request_.rows, true, false)) {
    if (!model.double_precision()) {
      kept->Append(output);
      continue;
    }
    const std::span<const double> exact = exact_values_;
    kept->Append({output.name,
                  serving::Datatype::kFp64,
                  output.shape,
                  {reinterpret_cast<const char*>(exact.data()), exact.size_bytes()}});
  }
  cache_->Put(cache_->KeyOf(model.serial(), canonical_), std::move(kept), PolicyOf(endpoint.cache));
}

std::span<const serving::TensorView> InferenceRunner::RowsOutputs(const serving::Model& model) {
  if (model.double_precision()) {
    return row_outputs_.Make<double>(model, exact_values_, request_.rows, request_.wants_value,
                                     request_.wants_decision);
  }
  return row_outputs_.Make<float>(model, values_, request_.rows, request_.wants_value, request_.wants_decision);
}

void InferenceRunner::RunHere(Passage& passage, const Shared& version, Reply& reply) {
  const serving::Model& model = *version->model;
  values_.resize(request_.rows * model.num_outputs());
  if (model.double_precision()) {
    exact_values_.resize(values_.size());
    model.Predict(request_.features, request_.rows, exact_values_);
    std::copy(exact_values_.begin(), exact_values_.end(), values_.begin());
  } else {
    model.Predict(request_.features, request_.rows, values_);
  }
  passage.times.computed = clock_.Elapsed();
  if (cache_ != nullptr && passage.endpoint.cache.enabled) KeepAnswer(passage.endpoint, model);
  AnswerNow(passage, *version, RowsOutputs(model), reply);
  ShowNow(passage, version, nullptr);
}

bool InferenceRunner::MayShow(const Passage& passage) const {
  return passage.shown && shadow_ != nullptr && request_.id != kProbeId;
}

/// `outputs`: of a tensor model; of a row model its values are there still.
void InferenceRunner::ShowNow(const Passage& passage, const Shared& version,
                              const std::shared_ptr<const serving::TensorList>& outputs) {
  if (!MayShow(passage)) [[likely]]
    return;
  const Shared& shadow = passage.endpoint.shadow;
  const std::size_t bytes = passage.source.bytes() + values_.size() * sizeof(float);
  if (!shadow_->HasRoom(bytes)) return ShadowMetricsFor(*shadow).dropped.Add();
  PrimaryAnswer primary{version, request_.rows, {}, outputs};
  if (version->model->takes_rows()) primary.values = values_;
  Show(shadow, passage.source.Keep(), bytes, passage.endpoint.limits, std::move(primary));
}

void InferenceRunner::Show(const Shared& shadow, std::unique_ptr<RequestBody> body, std::size_t bytes,
                           const wire::ServingLimits& limits, PrimaryAnswer primary) {
  shadow_->Offer(std::make_unique<ShadowCall>(ShadowMetricsFor(*shadow), shadow, std::move(body), limits,
                                              std::move(primary), clock_),
                 bytes);
}

const serving::ShadowMetrics& InferenceRunner::ShadowMetricsFor(const serving::ServedVersion& shadow) {
  for (const Shown& shown : shadows_) {
    if (shown.of == &shadow.metrics.requests) return shown.metrics;
  }
  if (shadows_.size() == kShadowsKept) shadows_.clear();
  return shadows_
      .emplace_back(&shadow.metrics.requests, serving::ShadowMetrics(metrics_, shadow.endpoint, shadow.version_text))
      .metrics;
}

void InferenceRunner::AnswerNow(Passage& passage, const serving::ServedVersion& version,
                                std::span<const serving::TensorView> outputs, Reply& reply) {
  reply.Answer({.version = version,
                .id = id_,
                .event_time = request_.event_time,
                .rows = request_.rows,
                .outputs = outputs_.Classified(*version.model, request_.classifications, request_.rows, outputs)});
  passage.times.answered = clock_.Elapsed();
  books_.CountAnswered(version, {.asker = passage.asker,
                                 .id = id_,
                                 .rows = request_.rows,
                                 .features = request_.features,
                                 .values = values_,
                                 .event_times_us = request_.event_times_us,
                                 .keys = request_.keys,
                                 .unknown_categories = request_.unknown_categories,
                                 .rows_per_second_full = passage.snapshot.recording.rows_per_second_full,
                                 .times = passage.times,
                                 .bytes = reply.answer_bytes(),
                                 .from_cache = passage.from_cache,
                                 .is_probe = request_.id == kProbeId});
}

void InferenceRunner::RunBatched(const Passage& passage, const Shared& version, serving::Admission::Pass pass,
                                 Reply& reply) {
  const Duration deadline =
      request_.timeout > Duration{0} ? passage.times.start + request_.timeout : serving::kNoDeadline;
  auto call = std::make_unique<BatchedCall>(*this, version, InputsOf(*version->model, request_), request_, id_,
                                            passage.snapshot.recording.rows_per_second_full, passage.times);
  call->Hold(std::move(pass));
  if (cache_ != nullptr && passage.endpoint.cache.enabled) {
    call->KeepAnswerAs(canonical_, PolicyOf(passage.endpoint.cache));
  }
  if (books_.wants_origins()) call->KeepOrigin(OriginOf(passage.asker));
  if (MayShow(passage)) {
    const Shared& shadow = passage.endpoint.shadow;
    const std::size_t bytes = passage.source.bytes();
    if (shadow_->HasRoom(bytes)) {
      call->ShowTo({shadow, passage.source.Keep(), bytes, passage.endpoint.limits});
    } else {
      ShadowMetricsFor(*shadow).dropped.Add();
    }
  }
  BatchedCall::Start(std::move(call), deadline, request_.priority, reply);
}

void InferenceRunner::Finish(BatchedCall& call, serving::BatchAnswer& answer, Duration retry_after, Reply& reply) {
  const serving::ServedVersion& version = call.version();
  if (!answer.outputs.ok()) {
    const Error& error = answer.outputs.error();
    CountRefusal(call, error);
    // A worker that died is started again.
    const bool comes_back = retry_after == Duration{0} && error.code == Code::kUnavailable;
    return reply.Refuse(error, comes_back ? kLoadPause : retry_after);
  }
  if (call.cache_policy().enabled) {
    cache_->Put(cache_->KeyOf(version.model->serial(), call.canonical_input()),
                std::make_shared<serving::TensorList>(*answer.outputs), call.cache_policy());
  }
  serving::StageTimes times = call.times();
  times.computed = clock_.Elapsed();
  times.computing = std::max(times.decoded, times.computed - answer.computed);
  const KeptRequest& request = call.request();
  if (version.model->takes_rows()) {
    values_ = FirstValues(*answer.outputs, request.rows * version.model->num_outputs());
    AnswerBatched(
        call,
        row_outputs_.Make<float>(*version.model, values_, request.rows, request.wants_value, request.wants_decision),
        reply);
  } else {
    values_ = FirstValues(*answer.outputs, request.rows);
    AnswerBatched(call, outputs_.Named(*answer.outputs, request.wanted_outputs), reply);
  }
  times.answered = clock_.Elapsed();
  const bool rows = version.model->takes_rows();
  books_.CountAnswered(version, {.asker = {.kept = &call.origin()},
                                 .id = request.id,
                                 .rows = request.rows,
                                 .features = rows ? Floats(call.inputs()[0]) : std::span<const float>(),
                                 .values = values_,
                                 .event_times_us = request.event_times_us,
                                 .keys = request.keys,
                                 .unknown_categories = request.unknown_categories,
                                 .rows_per_second_full = call.rows_per_second_full(),
                                 .times = times,
                                 .bytes = reply.answer_bytes(),
                                 .is_probe = request.is_probe});
  ShowFinished(call, answer);
}

void InferenceRunner::ShowFinished(BatchedCall& call, serving::BatchAnswer& answer) {
  BatchedCall::ForShadow shown = call.TakeForShadow();
  if (shown.shadow == nullptr) [[likely]]
    return;
  PrimaryAnswer primary{call.shared_version(), call.request().rows, {}, {}};
  if (call.version().model->takes_rows()) {
    primary.values = values_;
  } else {
    primary.outputs = std::make_shared<serving::TensorList>(*std::move(answer.outputs));
  }
  Show(shown.shadow, std::move(shown.body), shown.bytes, shown.limits, std::move(primary));
}

void InferenceRunner::AnswerBatched(const BatchedCall& call, std::span<const serving::TensorView> outputs,
                                    Reply& reply) {
  const KeptRequest& request = call.request();
  reply.Answer({.version = call.version(),
                .id = request.id,
                .event_time = request.event_time,
                .rows = request.rows,
                .outputs = outputs_.Classified(*call.version().model, request.classifications, request.rows, outputs)});
}

void InferenceRunner::CountAbandoned(const BatchedCall& call) {
  CountRefusal(call, Unavailable("the client has gone"));
}

void InferenceRunner::CountRefusal(const BatchedCall& call, const Error& error) {
  const auto& event_times = call.request().event_times_us;
  books_.CountRefused(call.version(),
                      {.asker = {.kept = &call.origin()},
                       .id = call.request().id,
                       .rows = call.request().rows,
                       .event_time_us = event_times.empty() ? serving::kNoEventTime : event_times.front()},
                      error, call.times().start);
}

/// The client's, or one that no other request has. The prediction id of a row is made of it (wire/window_record.h).
std::string_view InferenceRunner::RequestId() {
  if (!request_.id.empty()) return request_.id;
  char digits[17];
  const auto end = std::to_chars(digits, digits + sizeof digits, ++id_count_, 16);
  next_id_.replace(next_id_.size() - static_cast<std::size_t>(end.ptr - digits), std::string::npos,
                   std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  return next_id_;
}

void InferenceRunner::Flush() {
  books_.Flush();
  if (shadow_ != nullptr) shadow_->Tidy();
}

}  // namespace mw::api::inference
