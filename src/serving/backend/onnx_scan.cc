// A walk over protobuf's wire format by a table of onnx.proto's messages.
#include "serving/backend/onnx_scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"

namespace mw::serving {
namespace {

// onnx.proto's messages, those that can hold tensors or operators.
enum class Message : std::uint8_t {
  kLeaf,  // text, numbers, types: nothing in it matters
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kFunction,
  kTraining,
  kExternalEntry,
};

struct Child {
  std::uint32_t field;
  Message message;
};

struct MessageRow {
  std::string_view name;
  std::uint32_t known;  // bit n: the field n exists
  std::vector<Child> children;
};

constexpr std::uint32_t Bits(std::initializer_list<int> fields) {
  std::uint32_t bits = 0;
  for (const int field : fields) bits |= 1U << field;
  return bits;
}

// In the order of Message.
const std::vector<MessageRow>& Rows() {
  static const std::vector<MessageRow> rows = {
      {"", 0, {}},
      {"ModelProto",
       Bits({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}),
       {{7, Message::kGraph}, {20, Message::kTraining}, {25, Message::kFunction}}},
      {"GraphProto",
       Bits({1, 2, 5, 10, 11, 12, 13, 14, 15, 16}),
       {{1, Message::kNode}, {5, Message::kTensor}, {15, Message::kSparse}}},
      {"NodeProto", Bits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), {{5, Message::kAttribute}}},
      {"AttributeProto",
       Bits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 20, 21, 22, 23}),
       {{5, Message::kTensor},
        {6, Message::kGraph},
        {10, Message::kTensor},
        {11, Message::kGraph},
        {22, Message::kSparse},
        {23, Message::kSparse}}},
      {"TensorProto", Bits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}), {{13, Message::kExternalEntry}}},
      {"SparseTensorProto", Bits({1, 2, 3}), {{1, Message::kTensor}, {2, Message::kTensor}}},
      {"FunctionProto",
       Bits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}),
       {{7, Message::kNode}, {11, Message::kAttribute}}},
      {"TrainingInfoProto", Bits({1, 2, 3, 4}), {{1, Message::kGraph}, {2, Message::kGraph}}},
      {"StringStringEntryProto", Bits({1, 2}), {}},
  };
  return rows;
}

constexpr std::array<std::string_view, 7> kDomains = {"",
                                                      "ai.onnx",
                                                      "ai.onnx.ml",
                                                      "ai.onnx.training",
                                                      "ai.onnx.preview.training",
                                                      "com.microsoft",
                                                      "com.microsoft.nchwc"};

struct Field {
  std::uint32_t number = 0;
  std::uint32_t wire = 0;  // 0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes
  std::uint64_t value = 0;
  std::string_view bytes;
};

Error Malformed() { return InvalidArgument("the file is no ONNX model: it is cut short or damaged"); }

/// Takes one number off `bytes`.
std::optional<std::uint64_t> TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 10 && i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> Take(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) return std::nullopt;
  const std::string_view taken = bytes.substr(0, static_cast<std::size_t>(size));
  bytes.remove_prefix(taken.size());
  return taken;
}

/// Takes one field off `bytes`; nothing when they are malformed. Groups (wire types 3 and 4) are not in ONNX.
std::optional<Field> TakeField(std::string_view& bytes) {
  const auto tag = TakeVarint(bytes);
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1fffffff) return std::nullopt;
  Field field;
  field.number = static_cast<std::uint32_t>(*tag >> 3);
  field.wire = static_cast<std::uint32_t>(*tag & 7);
  std::optional<std::uint64_t> size;
  if (field.wire == 0) {
    const auto value = TakeVarint(bytes);
    if (!value) return std::nullopt;
    field.value = *value;
    return field;
  }
  if (field.wire == 1) size = 8;
  if (field.wire == 5) size = 4;
  if (field.wire == 2) size = TakeVarint(bytes);
  const auto taken = size ? Take(bytes, *size) : std::nullopt;
  if (!taken) return std::nullopt;
  field.bytes = *taken;
  return field;
}

/// What of one message's own fields matters.
struct Seen {
  std::string_view name, domain, key, value, op_type;
  std::vector<std::int64_t> dims;
  std::uint64_t datatype = 0;
  std::optional<std::uint64_t> raw_bytes;
  bool external = false;
  std::vector<std::pair<std::string_view, std::string_view>> entries;
};

