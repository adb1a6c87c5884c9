// What a model server and a worker process tell one another, over a Unix stream socket that the worker finds as its
// descriptor 3. A worker may be written in any language; this comment is all it needs. Everything is little-endian.
//
// A frame is a head of 16 bytes, then its payload:
//   byte 0   u32  size of the payload in bytes
//        4   u8   kind: 1 hello, 2 run, 3 answer, 4 error
//        5   3 bytes of zero
//        8   u64  id: of a run, chosen by the server; its answer or error repeats it. 0 in a hello
// The worker speaks first: one hello, or one error with id 0 when it cannot load its model (then it exits). After that
// each run is answered by one answer or one error with its id, one at a time. At the end of the socket the worker
// exits.
//
// hello: JSON {"protocol":1,"platform":"mlflow_pyfunc","library":"MLflow 2.9","batchable":true,"memory_bytes":1234,
//   "inputs":[{"name":"x","datatype":"FP32","shape":[-1,30]}],"outputs":[...],"feature_names":["a","b"]}
//   (datatypes as serving/tensor.h names them; memory_bytes and feature_names may be left out)
// error: JSON {"code":"INVALID_ARGUMENT","message":"one sentence"}; the codes that count: INVALID_ARGUMENT (the values
//   asked about, or the model), NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, UNIMPLEMENTED, RESOURCE_EXHAUSTED;
//   all others are INTERNAL
// run, answer: tensors in the order of the hello's inputs, outputs:
//   byte 0   u32  number of tensors, then 12 bytes of zero; then each tensor, at a multiple of 16 from the payload's
//   beginning:
//        0   u8   datatype: 0 BOOL, 1 UINT8, 2 UINT16, 3 UINT32, 4 UINT64, 5 INT8, 6 INT16, 7 INT32, 8 INT64, 9 FP16,
//                 10 BF16, 11 FP32, 12 FP64, 13 BYTES
//        1   u8   rank, at most 8
//        2   u16  size of the name in bytes
//        4   4 bytes of zero
//        8   u64  size of the data in bytes
//       16   rank x i64: the shape; then the name; then zeros to a multiple of 16; then the data (row-major; BYTES: for
//            each element u32 size and that many bytes), then zeros to a multiple of 16
//
// Mailbox, which a worker may do without: descriptor 5 is memory of two halves of 4096 + 4 MiB bytes, the server's and
// the worker's. A worker whose hello says "mailbox":true gets its runs there and posts its answers and errors there:
//   byte 0     u32  bell: a futex, raised by 1 and woken when a frame was posted in this half
//        4080  the frame's head, or a u32 of 0xffffffff: this one comes over the socket (larger than 4 MiB)
//        4096  its payload
//
// Neither side believes the other: sizes are checked before memory is taken, tensors by CheckTensor.
// Ownership: a WorkerChannel belongs to one thread at a time. Invariant: views that ParseTensors gives lie inside the
// payload and satisfy CheckTensor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "serving/backend/backend.h"
#include "serving/backend/worker_mailbox.h"
#include "serving/tensor.h"

namespace mw::serving {

/// The descriptor that a worker finds its socket at.
inline constexpr int kWorkerSocket = 3;
inline constexpr std::int64_t kWorkerProtocol = 1;

enum class FrameKind : std::uint8_t { kHello = 1, kRun = 2, kAnswer = 3, kError = 4 };

// Limits of what is read from the other side.
inline constexpr std::size_t kFrameHeadBytes = 16;
inline constexpr std::size_t kFrameBytesMax = kTensorBytesMax + (std::size_t{16} << 20);
inline constexpr std::size_t kHelloBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kWorkerErrorBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kErrorSentenceBytesMax = 2'000;

struct Frame {
  FrameKind kind = FrameKind::kError;
  std::uint64_t id = 0;
  std::string_view payload;  ///< at a multiple of 16 in memory; valid until the channel's next Receive
};

/// Frames over a connected stream socket and, once there is one, a mailbox, with a second descriptor (the other side's
/// error output) emptied meanwhile, so that a worker that writes much never stands still. Move-only.
class WorkerChannel {
 public:
  static constexpr Duration kForever = Duration::max();

  /// `errors`: read end of the worker's error output, or none. Makes both descriptors non-blocking.
  explicit WorkerChannel(FileDescriptor socket, FileDescriptor errors = {});

  // `timeout`: kDeadlineExceeded when it passed first. Errors: kUnavailable when the other side has closed;
  // kDataLoss for bytes that are no frame. After an error the channel is of no more use, except that Receive may be
  // tried again after kDeadlineExceeded.
  Status Send(FrameKind kind, std::uint64_t id, std::string_view payload, Duration timeout);
  Status SendTensors(FrameKind kind, std::uint64_t id, const TensorList& tensors, Duration timeout);
  Result<Frame> Receive(Duration timeout);

  /// From now on frames cross in shared memory where they fit. Nothing may be on its way.
  void UseMailbox(WorkerMailbox mailbox) { mailbox_.emplace(std::move(mailbox)); }

  [[nodiscard]] int socket() const { return socket_.get(); }
  /// The end of what the other side wrote as errors (at most 4 KiB), what is there now included.
  [[nodiscard]] const std::string& ErrorTail();

 private:
  Status SendPieces(std::span<const std::string_view> pieces, Duration timeout);
  Status SendOverSocket(std::span<const std::string_view> pieces, Duration deadline);
  Result<std::string_view> ReceiveOverSocket(Duration deadline);
  Status AwaitBell(Duration deadline);
  Status Wait(short events, Duration deadline);
  Status Fill(std::size_t bytes, Duration deadline);
  void DrainErrors();

  FileDescriptor socket_, errors_;
  std::optional<WorkerMailbox> mailbox_;
  std::vector<char> buffer_, posted_;  // operator new aligns them to 16
  std::size_t begin_ = 0, end_ = 0;    // what was read ahead of the socket
  bool by_socket_ = false;             // the bell has rung for a frame that comes over the socket
  std::string error_tail_;
  RealClock clock_;
};

/// Views of a run's or an answer's tensors. `payload` lies at a multiple of 16. Errors: kDataLoss for what breaks the
/// format or a limit, kInvalidArgument from CheckTensor.
Result<std::vector<TensorView>> ParseTensors(std::string_view payload);
/// The payload of `tensors`, for those who do not send it by a channel.
std::string WriteTensors(const TensorList& tensors);

struct WorkerHello {
  BackendInfo info;
  bool mailbox = false;
};
/// Errors: kDataLoss when the hello lacks something, or speaks another protocol.
Result<WorkerHello> ParseHello(std::string_view payload);
std::string WriteHello(const WorkerHello& hello);
/// The error that an error frame tells; its sentence is cut to kErrorSentenceBytesMax and one line.
Error ParseError(std::string_view payload);
std::string WriteError(const Error& error);

}  // namespace mw::serving
