// Sends, waits, tries again.
#include "serving/window_sender.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "wire/window_record.h"

namespace mw::serving {
namespace {

Status WholeFrame(std::string_view frame) {
  TRY(wire::SplitFrame(frame));
  return Ok();
}

void Raise(const FileDescriptor& event) {
  const std::uint64_t one = 1;
  static_cast<void>(!write(event.get(), &one, sizeof one));
}

}  // namespace

Result<std::unique_ptr<WindowSender>> WindowSender::Make(WindowSenderOptions options, WindowSpool& spool,
                                                         MetricsRegistry& metrics) {
  Events events;
  for (FileDescriptor* event : {&events.news, &events.finish, &events.cancel}) {
    *event = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event->valid()) return ErrnoError(errno, "eventfd");
  }
  return std::unique_ptr<WindowSender>(new WindowSender(std::move(options), spool, metrics, std::move(events)));
}

WindowSender::WindowSender(WindowSenderOptions options, WindowSpool& spool, MetricsRegistry& metrics, Events events)
    : options_(std::move(options)),
      spool_(spool),
      sent_bytes_(metrics.AddCounter("millwright_recording_sent_bytes_total",
                                     "Bytes of window pieces that the control plane acknowledged.")),
      given_up_files_(metrics.AddCounter("millwright_recording_given_up_total",
                                         "Files of window pieces that were damaged or refused for good.")),
      spool_bytes_(metrics.AddGauge("millwright_recording_spool_bytes",
                                    "Bytes of window pieces that wait on disk for the control plane.")),
      events_(std::move(events)) {}

void WindowSender::Run() {
  std::chrono::milliseconds pause = options_.retry_min;
  while (true) {
    const bool last = Finishing();  // then one failure ends it
    spool_bytes_.Set(static_cast<double>(spool_.bytes()));
    if (spool_.bytes() == 0) {
      if (last) break;
      AwaitNews();
      continue;
    }
    const Status sent = SendOldest();
    NoteDelivery(sent);
    if (sent.ok()) {
      pause = options_.retry_min;
      continue;
    }
    if (last) break;
    client_.reset();  // the control plane may be elsewhere by now
    Pause(pause);
    pause = std::min(pause * 2, options_.retry_max);
  }
  const Lock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

void WindowSender::Notify() { Raise(events_.news); }

void WindowSender::Finish(std::chrono::milliseconds timeout) {
  Raise(events_.finish);
  const Lock lock(mutex_);
  while (!ended_ && changed_.WaitFor(mutex_, timeout)) {
  }
  Raise(events_.cancel);
}

bool WindowSender::Finishing() const {
  pollfd finish{events_.finish.get(), POLLIN, 0};
  return poll(&finish, 1, 0) > 0;
}

void WindowSender::AwaitNews() {
  pollfd events[] = {{events_.news.get(), POLLIN, 0}, {events_.finish.get(), POLLIN, 0}};
  poll(events, 2, -1);
  std::uint64_t count = 0;
  static_cast<void>(!read(events_.news.get(), &count, sizeof count));
}

void WindowSender::Pause(std::chrono::milliseconds duration) {
  pollfd finish{events_.finish.get(), POLLIN, 0};
  poll(&finish, 1, static_cast<int>(duration.count()));
}

Status WindowSender::Connect() {
  const ControlPlaneAddress address = TRY(FindControlPlane(options_.state_directory, options_.control_plane));
  net::ClientOptions client_options;
  client_options.timeout = options_.timeout;
  client_options.bearer_token = address.token;
  client_options.cancel_descriptor = events_.cancel.get();
  client_ = TRY(net::HttpClient::Make(address.url, client_options));
  return Ok();
}

Status WindowSender::SendOldest() {
  if (!client_) TRY(Connect());
  const std::vector<std::string> names = spool_.Oldest(options_.batch_bytes);
  Status sent = Send(names);
  if (sent.ok() || sent.error().code != Code::kInvalidArgument) return sent;
  // One of them is refused for good: find out which.
  for (const std::string& name : names) {
    Status alone = names.size() == 1 ? sent : Send({name});
    if (alone.ok()) continue;
    if (alone.error().code != Code::kInvalidArgument) return alone;
    GiveUp(name, alone.error());
  }
  return Ok();
}

void WindowSender::GiveUp(const std::string& name, const Error& error) {
  given_up_files_.Add();
  LogError("window pieces given up", {{"file", Json(name)}, {"error", Json(error.ToString())}});
  spool_.Remove(name);
}

Status WindowSender::Send(const std::vector<std::string>& names) {
  std::string frame;
  for (const std::string& name : names) {
    const Result<std::string> file = spool_.Read(name);
    if (!file.ok() && file.error().code != Code::kNotFound) return Unavailable(file.error().ToString());
    const Status whole = file.ok() ? WholeFrame(*file) : file.error();
    if (whole.ok()) {
      frame += *file;
    } else {
      GiveUp(name, whole.error());
    }
  }
  const std::string target = Cat("/api/v1/servers/", options_.server_id, "/windows");
  const Result<net::Response> response =
      client_->Send(net::Method::kPut, target, frame, {{"Content-Type", "application/octet-stream"}});
  if (!response.ok()) return Unavailable(response.error().ToString());
  if (response->status >= 300) {
    const Error error = net::ErrorFromResponse(*response);
    const std::string says = Cat(response->status, ": ", error.ToString());
    const bool final = error.code == Code::kInvalidArgument || response->status == 413;
    return final ? InvalidArgument(says) : Unavailable(says);
  }
  sent_bytes_.Add(frame.size());
  for (const std::string& name : names) spool_.Remove(name);
  return Ok();
}

void WindowSender::NoteDelivery(const Status& sent) {
  if (!sent.ok() && !failing_) {
    LogWarning("window pieces wait for the control plane",
               {{"spool_bytes", Json(spool_.bytes())}, {"error", Json(sent.error().ToString())}});
  }
  if (sent.ok() && failing_) LogInfo("window pieces are delivered again", {{"spool_bytes", Json(spool_.bytes())}});
  failing_ = !sent.ok();
}

}  // namespace mw::serving