/// Bytes of one element of TensorProto.DataType; 0 for texts and for elements smaller than a byte.
std::uint64_t ElementBytes(std::uint64_t datatype) {
  constexpr std::array<std::uint8_t, 24> bytes = {0, 4, 1, 1,  2, 2, 4, 8, 0, 1, 2, 8,
                                                  4, 8, 8, 16, 2, 1, 1, 1, 1, 0, 0, 0};
  return datatype < bytes.size() ? bytes[static_cast<std::size_t>(datatype)] : 0;
}

class Scanner {
 public:
  Status CollectFunctions(std::string_view model);
  Status Walk(Message message, std::string_view bytes, int depth);
  [[nodiscard]] OnnxScan Take() && {
    scan_.external.assign(external_.begin(), external_.end());
    return std::move(scan_);
  }

 private:
  Status Descend(Message message, const Field& field, int depth, Seen& seen);
  static Status Note(Message message, const Field& field, Seen& seen);
  Status Check(Message message, const Seen& seen);
  Status CheckNode(const Seen& node);
  Status CheckTensor(const Seen& tensor);
  Status CheckExternal(const Seen& tensor);

  OnnxScan scan_;
  std::set<std::string> external_;
  std::set<std::string, std::less<>> function_domains_;
};

/// The domains that the model's own functions define; their bodies are operators like all others.
Status Scanner::CollectFunctions(std::string_view model) {
  while (!model.empty()) {
    const auto field = TakeField(model);
    if (!field) return Malformed();
    if (field->number != 25 || field->wire != 2) continue;
    for (std::string_view function = field->bytes; !function.empty();) {
      const auto part = TakeField(function);
      if (!part) return Malformed();
      if (part->number == 10 && part->wire == 2) function_domains_.emplace(part->bytes);
    }
  }
  return Ok();
}

Status Scanner::Walk(Message message, std::string_view bytes, int depth) {
  if (depth > kOnnxDepthMax)
    return ResourceExhausted("the model's graphs are nested deeper than ", kOnnxDepthMax, " messages");
  const MessageRow& row = Rows()[static_cast<std::size_t>(message)];
  Seen seen;
  while (!bytes.empty()) {
    const auto field = TakeField(bytes);
    if (!field) return Malformed();
    if (field->number >= 32 || (row.known >> field->number & 1U) == 0) {
      return InvalidArgument("the model has the field ", field->number, " of ", row.name,
                             ", which this version does not know and cannot vouch for");
    }
    TRY(Note(message, *field, seen));
    TRY(Descend(message, *field, depth, seen));
  }
  return Check(message, seen);
}

Status Scanner::Descend(Message message, const Field& field, int depth, Seen& seen) {
  for (const Child& child : Rows()[static_cast<std::size_t>(message)].children) {
    if (child.field != field.number) continue;
    if (field.wire != 2) return Malformed();
    if (child.message != Message::kExternalEntry) return Walk(child.message, field.bytes, depth + 1);
    Seen entry;
    for (std::string_view bytes = field.bytes; !bytes.empty();) {
      const auto part = TakeField(bytes);
      if (!part || part->wire != 2 || part->number > 2) return Malformed();
      (part->number == 1 ? entry.key : entry.value) = part->bytes;
    }
    seen.entries.emplace_back(entry.key, entry.value);
    return Ok();
  }
  return Ok();
}

/// Keeps what the checks of this message ask about.
Status Scanner::Note(Message message, const Field& field, Seen& seen) {
  const std::uint32_t number = field.number;
  if (message == Message::kModel && number == 1) seen.datatype = field.value;
  if (message == Message::kNode) {
    if (number == 3) seen.name = field.bytes;
    if (number == 4) seen.op_type = field.bytes;
    if (number == 7) seen.domain = field.bytes;
  }
  if (message != Message::kTensor) return Ok();
  if (number == 2) seen.datatype = field.value;
  if (number == 8) seen.name = field.bytes;
  if (number == 9) seen.raw_bytes = field.bytes.size();
  if (number == 14 && field.value != 0) seen.external = true;
  if (number == 1 && field.wire == 0) seen.dims.push_back(static_cast<std::int64_t>(field.value));
  if (number == 1 && field.wire == 2) {
    for (std::string_view packed = field.bytes; !packed.empty();) {
      const auto size = TakeVarint(packed);
      if (!size) return Malformed();
      seen.dims.push_back(static_cast<std::int64_t>(*size));
    }
  }
  return Ok();
}

