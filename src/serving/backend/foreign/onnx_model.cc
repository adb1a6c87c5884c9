// ONNX Runtime by its C interface.
#include "serving/backend/foreign/onnx_model.h"

#if !__has_include(<onnxruntime_c_api.h>)
#error "ONNX Runtime's header is not in build/deps/onnxruntime; run `make setup`, which fetches it"
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <onnxruntime_c_api.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "serving/backend/onnx_scan.h"

namespace mw::serving {
namespace {

constexpr const char* kLibrary = "libonnxruntime.so.1";
// The oldest interface that has everything used here.
constexpr std::uint32_t kInterface = 18;
constexpr const char* kOldestVersion = "1.18";

/// Releases one of the library's objects.
template <typename T>
class Owned {
 public:
  using Release = void(ORT_API_CALL*)(T*);
  explicit Owned(Release release) : release_(release) {}
  Owned(Owned&& other) noexcept : value_(std::exchange(other.value_, nullptr)), release_(other.release_) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (value_ != nullptr) release_(value_);
  }
  [[nodiscard]] T* get() const { return value_; }
  T** out() { return &value_; }

 private:
  T* value_ = nullptr;
  Release release_;
};

Datatype DatatypeOf(ONNXTensorElementDataType type, bool& known) {
  known = true;
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return Datatype::kFp32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: return Datatype::kUint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: return Datatype::kInt8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16: return Datatype::kUint16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16: return Datatype::kInt16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: return Datatype::kInt32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return Datatype::kInt64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING: return Datatype::kBytes;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: return Datatype::kBool;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: return Datatype::kFp16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return Datatype::kFp64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32: return Datatype::kUint32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64: return Datatype::kUint64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16: return Datatype::kBf16;
    default: known = false; return Datatype::kFp32;
  }
}

ONNXTensorElementDataType TypeOf(Datatype datatype) {
  constexpr std::array<ONNXTensorElementDataType, kDatatypes> types = {
      ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,     ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,   ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,   ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
      ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,   ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING};
  return types[static_cast<std::size_t>(datatype)];
}

/// The library and its table of functions; both stay until the process ends.
struct Runtime {
  const OrtApi* api = nullptr;
  std::string version;

  static Result<Runtime> Open();
  /// The library's answer as ours.
  Status Done(OrtStatus* status) const;
};

Result<Runtime> Runtime::Open() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return FailedPrecondition("ONNX Runtime is not here, which ONNX models need: ", dlerror(), "; put ", kLibrary, " (",
                              kOldestVersion, " or newer) beside mw-backend, or run `make setup`");
  }
  const auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (base == nullptr) return FailedPrecondition(kLibrary, " is not ONNX Runtime: it has no OrtGetApiBase");
  Runtime runtime;
  runtime.api = base()->GetApi(kInterface);
  runtime.version = base()->GetVersionString();
  if (runtime.api != nullptr) return runtime;
  return FailedPrecondition("ONNX Runtime ", runtime.version, " is too old, ", kOldestVersion, " or newer is needed");
}

Status Runtime::Done(OrtStatus* status) const {
  if (status == nullptr) return Ok();
  const OrtErrorCode code = api->GetErrorCode(status);
  const std::string words = api->GetErrorMessage(status);
  api->ReleaseStatus(status);
  const bool asked_wrong = code == ORT_INVALID_ARGUMENT || code == ORT_INVALID_PROTOBUF || code == ORT_INVALID_GRAPH;
  if (asked_wrong) return InvalidArgument("ONNX Runtime: ", words);
  if (code == ORT_NOT_IMPLEMENTED) return Unimplemented("ONNX Runtime: ", words);
  return Internal("ONNX Runtime: ", words);
}

/// A file that holds tensors, mapped for as long as the model lives.
struct MappedFile {
  std::string name;
  char* bytes;
  std::size_t size;
};

