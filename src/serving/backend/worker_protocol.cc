// Frames, tensors, hello and errors of the worker protocol; see worker_protocol.h.
#include "serving/backend/worker_protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::serving {
namespace {

constexpr std::size_t kAlignment = TensorList::kAlignment;
constexpr std::size_t kReadAhead = std::size_t{256} << 10;
constexpr std::size_t kErrorTailBytes = 4'096;
constexpr std::size_t kTensorHeadBytes = 16;
constexpr std::size_t kPiecesAtOnce = 64;
// A crash is noticed within a slice. Longer than a scheduler's tick: an earlier timer than that costs a virtual machine
// more than all the rest of a batch's way.
constexpr Duration kSlice{10'000};
constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);

std::size_t Aligned(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }
std::string_view PaddingAfter(std::size_t size) { return kZeros.substr(0, Aligned(size) - size); }

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T Get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string FrameHead(FrameKind kind, std::uint64_t id, std::size_t payload) {
  std::string head;
  Put(head, static_cast<std::uint32_t>(payload));
  Put(head, static_cast<std::uint32_t>(kind));
  Put(head, id);
  return head;
}

std::string TensorHead(const TensorView& tensor) {
  std::string head;
  Put(head, static_cast<std::uint8_t>(tensor.datatype));
  Put(head, static_cast<std::uint8_t>(tensor.shape.size()));
  Put(head, static_cast<std::uint16_t>(tensor.name.size()));
  Put(head, std::uint32_t{0});
  Put(head, static_cast<std::uint64_t>(tensor.bytes.size()));
  for (const std::int64_t size : tensor.shape) Put(head, size);
  head.append(tensor.name);
  return head.append(PaddingAfter(head.size()));
}

std::string TensorsHead(const TensorList& tensors) {
  std::string head;
  Put(head, static_cast<std::uint32_t>(tensors.size()));
  return head.append(PaddingAfter(head.size()));
}

Status CheckSendable(const TensorList& tensors) {
  std::size_t total = tensors.total_bytes();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView tensor = tensors[i];
    if (tensor.name.size() > kTensorNameBytesMax || tensor.shape.size() > kTensorDimensionsMax) {
      return InvalidArgument("tensor ", Quoted(tensor.name), " has too long a name or too many dimensions");
    }
    total += 2 * kAlignment + kTensorHeadBytes + sizeof(std::int64_t) * tensor.shape.size() + tensor.name.size();
  }
  if (total <= kFrameBytesMax && tensors.size() <= kTensorsMax) return Ok();
  return ResourceExhausted("the batch's tensors have ", total, " bytes, at most ", kFrameBytesMax, " fit");
}

std::size_t PayloadMax(FrameKind kind) {
  if (kind == FrameKind::kHello) return kHelloBytesMax;
  return kind == FrameKind::kError ? kWorkerErrorBytesMax : kFrameBytesMax;
}

/// A frame without its payload.
Result<Frame> ParseHead(std::string_view head) {
  const auto size = Get<std::uint32_t>(head, 0);
  const auto kind = Get<std::uint32_t>(head, 4);
  if (kind < 1 || kind > 4) return DataLoss("the other side sent a frame of the unknown kind ", kind);
  const std::size_t most = PayloadMax(static_cast<FrameKind>(kind));
  if (size > most) return DataLoss("the other side sent a frame of ", size, " bytes, at most ", most);
  return Frame{static_cast<FrameKind>(kind), Get<std::uint64_t>(head, 8), {}};
}

/// Drops from `pieces` the first `sent` bytes; the place of the first piece that is left.
std::size_t Skip(std::vector<std::string_view>& pieces, std::size_t at, std::size_t sent) {
  while (at < pieces.size() && sent >= pieces[at].size()) sent -= pieces[at++].size();
  if (sent > 0) pieces[at].remove_prefix(sent);
  return at;
}

}  // namespace

WorkerChannel::WorkerChannel(FileDescriptor socket, FileDescriptor errors)
    : socket_(std::move(socket)), errors_(std::move(errors)) {
  fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  if (errors_.valid()) fcntl(errors_.get(), F_SETFL, O_NONBLOCK);
}

Status WorkerChannel::Send(FrameKind kind, std::uint64_t id, std::string_view payload, Duration timeout) {
  const std::string head = FrameHead(kind, id, payload.size());
  return SendPieces(std::array<std::string_view, 2>{head, payload}, timeout);
}