Status Scanner::Check(Message message, const Seen& seen) {
  if (message == Message::kModel) scan_.ir_version = static_cast<std::int64_t>(seen.datatype);
  if (message == Message::kNode) return CheckNode(seen);
  if (message == Message::kTensor) return CheckTensor(seen);
  return Ok();
}

Status Scanner::CheckNode(const Seen& node) {
  if (++scan_.nodes > kOnnxNodesMax) return ResourceExhausted("the model has more than ", kOnnxNodesMax, " nodes");
  const bool known = std::find(kDomains.begin(), kDomains.end(), node.domain) != kDomains.end() ||
                     function_domains_.contains(node.domain);
  if (known) return Ok();
  return Unimplemented("node ", Quoted(node.name), " is the operator ", Quoted(node.op_type), " of the domain ",
                       Quoted(node.domain),
                       "; only operators of ONNX and ONNX Runtime itself can be run, no custom ones");
}

Status Scanner::CheckTensor(const Seen& tensor) {
  if (++scan_.tensors > kOnnxTensorsMax)
    return ResourceExhausted("the model has more than ", kOnnxTensorsMax, " tensors");
  std::uint64_t bytes = std::max<std::uint64_t>(ElementBytes(tensor.datatype), 1);
  for (const std::int64_t size : tensor.dims) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes) ||
        bytes > kOnnxTensorBytesMax) {
      return ResourceExhausted("tensor ", Quoted(tensor.name), " claims a size below 0, or above ", kOnnxTensorBytesMax,
                               " bytes");
    }
  }
  const bool comparable = tensor.raw_bytes && ElementBytes(tensor.datatype) > 0 && !tensor.external;
  if (comparable && *tensor.raw_bytes != bytes) {
    return InvalidArgument("tensor ", Quoted(tensor.name), " claims ", bytes, " bytes and has ", *tensor.raw_bytes);
  }
  scan_.weight_bytes += bytes;
  return CheckExternal(tensor);
}

Status Scanner::CheckExternal(const Seen& tensor) {
  if (!tensor.external && tensor.entries.empty()) return Ok();
  std::string_view location;
  int locations = 0;
  for (const auto& [key, value] : tensor.entries) {
    if (key != "location") continue;
    location = value;
    ++locations;
  }
  // Plain: of the model's own directory, and nothing that a path could mean otherwise.
  const bool plain = locations == 1 && !location.empty() && location.size() <= 255 && location.front() != '.' &&
                     location.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
  if (!plain) {
    return PermissionDenied("tensor ", Quoted(tensor.name), " lies in the file ", Quoted(location),
                            "; only plain names of files in the model's own directory are read");
  }
  external_.emplace(location);
  if (external_.size() <= kOnnxExternalFilesMax) return Ok();
  return ResourceExhausted("the model's tensors lie in more than ", kOnnxExternalFilesMax, " files");
}

}  // namespace

Result<OnnxScan> ScanOnnx(std::string_view bytes) {
  if (bytes.size() > kOnnxFileBytesMax) return ResourceExhausted("the model file has ", bytes.size(), " bytes");
  Scanner scanner;
  TRY(scanner.CollectFunctions(bytes));
  TRY(scanner.Walk(Message::kModel, bytes, 1));
  OnnxScan scan = std::move(scanner).Take();
  if (scan.nodes > 0) return scan;
  return InvalidArgument("the file is no ONNX model: it has no nodes");
}

Result<FileDescriptor> OpenBesideModel(const std::string& directory, const std::string& name) {
  const FileDescriptor folder(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return ErrnoError(errno, Cat("opening ", directory));
  FileDescriptor file(openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid() && errno == ELOOP) {
    return PermissionDenied("the model's file ", Quoted(name), " is a symbolic link; put the file itself there");
  }
  if (!file.valid()) return ErrnoError(errno, Cat("opening the model's file ", Quoted(name)));
  struct stat found {};
  if (fstat(file.get(), &found) != 0) return ErrnoError(errno, Cat("looking at the model's file ", Quoted(name)));
  if (S_ISREG(found.st_mode) && found.st_nlink == 1) return file;
  return PermissionDenied("the model's file ", Quoted(name),
                          " is no plain file with one name (hard links: ", static_cast<std::uint64_t>(found.st_nlink),
                          "); put a copy there");
}

}  // namespace mw::serving