Result<MappedFile> MapBesideModel(const std::string& directory, const std::string& name) {
  const FileDescriptor file = TRY(OpenBesideModel(directory, name));
  struct stat found {};
  if (fstat(file.get(), &found) != 0 || found.st_size == 0)
    return InvalidArgument("the model's file ", name, " is empty");
  const auto size = static_cast<std::size_t>(found.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (bytes == MAP_FAILED) return ErrnoError(errno, Cat("mapping the model's file ", name));
  return MappedFile{name, static_cast<char*>(bytes), size};
}

/// A file's bytes, private to this process: what was scanned is what is loaded, whoever writes the file meanwhile.
struct FileBytes {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
  [[nodiscard]] std::string_view view() const { return {bytes.get(), size}; }
};

Result<FileBytes> ReadModel(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (!file.valid() || fstat(file.get(), &found) != 0) return ErrnoError(errno, Cat("opening ", path));
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (!S_ISREG(found.st_mode) || size > kOnnxFileBytesMax) {
    return ResourceExhausted(path, " is no file, or has more than ", kOnnxFileBytesMax, " bytes");
  }
  FileBytes model{std::make_unique_for_overwrite<char[]>(size), 0};
  while (model.size < size) {
    const ssize_t got = read(file.get(), model.bytes.get() + model.size, size - model.size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return DataLoss("reading ", path, " ended early");
    model.size += static_cast<std::size_t>(got);
  }
  return model;
}

/// What the optimised graph was made for.
std::string ProcessorName() {
  const auto text = ReadFile("/proc/cpuinfo");
  if (!text.ok()) return "any";
  std::string lines;
  for (const std::string_view key : {"model name", "flags"}) {
    const std::size_t at = text->find(key);
    if (at != std::string::npos) lines += text->substr(at, text->find('\n', at) - at);
  }
  return Sha256Hex(lines).substr(0, 16);
}

/// Removes the oldest files until the directory holds no more than it may.
void BoundCache(const std::string& directory) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::uint64_t total = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    files.emplace_back(entry.last_write_time(ignored), entry.path());
    total += entry.file_size(ignored);
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size() && total > kOnnxCacheBytesMax; ++i) {
    total -= std::min<std::uint64_t>(fs::file_size(files[i].second, ignored), total);
    fs::remove(files[i].second, ignored);
  }
}

/// How one output is given: as it is, or from a list of maps.
struct Output {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  bool list_of_maps = false;
};

class OnnxModel final : public WorkerModel {
 public:
  OnnxModel(Runtime runtime, OnnxModelOptions options)
      : runtime_(std::move(runtime)),
        api_(*runtime_.api),
        options_(std::move(options)),
        env_(api_.ReleaseEnv),
        session_(api_.ReleaseSession),
        memory_(api_.ReleaseMemoryInfo) {}

  Status Load();
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  Status Run(std::span<const TensorView> inputs, TensorList& outputs) override;

 private:
  using Value = Owned<OrtValue>;
  struct Described {
    TensorSpec spec;
    std::string rows;  // what the first dimension is called, if anything
    bool list_of_maps = false;
  };

  Status LoadSession(std::string_view bytes, const OnnxScan& scan);
  Status CreateSession(std::string_view bytes, GraphOptimizationLevel level, const std::string& save_to);
  bool LoadCached(const std::string& path);
  Status Describe();
  Result<Described> DescribeOne(bool input, std::size_t i);
  Status DescribeTensor(const OrtTensorTypeAndShapeInfo& tensor, Described& described);
  Status DescribeMaps(const OrtTypeInfo& type, Described& described);
  Status FillInput(const TensorView& tensor, Value& value);
  Status FillTexts(const TensorView& tensor, OrtValue* value);
  Status AddOutput(const Output& output, const OrtValue* value, TensorList& outputs);
  Status AddTensor(const Output& output, const OrtValue* value, TensorList& outputs);
  Status AddTexts(const OrtValue* value, std::size_t count, TensorList& outputs);
  Status AddMaps(const Output& output, const OrtValue* value, TensorList& outputs);
  [[nodiscard]] std::string Directory() const { return options_.path.substr(0, options_.path.rfind('/')); }
  [[nodiscard]] Status Done(OrtStatus* status) const { return runtime_.Done(status); }

  Runtime runtime_;
  const OrtApi& api_;
  OnnxModelOptions options_;
  std::vector<MappedFile> mapped_;
  Owned<OrtEnv> env_;
  Owned<OrtSession> session_;
  Owned<OrtMemoryInfo> memory_;
  OrtAllocator* allocator_ = nullptr;  // the library's own
  BackendInfo info_;
  std::vector<Output> outputs_;
  std::vector<const char*> input_names_, output_names_;
};

Status OnnxModel::Load() {
  const FileBytes file = TRY(ReadModel(options_.path));
  const OnnxScan scan = TRY(ScanOnnx(file.view()).In(options_.path));
  for (const std::string& name : scan.external) mapped_.push_back(TRY(MapBesideModel(Directory(), name)));
  TRY(Done(api_.CreateEnv(ORT_LOGGING_LEVEL_ERROR, "mw-backend", env_.out())));
  TRY(Done(api_.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, memory_.out())));
  TRY(Done(api_.GetAllocatorWithDefaultOptions(&allocator_)));
  TRY(LoadSession(file.view(), scan));
  return Describe();
}

