// Metadata and packages, read for what a request needs.
#include "load/model_input.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http_client.h"
#include "schema/schema.h"
#include "wire/package.h"

namespace mw::load {
namespace {

constexpr std::string_view kModels = "/v2/models/";
constexpr std::string_view kDatatypes[] = {"BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                           "INT32", "INT64", "FP16",   "BF16",   "FP32",   "FP64", "BYTES"};

/// Sizes of a shape; empty when it is none.
std::vector<std::int64_t> ShapeOf(const Json& input) {
  std::vector<std::int64_t> sizes;
  const Json* shape = input.Find("shape");
  if (shape == nullptr || !shape->IsArray()) return sizes;
  for (const Json& size : shape->AsArray()) {
    if (!size.IsInt()) return {};
    sizes.push_back(size.AsInt());
  }
  return sizes;
}

Result<InputColumn> ColumnOf(const Json& input) {
  InputColumn column;
  column.name = TRY(input.GetString("name"));
  column.datatype = TRY(input.GetString("datatype"));
  if (column.datatype.starts_with("TYPE_")) column.datatype.erase(0, 5);
  if (std::find(std::begin(kDatatypes), std::end(kDatatypes), column.datatype) == std::end(kDatatypes)) {
    return InvalidArgument("input ", Quoted(column.name), " has the datatype ", Quoted(column.datatype),
                           ", which is none of the Open Inference Protocol's");
  }
  return column;
}

/// One tensor of several columns.
Result<ModelInput> MatrixInput(const InputColumn& tensor, std::int64_t width) {
  if (width > static_cast<std::int64_t>(kInputColumnsMax)) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", width, " columns; at most ", kInputColumnsMax);
  }
  if (tensor.datatype != "FP32") {
    return InvalidArgument("input ", Quoted(tensor.name), " is a matrix of ", tensor.datatype,
                           "; this load generator fills matrices of FP32 and columns of any type");
  }
  ModelInput input;
  input.matrix = tensor.name;
  for (std::int64_t i = 0; i < width; ++i) input.columns.push_back({Cat("f", i), "FP32", {}});
  return input;
}

Result<ModelInput> TensorsOf(const Json& metadata) {
  const Json* inputs = metadata.Find("inputs");
  if (inputs == nullptr || !inputs->IsArray() || inputs->AsArray().empty()) {
    return InvalidArgument("the server's metadata names no inputs of the model");
  }
  if (inputs->AsArray().size() > kInputColumnsMax) return InvalidArgument("the model has too many inputs");
  ModelInput result;
  for (const Json& one : inputs->AsArray()) {
    InputColumn column = TRY(ColumnOf(one));
    const std::vector<std::int64_t> shape = ShapeOf(one);
    const bool is_column = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
    if (!is_column && inputs->AsArray().size() == 1 && shape.size() == 2 && shape[1] > 1) {
      return MatrixInput(column, shape[1]);
    }
    if (!is_column) {
      return InvalidArgument("input ", Quoted(column.name), " has neither shape [rows] nor, alone, [rows, columns]; ",
                             "this load generator sends rows of a table");
    }
    result.columns.push_back(std::move(column));
  }
  return result;
}

std::string_view DatatypeOf(schema::ColumnType type) {
  switch (type) {
    case schema::ColumnType::kInteger: return "INT64";
    case schema::ColumnType::kBoolean: return "BOOL";
    case schema::ColumnType::kFloat: return "FP32";
    default: return "BYTES";
  }
}

}  // namespace

Result<ModelAddress> ModelAddress::Parse(std::string_view text) {
  const net::Url url = TRY(net::Url::Parse(text));
  ModelAddress address;
  address.host = url.host;
  address.port = url.port;
  std::string_view target = url.target;
  const std::size_t models = target.find(kModels);
  address.path = target.substr(0, models == std::string_view::npos ? 0 : models);
  target.remove_prefix(models == std::string_view::npos ? 1 : models + kModels.size());
  while (target.ends_with('/')) target.remove_suffix(1);
  if (target.ends_with("/infer")) target.remove_suffix(6);
  address.model = target.substr(0, target.find('/'));
  const bool plain = models == std::string_view::npos && target.find('/') != std::string_view::npos;
  if (address.model.empty() || plain || target.find('?') != std::string_view::npos) {
    return InvalidArgument(Quoted(text), " names no model; write http://HOST:PORT/MODEL");
  }
  constexpr std::string_view kVersions = "/versions/";
  const std::size_t versions = target.find(kVersions);
  if (versions != std::string_view::npos) address.version = target.substr(versions + kVersions.size());
  address.path += Cat(kModels, target);
  return address;
}

Result<ModelInput> ParseModelInput(std::string_view text) {
  const Json metadata = TRY(Json::Parse(text).In("the model's metadata"));
  ModelInput input = TRY(TensorsOf(metadata));
  input.platform = metadata.StringOr("platform", "");
  if (const Json* parameters = metadata.Find("parameters"); parameters != nullptr) {
    input.version = parameters->StringOr("live_version", "");
    input.source = parameters->StringOr("source", "");
  }
  return input;
}

Result<ModelInput> AskModelInput(const ModelAddress& address) {
  net::ClientOptions options;
  options.timeout = std::chrono::seconds(10);
  net::HttpClient client = TRY(net::HttpClient::Make(Cat("http://", address.host, ":", address.port), options));
  const net::Response response = TRY(client.Send(net::Method::kGet, address.path));
  if (response.status == 200) return ParseModelInput(response.body);
  const Result<Json> said = Json::Parse(response.body);
  const std::string why = said.ok() ? said->StringOr("error", "") : "";
  return Error{CodeFromHttpStatus(response.status),
               Cat("the server at ", address.host, ":", address.port, " says ", response.status, " of ", address.path,
                   why.empty() ? "" : ": ", why),
               {}};
}

Result<std::optional<sketch::Baseline>> ReadPackageInput(const std::string& directory, ModelInput& input) {
  const wire::Package package = TRY(wire::ReadPackage(directory));
  const schema::Schema schema = TRY(schema::FromJson(package.schema).In(directory));
  if (package.info.features.size() != input.columns.size()) {
    return InvalidArgument(directory, " has ", package.info.features.size(), " features, the model takes ",
                           input.columns.size(), " columns");
  }
  for (std::size_t i = 0; i < input.columns.size(); ++i) {
    const schema::Column* column = schema.Find(package.info.features[i]);
    if (column == nullptr || (input.matrix.empty() && column->name != input.columns[i].name)) {
      return InvalidArgument(directory, " has ", Quoted(package.info.features[i]), " where the model takes ",
                             Quoted(input.columns[i].name), "; is it the package of this model?");
    }
    input.columns[i] = {column->name, std::string(DatatypeOf(column->type)), column->vocabulary};
  }
  const Result<std::string> bytes = ReadFile(Cat(directory, "/", sketch::kBaselineFile), sketch::kBaselineBytesMax);
  if (!bytes.ok()) return std::optional<sketch::Baseline>();
  return std::optional<sketch::Baseline>(TRY(sketch::Baseline::FromBytes(*bytes).In(directory)));
}

}  // namespace mw::load
