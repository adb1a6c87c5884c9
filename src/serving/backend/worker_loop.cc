// Hello, then one answer for each run.
#include "serving/backend/worker_loop.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "serving/backend/worker_protocol.h"

namespace mw::serving {
namespace {

/// Of this process now.
std::uint64_t ResidentBytes() {
  const auto statm = ReadFile("/proc/self/statm");
  if (!statm.ok()) return 0;
  const auto fields = Split(*statm, ' ');
  const auto pages = fields.size() > 1 ? ParseInt(fields[1]).value_or(0) : 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

Status CheckInputs(const BackendInfo& info, std::span<const TensorView> inputs) {
  if (inputs.size() != info.inputs.size()) {
    return InvalidArgument("the model takes ", info.inputs.size(), " inputs, ", inputs.size(), " were given");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name != info.inputs[i].name) {
      return InvalidArgument("input ", i, " is ", Quoted(inputs[i].name), ", not ", Quoted(info.inputs[i].name));
    }
    TRY(CheckAgainst(info.inputs[i], inputs[i]));
  }
  return Ok();
}

Status RunFrame(WorkerModel& model, std::string_view payload, TensorList& outputs) {
  const std::vector<TensorView> inputs = TRY(ParseTensors(payload));
  TRY(CheckInputs(model.info(), inputs));
  return model.Run(inputs, outputs);
}

Status Serve(WorkerChannel& channel, WorkerModel& model) {
  TensorList outputs;
  while (true) {
    const Frame frame = TRY(channel.Receive(WorkerChannel::kForever));
    if (frame.kind != FrameKind::kRun) return DataLoss("the server sent a frame that is no run");
    outputs.Clear();
    const Status done = RunFrame(model, frame.payload, outputs);
    TRY(done.ok() ? channel.SendTensors(FrameKind::kAnswer, frame.id, outputs, WorkerChannel::kForever)
                  : channel.Send(FrameKind::kError, frame.id, WriteError(done.error()), WorkerChannel::kForever));
  }
}

}  // namespace

int ServeWorker(Result<std::unique_ptr<WorkerModel>> model) {
  WorkerChannel channel{FileDescriptor(kWorkerSocket)};
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().ToString().c_str());
    const Status told = channel.Send(FrameKind::kError, 0, WriteError(model.error()), WorkerChannel::kForever);
    return told.ok() ? 1 : 2;
  }
  auto mailbox = WorkerMailbox::Open(kWorkerMemory, MailboxSide::kWorker);
  WorkerHello hello{(*model)->info(), mailbox.ok()};
  hello.info.memory_bytes = ResidentBytes();
  if (!channel.Send(FrameKind::kHello, 0, WriteHello(hello), WorkerChannel::kForever).ok()) return 2;
  if (mailbox.ok()) channel.UseMailbox(*std::move(mailbox));
  const Status end = Serve(channel, **model);
  if (end.error().code == Code::kUnavailable) return 0;
  std::fprintf(stderr, "%s\n", end.error().ToString().c_str());
  return 1;
}

}  // namespace mw::serving