Status OnnxModel::LoadSession(std::string_view bytes, const OnnxScan& scan) {
  const bool cached_at_all =
      !options_.cache_directory.empty() && scan.external.empty() && scan.nodes >= kOnnxCacheNodes;
  if (!cached_at_all) return CreateSession(bytes, ORT_ENABLE_ALL, "");
  const std::string cached =
      Cat(options_.cache_directory, "/", Sha256Hex(bytes), "-ort", runtime_.version, "-", ProcessorName(), ".onnx");
  if (LoadCached(cached)) return Ok();
  const std::string unfinished = Cat(cached, ".", getpid());
  TRY(CreateSession(bytes, ORT_ENABLE_ALL, unfinished));
  // The model serves with or without the file: a full disk costs only the time to optimise again.
  if (rename(unfinished.c_str(), cached.c_str()) != 0) unlink(unfinished.c_str());
  BoundCache(options_.cache_directory);
  return Ok();
}

bool OnnxModel::LoadCached(const std::string& path) {
  const auto file = ReadModel(path);
  if (!file.ok()) return false;
  const auto scan = ScanOnnx(file->view());
  if (scan.ok() && scan->external.empty() && CreateSession(file->view(), ORT_DISABLE_ALL, "").ok()) return true;
  std::fprintf(stderr, "the compile cache's file %s does not load; it is made anew\n", path.c_str());
  unlink(path.c_str());
  return false;
}