Status WorkerChannel::SendTensors(FrameKind kind, std::uint64_t id, const TensorList& tensors, Duration timeout) {
  TRY(CheckSendable(tensors));
  std::vector<std::string> heads = {"", TensorsHead(tensors)};
  std::size_t total = heads[1].size();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    heads.push_back(TensorHead(tensors[i]));
    total += heads.back().size() + Aligned(tensors[i].bytes.size());
  }
  heads[0] = FrameHead(kind, id, total);
  std::vector<std::string_view> pieces = {heads[0], heads[1]};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView tensor = tensors[i];
    pieces.insert(pieces.end(), {heads[i + 2], tensor.bytes, PaddingAfter(tensor.bytes.size())});
  }
  return SendPieces(pieces, timeout);
}

/// `pieces`: the head, then the payload's.
Status WorkerChannel::SendPieces(std::span<const std::string_view> pieces, Duration timeout) {
  if (mailbox_ && mailbox_->Post(pieces[0], pieces.subspan(1))) return Ok();
  if (mailbox_) mailbox_->PostBySocket();
  return SendOverSocket(pieces, timeout == kForever ? kForever : clock_.Elapsed() + timeout);
}

Status WorkerChannel::SendOverSocket(std::span<const std::string_view> pieces, Duration deadline) {
  std::vector<std::string_view> left(pieces.begin(), pieces.end());
  for (std::size_t at = Skip(left, 0, 0); at < left.size();) {
    std::array<iovec, kPiecesAtOnce> parts;
    const std::size_t count = std::min(kPiecesAtOnce, left.size() - at);
    for (std::size_t i = 0; i < count; ++i) parts[i] = {const_cast<char*>(left[at + i].data()), left[at + i].size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      at = Skip(left, at, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TRY(Wait(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return Unavailable("the other side has closed the socket");
    }
  }
  return Ok();
}

/// Until the socket has one of `events` or has failed; empties the error output meanwhile.
Status WorkerChannel::Wait(short events, Duration deadline) {
  while (true) {
    const Duration left = deadline == kForever ? kForever : deadline - clock_.Elapsed();
    if (left <= Duration{0}) return DeadlineExceeded("the other side took too long");
    const auto millis = (left.count() + 999) / 1000;
    const int wait = left == kForever ? -1 : static_cast<int>(std::min<std::int64_t>(millis, 1'000'000));
    std::array<pollfd, 2> watched = {{{socket_.get(), events, 0}, {errors_.get(), POLLIN, 0}}};
    poll(watched.data(), watched.size(), wait);
    if (watched[1].revents != 0) DrainErrors();
    if (watched[0].revents != 0) return Ok();
  }
}

void WorkerChannel::DrainErrors() {
  char bytes[4'096];
  while (errors_.valid()) {
    const ssize_t got = read(errors_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 && errno != EINTR) errors_.Reset();
    if (got > 0) error_tail_.append(bytes, static_cast<std::size_t>(got));
    if (error_tail_.size() > kErrorTailBytes) error_tail_.erase(0, error_tail_.size() - kErrorTailBytes);
  }
}

const std::string& WorkerChannel::ErrorTail() {
  DrainErrors();
  return error_tail_;
}

/// At least `bytes` bytes from begin_ on.
Status WorkerChannel::Fill(std::size_t bytes, Duration deadline) {
  // Memory is taken as bytes arrive, so that a lie about a size costs nothing.
  while (end_ - begin_ < bytes) {
    if (end_ == buffer_.size()) buffer_.resize(std::min(begin_ + bytes, end_ * 2) + kReadAhead);
    const ssize_t got = recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
    } else if (got < 0 && errno == EAGAIN) {
      TRY(Wait(POLLIN, deadline));
    } else if (got == 0 || errno != EINTR) {
      return Unavailable("the other side has closed the socket");
    }
  }
  return Ok();
}

/// Until the bell rings. With a deadline, looks now and then whether the other side is still there; without one this is
/// a worker, whom the kernel ends with its server.
Status WorkerChannel::AwaitBell(Duration deadline) {
  while (true) {
    const Duration left = deadline == kForever ? kForever : deadline - clock_.Elapsed();
    if (mailbox_->Await(left == kForever ? kForever : std::clamp(left, Duration{0}, kSlice))) return Ok();
    if (left <= Duration{0}) return DeadlineExceeded("the other side took too long");
    char byte;
    const ssize_t peeked = recv(socket_.get(), &byte, 1, MSG_PEEK);
    if (peeked == 0 || (peeked < 0 && errno != EAGAIN && errno != EINTR)) {
      return Unavailable("the other side has closed the socket");
    }
    DrainErrors();
  }
}

/// Head and payload.
Result<std::string_view> WorkerChannel::ReceiveOverSocket(Duration deadline) {
  // What was read ahead moves to the front: payloads stay at a multiple of 16.
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= std::exchange(begin_, 0);
  TRY(Fill(kFrameHeadBytes, deadline));
  TRY(ParseHead(std::string_view(buffer_.data(), kFrameHeadBytes)));
  const std::size_t size = kFrameHeadBytes + Get<std::uint32_t>(std::string_view(buffer_.data(), 4), 0);
  TRY(Fill(size, deadline));
  begin_ = size;
  return std::string_view(buffer_.data(), size);
}

Result<Frame> WorkerChannel::Receive(Duration timeout) {
  const Duration deadline = timeout == kForever ? kForever : clock_.Elapsed() + timeout;
  std::string_view bytes;
  if (mailbox_ && !by_socket_) {
    TRY(AwaitBell(deadline));
    bytes = TRY(mailbox_->Take(posted_));
  }
  by_socket_ = bytes.empty();
  if (bytes.empty()) bytes = TRY(ReceiveOverSocket(deadline));
  by_socket_ = false;
  Frame frame = TRY(ParseHead(bytes));
  frame.payload = bytes.substr(kFrameHeadBytes);
  return frame;
}

namespace {

/// Takes one tensor off `payload` at `at`.
Result<TensorView> ParseTensor(std::string_view payload, std::size_t& at) {
  if (payload.size() - at < kTensorHeadBytes) return DataLoss("a tensor's head is cut short");
  const auto datatype = Get<std::uint8_t>(payload, at);
  const auto rank = Get<std::uint8_t>(payload, at + 1);
  const auto name_size = Get<std::uint16_t>(payload, at + 2);
  const auto size = Get<std::uint64_t>(payload, at + 8);
  if (datatype >= kDatatypes) return DataLoss("a tensor has the unknown datatype ", int{datatype});
  if (rank > kTensorDimensionsMax) return DataLoss("a tensor has ", int{rank}, " dimensions");
  if (name_size > kTensorNameBytesMax) return DataLoss("a tensor's name has ", name_size, " bytes");
  const std::size_t shape_at = at + kTensorHeadBytes;
  const std::size_t name_at = shape_at + rank * sizeof(std::int64_t);
  const std::size_t data_at = Aligned(name_at + name_size);
  if (data_at > payload.size() || payload.size() - data_at < size) return DataLoss("a tensor's data is cut short");
  at = std::min(Aligned(data_at + static_cast<std::size_t>(size)), payload.size());
  const auto* shape = reinterpret_cast<const std::int64_t*>(payload.data() + shape_at);
  const TensorView tensor{payload.substr(name_at, name_size), static_cast<Datatype>(datatype), std::span(shape, rank),
                          payload.substr(data_at, static_cast<std::size_t>(size))};
  TRY(CheckTensor(tensor));
  return tensor;
}

Result<std::vector<TensorSpec>> ParseSpecs(const Json& hello, std::string_view key) {
  const Json* list = hello.Find(key);
  if (list == nullptr || !list->IsArray()) return DataLoss("the worker's hello lacks ", Quoted(key));
  std::vector<TensorSpec> specs;
  for (const Json& entry : list->AsArray()) {
    TensorSpec spec;
    spec.name = entry.StringOr("name", "");
    const auto datatype = DatatypeFromName(entry.StringOr("datatype", ""));
    const Json* shape = entry.Find("shape");
    const bool complete = datatype && shape != nullptr && shape->IsArray() && !spec.name.empty();
    if (!complete || spec.name.size() > kTensorNameBytesMax || shape->AsArray().size() > kTensorDimensionsMax) {
      return DataLoss("the worker's hello describes ", Quoted(spec.name), " in ", key,
                      " without a name, a datatype or a shape that can be");
    }
    spec.datatype = *datatype;
    for (const Json& size : shape->AsArray())
      spec.shape.push_back(size.IsInt() ? std::max<std::int64_t>(size.AsInt(), -1) : -1);
    specs.push_back(std::move(spec));
  }
  if (specs.size() > kTensorsMax) return DataLoss("the worker's hello has ", specs.size(), " ", key);
  return specs;
}

Json SpecsJson(const std::vector<TensorSpec>& specs) {
  Json list = Json::MakeArray();
  for (const TensorSpec& spec : specs) {
    Json shape = Json::MakeArray();
    for (const std::int64_t size : spec.shape) shape.Append(size);
    list.Append(
        Json::Make({{"name", spec.name}, {"datatype", DatatypeName(spec.datatype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

/// One line of printable text.
std::string Sentence(std::string_view text) {
  std::string sentence(Trim(text.substr(0, kErrorSentenceBytesMax)));
  for (char& c : sentence) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return sentence;
}

}  // namespace

Result<std::vector<TensorView>> ParseTensors(std::string_view payload) {
  if (payload.size() < kAlignment) return DataLoss("a list of tensors is cut short");
  const auto count = Get<std::uint32_t>(payload, 0);
  if (count > kTensorsMax) return DataLoss("a list has ", count, " tensors, at most ", kTensorsMax);
  std::vector<TensorView> tensors;
  std::size_t at = kAlignment;
  for (std::uint32_t i = 0; i < count; ++i) tensors.push_back(TRY(ParseTensor(payload, at)));
  if (at != payload.size()) return DataLoss("a list of tensors has ", payload.size() - at, " bytes too many");
  return tensors;
}

std::string WriteTensors(const TensorList& tensors) {
  std::string payload = TensorsHead(tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    payload.append(TensorHead(tensors[i])).append(tensors[i].bytes);
    payload.append(PaddingAfter(payload.size()));
  }
  return payload;
}

Result<WorkerHello> ParseHello(std::string_view payload) {
  const auto hello = Json::Parse(payload);
  if (!hello.ok() || !hello->IsObject()) return DataLoss("the worker's hello is no JSON object");
  const std::int64_t protocol = hello->IntOr("protocol", 0);
  if (protocol != kWorkerProtocol) {
    return DataLoss("the worker speaks protocol ", protocol, ", this server ", kWorkerProtocol,
                    "; install both from one version");
  }
  WorkerHello told;
  told.mailbox = hello->BoolOr("mailbox", false);
  BackendInfo& info = told.info;
  info.platform = hello->StringOr("platform", "");
  info.library = Sentence(hello->StringOr("library", ""));
  info.inputs = TRY(ParseSpecs(*hello, "inputs"));
  info.outputs = TRY(ParseSpecs(*hello, "outputs"));
  info.batchable = hello->BoolOr("batchable", false);
  info.memory_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(hello->IntOr("memory_bytes", 0), 0));
  const Json* names = hello->Find("feature_names");
  if (names == nullptr || !names->IsArray()) return told;
  for (const Json& name : names->AsArray()) {
    if (!name.IsString()) return DataLoss("the worker's hello has feature_names that are no texts");
    info.feature_names.push_back(name.AsString());
  }
  return told;
}

std::string WriteHello(const WorkerHello& hello) {
  const BackendInfo& info = hello.info;
  Json names = Json::MakeArray();
  for (const std::string& name : info.feature_names) names.Append(name);
  return Json::Make({{"protocol", kWorkerProtocol},
                     {"platform", info.platform},
                     {"library", info.library},
                     {"batchable", info.batchable},
                     {"mailbox", hello.mailbox},
                     {"memory_bytes", info.memory_bytes},
                     {"inputs", SpecsJson(info.inputs)},
                     {"outputs", SpecsJson(info.outputs)},
                     {"feature_names", std::move(names)}})
      .Dump();
}

Error ParseError(std::string_view payload) {
  const auto error = Json::Parse(payload);
  if (!error.ok()) return Internal("the worker told an error that is no JSON");
  const Code code = CodeFromName(error->StringOr("code", ""));
  constexpr Code codes[] = {Code::kInvalidArgument,    Code::kNotFound,      Code::kPermissionDenied,
                            Code::kFailedPrecondition, Code::kUnimplemented, Code::kResourceExhausted};
  const bool known = std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
  return Error{known ? code : Code::kInternal, Sentence(error->StringOr("message", "the worker gave no reason")), {}};
}

std::string WriteError(const Error& error) {
  return Json::Make({{"code", CodeName(error.code)}, {"message", Sentence(error.ToString())}}).Dump();
}

}  // namespace mw::serving