Status OnnxModel::CreateSession(std::string_view bytes, GraphOptimizationLevel level, const std::string& save_to) {
  Owned<OrtSessionOptions> options(api_.ReleaseSessionOptions);
  TRY(Done(api_.CreateSessionOptions(options.out())));
  TRY(Done(api_.SetIntraOpNumThreads(options.get(), options_.threads)));
  TRY(Done(api_.SetInterOpNumThreads(options.get(), 1)));
  TRY(Done(api_.SetSessionGraphOptimizationLevel(options.get(), level)));
  TRY(Done(api_.AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning", "0")));
  // Patterns are kept for each shape ever seen: with dynamic axes that is memory without a bound.
  TRY(Done(api_.DisableMemPattern(options.get())));
  if (!save_to.empty()) TRY(Done(api_.SetOptimizedModelFilePath(options.get(), save_to.c_str())));
  std::vector<const char*> names;
  std::vector<char*> buffers;
  std::vector<std::size_t> sizes;
  for (const MappedFile& file : mapped_) {
    names.push_back(file.name.c_str());
    buffers.push_back(file.bytes);
    sizes.push_back(file.size);
  }
  if (!names.empty()) {
    TRY(Done(api_.AddExternalInitializersFromFilesInMemory(options.get(), names.data(), buffers.data(), sizes.data(),
                                                           names.size())));
  }
  return Done(api_.CreateSessionFromArray(env_.get(), bytes.data(), bytes.size(), options.get(), session_.out()));
}

Status OnnxModel::Describe() {
  info_.platform = "onnxruntime_onnx";
  info_.library = Cat("ONNX Runtime ", runtime_.version);
  info_.batchable = true;
  std::size_t inputs = 0, outputs = 0;
  TRY(Done(api_.SessionGetInputCount(session_.get(), &inputs)));
  TRY(Done(api_.SessionGetOutputCount(session_.get(), &outputs)));
  std::string rows;
  for (std::size_t i = 0; i < inputs + outputs; ++i) {
    const bool input = i < inputs;
    const Described one = TRY(DescribeOne(input, input ? i : i - inputs));
    const std::vector<std::int64_t>& shape = one.spec.shape;
    // Rows are what every first dimension calls by the same name, where they have names.
    if (rows.empty()) rows = one.rows;
    const bool by_rows = !shape.empty() && shape[0] == -1 && (one.rows.empty() || one.rows == rows);
    info_.batchable = info_.batchable && by_rows;
    (input ? info_.inputs : info_.outputs).push_back(one.spec);
    if (!input) outputs_.push_back({one.spec.name, one.spec.datatype, one.list_of_maps});
  }
  for (const TensorSpec& spec : info_.inputs) input_names_.push_back(spec.name.c_str());
  for (const TensorSpec& spec : info_.outputs) output_names_.push_back(spec.name.c_str());
  return Ok();
}

Result<OnnxModel::Described> OnnxModel::DescribeOne(bool input, std::size_t i) {
  Described described;
  char* name = nullptr;
  TRY(Done(input ? api_.SessionGetInputName(session_.get(), i, allocator_, &name)
                 : api_.SessionGetOutputName(session_.get(), i, allocator_, &name)));
  described.spec.name = name;
  TRY(Done(api_.AllocatorFree(allocator_, name)));
  Owned<OrtTypeInfo> type(api_.ReleaseTypeInfo);
  TRY(Done(input ? api_.SessionGetInputTypeInfo(session_.get(), i, type.out())
                 : api_.SessionGetOutputTypeInfo(session_.get(), i, type.out())));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  TRY(Done(api_.CastTypeInfoToTensorInfo(type.get(), &tensor)));
  const Status fits = tensor != nullptr ? DescribeTensor(*tensor, described)
                      : input           ? Status(Unimplemented("it is no tensor"))
                                        : DescribeMaps(*type.get(), described);
  if (fits.ok()) return described;
  return Error(fits.error()).In(Cat(input ? "input " : "output ", Quoted(described.spec.name)));
}

Status OnnxModel::DescribeTensor(const OrtTensorTypeAndShapeInfo& tensor, Described& described) {
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  TRY(Done(api_.GetTensorElementType(&tensor, &type)));
  bool known = false;
  described.spec.datatype = DatatypeOf(type, known);
  if (!known) return Unimplemented("its element type (number ", static_cast<int>(type), ") is none of the protocol's");
  std::size_t rank = 0;
  TRY(Done(api_.GetDimensionsCount(&tensor, &rank)));
  described.spec.shape.resize(rank);
  TRY(Done(api_.GetDimensions(&tensor, described.spec.shape.data(), rank)));
  for (std::int64_t& size : described.spec.shape) size = std::max<std::int64_t>(size, -1);
  std::vector<const char*> names(rank, "");
  TRY(Done(api_.GetSymbolicDimensions(&tensor, names.data(), rank)));
  if (rank > 0) described.rows = names[0];
  return Ok();
}

Status OnnxModel::DescribeMaps(const OrtTypeInfo& type, Described& described) {
  const OrtSequenceTypeInfo* list = nullptr;
  TRY(Done(api_.CastTypeInfoToSequenceTypeInfo(&type, &list)));
  if (list == nullptr) return Unimplemented("it is neither a tensor nor a list of maps");
  Owned<OrtTypeInfo> element(api_.ReleaseTypeInfo), value(api_.ReleaseTypeInfo);
  TRY(Done(api_.GetSequenceElementType(list, element.out())));
  const OrtMapTypeInfo* map = nullptr;
  TRY(Done(api_.CastTypeInfoToMapTypeInfo(element.get(), &map)));
  if (map == nullptr) return Unimplemented("it is a list of something else than maps");
  TRY(Done(api_.GetMapValueType(map, value.out())));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  TRY(Done(api_.CastTypeInfoToTensorInfo(value.get(), &tensor)));
  ONNXTensorElementDataType number = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (tensor != nullptr) TRY(Done(api_.GetTensorElementType(tensor, &number)));
  if (number != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return Unimplemented("its maps hold something else than FP32");
  described.list_of_maps = true;
  described.spec.shape = {-1, -1};
  return Ok();
}

Status OnnxModel::Run(std::span<const TensorView> inputs, TensorList& outputs) {
  std::vector<Value> values, results;
  std::vector<const OrtValue*> given;
  for (const TensorView& tensor : inputs) {
    TRY(FillInput(tensor, values.emplace_back(api_.ReleaseValue)));
    given.push_back(values.back().get());
  }
  std::vector<OrtValue*> got(outputs_.size());
  const Status ran = Done(api_.Run(session_.get(), nullptr, input_names_.data(), given.data(), given.size(),
                                   output_names_.data(), output_names_.size(), got.data()));
  for (OrtValue* value : got) *results.emplace_back(api_.ReleaseValue).out() = value;
  TRY(Status(ran));
  for (std::size_t i = 0; i < got.size(); ++i) TRY(AddOutput(outputs_[i], got[i], outputs));
  return Ok();
}

Status OnnxModel::FillInput(const TensorView& tensor, Value& value) {
  const ONNXTensorElementDataType type = TypeOf(tensor.datatype);
  if (tensor.datatype == Datatype::kBytes) {
    TRY(Done(api_.CreateTensorAsOrtValue(allocator_, tensor.shape.data(), tensor.shape.size(), type, value.out())));
    return FillTexts(tensor, value.get());
  }
  // The library only reads inputs.
  return Done(api_.CreateTensorWithDataAsOrtValue(memory_.get(), const_cast<char*>(tensor.bytes.data()),
                                                  tensor.bytes.size(), tensor.shape.data(), tensor.shape.size(), type,
                                                  value.out()));
}

Status OnnxModel::FillTexts(const TensorView& tensor, OrtValue* value) {
  std::string_view left = tensor.bytes, text;
  for (std::size_t i = 0; NextElement(left, text); ++i) {
    char* room = nullptr;
    TRY(Done(api_.GetResizedStringTensorElementBuffer(value, i, text.size(), &room)));
    std::copy(text.begin(), text.end(), room);
  }
  return Ok();
}

Status OnnxModel::AddOutput(const Output& output, const OrtValue* value, TensorList& outputs) {
  if (value == nullptr) return Internal("ONNX Runtime gave nothing for the output ", Quoted(output.name));
  return output.list_of_maps ? AddMaps(output, value, outputs) : AddTensor(output, value, outputs);
}

Status OnnxModel::AddTensor(const Output& output, const OrtValue* value, TensorList& outputs) {
  Owned<OrtTensorTypeAndShapeInfo> type(api_.ReleaseTensorTypeAndShapeInfo);
  TRY(Done(api_.GetTensorTypeAndShape(value, type.out())));
  std::size_t rank = 0;
  TRY(Done(api_.GetDimensionsCount(type.get(), &rank)));
  if (rank > kTensorDimensionsMax)
    return Unimplemented("the output ", Quoted(output.name), " has ", rank, " dimensions");
  std::array<std::int64_t, kTensorDimensionsMax> sizes{};
  TRY(Done(api_.GetDimensions(type.get(), sizes.data(), rank)));
  const auto shape = std::span<const std::int64_t>(sizes).first(rank);
  const auto count = static_cast<std::size_t>(TRY(ElementCount(shape)));
  const Datatype datatype = output.datatype;
  const auto room = outputs.Add(output.name, datatype, shape, count * DatatypeBytes(datatype));
  if (datatype == Datatype::kBytes) return AddTexts(value, count, outputs);
  void* data = nullptr;
  TRY(Done(api_.GetTensorMutableData(const_cast<OrtValue*>(value), &data)));
  if (!room.empty()) std::memcpy(room.data(), data, room.size());
  return Ok();
}

Status OnnxModel::AddTexts(const OrtValue* value, std::size_t count, TensorList& outputs) {
  std::size_t bytes = 0;
  TRY(Done(api_.GetStringTensorDataLength(value, &bytes)));
  std::string all(bytes, '\0'), texts;
  std::vector<std::size_t> begins(count);
  TRY(Done(api_.GetStringTensorContent(value, all.data(), bytes, begins.data(), count)));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? begins[i + 1] : bytes;
    AppendElement(texts, std::string_view(all).substr(begins[i], end - begins[i]));
  }
  outputs.AppendToLast(texts);
  return Ok();
}

Status OnnxModel::AddMaps(const Output& output, const OrtValue* value, TensorList& outputs) {
  std::size_t rows = 0;
  TRY(Done(api_.GetValueCount(value, &rows)));
  std::vector<float> numbers;
  for (std::size_t i = 0; i < rows; ++i) {
    Value map(api_.ReleaseValue), values(api_.ReleaseValue);
    TRY(Done(api_.GetValue(value, static_cast<int>(i), allocator_, map.out())));
    TRY(Done(api_.GetValue(map.get(), 1, allocator_, values.out())));
    Owned<OrtTensorTypeAndShapeInfo> shape(api_.ReleaseTensorTypeAndShapeInfo);
    TRY(Done(api_.GetTensorTypeAndShape(values.get(), shape.out())));
    std::size_t count = 0;
    TRY(Done(api_.GetTensorShapeElementCount(shape.get(), &count)));
    void* data = nullptr;
    TRY(Done(api_.GetTensorMutableData(values.get(), &data)));
    const auto* first = static_cast<const float*>(data);
    numbers.insert(numbers.end(), first, first + count);
    if (numbers.size() != (i + 1) * count) return Internal("the maps of ", Quoted(output.name), " differ in size");
  }
  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(rows),
                                             static_cast<std::int64_t>(rows == 0 ? 0 : numbers.size() / rows)};
  outputs.Append({output.name, Datatype::kFp32, shape,
                  std::string_view(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float))});
  return Ok();
}

}  // namespace

Result<std::unique_ptr<WorkerModel>> LoadOnnxModel(const OnnxModelOptions& options) {
  Runtime runtime = TRY(Runtime::Open());
  auto model = std::make_unique<OnnxModel>(std::move(runtime), options);
  TRY(model->Load());
  return model;
}

}  // namespace mw::serving
