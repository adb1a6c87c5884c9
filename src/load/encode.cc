// Texts of requests.
#include "load/encode.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/text.h"
#include "load/grpc_message.h"
#include "net/socket.h"

namespace mw::load {
namespace {

constexpr std::string_view kMatrixName = "input";

/// As a client of that datatype writes it: FP32 in its own shortest form, whole numbers without a point.
void AppendNumber(std::string& out, double number, std::string_view datatype) {
  if (!std::isfinite(number)) {
    out += "null";
  } else if (datatype == "FP32") {
    CatTo(out, static_cast<float>(number));
  } else if (datatype.find("INT") != std::string_view::npos && std::abs(number) < 9e18) {
    CatTo(out, static_cast<std::int64_t>(number));
  } else {
    AppendJsonNumber(out, number);
  }
}

void AppendCell(std::string& out, const Cell& cell, std::string_view datatype) {
  if (std::holds_alternative<std::monostate>(cell)) {
    out += "null";
  } else if (const auto* truth = std::get_if<bool>(&cell)) {
    out += *truth ? "true" : "false";
  } else if (const auto* text = std::get_if<std::string>(&cell)) {
    AppendJsonString(out, *text);
  } else {
    AppendNumber(out, std::get<double>(cell), datatype);
  }
}

void AppendHead(std::string& out, std::string_view name, std::string_view datatype, std::size_t rows) {
  out += "{\"name\":";
  AppendJsonString(out, name);
  CatTo(out, ",\"datatype\":\"", datatype, "\",\"shape\":[", rows);
}

void AppendColumns(std::string& out, const ModelInput& input, const std::vector<Row>& rows) {
  for (std::size_t i = 0; i < input.columns.size(); ++i) {
    const InputColumn& column = input.columns[i];
    if (i > 0) out += ',';
    AppendHead(out, column.name, column.datatype, rows.size());
    out += "],\"data\":[";
    for (const Row& row : rows) {
      AppendCell(out, row[i], column.datatype);
      out += ',';
    }
    out.back() = ']';
    out += '}';
  }
}

std::string_view MatrixName(const ModelInput& input) { return input.matrix.empty() ? kMatrixName : input.matrix; }

void AppendMatrixHead(std::string& out, const ModelInput& input, std::size_t rows) {
  AppendHead(out, MatrixName(input), "FP32", rows);
  CatTo(out, ",", input.columns.size(), "]");
}

Result<float> CodeOf(const InputColumn& column, const std::string& text) {
  const auto found = std::find(column.vocabulary.begin(), column.vocabulary.end(), text);
  if (found != column.vocabulary.end()) return static_cast<float>(found - column.vocabulary.begin());
  if (!column.vocabulary.empty()) return std::numeric_limits<float>::quiet_NaN();  // as the model would take it
  return InvalidArgument("column ", Quoted(column.name), " is text, and in a matrix of FP32 a category is its code; ",
                         "give the model's package (--package) so that codes are known, or use --protocol rest");
}

Result<float> FloatOf(const InputColumn& column, const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return std::numeric_limits<float>::quiet_NaN();
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth ? 1.0F : 0.0F;
  if (const auto* number = std::get_if<double>(&cell)) return static_cast<float>(*number);
  return CodeOf(column, std::get<std::string>(cell));
}

void AppendId(std::string& out, const EncodeOptions& options) {
  if (options.request_id.empty()) return;
  out += "\"id\":";
  AppendJsonString(out, options.request_id);
  out += ',';
}

std::string PostHead(const ModelAddress& address) {
  return Cat("POST ", address.path, "/infer HTTP/1.1\r\nHost: ", net::HostPort(address.host, address.port), "\r\n");
}

Result<std::string> RestRequest(const ModelAddress& address, const ModelInput& input, const std::vector<Row>& rows,
                                const EncodeOptions& options) {
  const std::string body = TRY(JsonBody(input, rows, options));
  return Cat(PostHead(address), "Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

Result<std::string> BinaryText(const ModelAddress& address, const ModelInput& input, const std::vector<Row>& rows,
                               const EncodeOptions& options) {
  const BinaryBody body = TRY(BinaryRequest(input, rows, options));
  return Cat(PostHead(address),
             "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: ", body.json_size,
             "\r\nContent-Length: ", body.bytes.size(), "\r\n\r\n", body.bytes);
}

Result<std::string> GrpcMessage(const ModelAddress& address, const ModelInput& input, const std::vector<Row>& rows,
                                const EncodeOptions& options) {
  const std::vector<float> values = TRY(MatrixOf(input, rows));
  MatrixRequest request;
  request.model = address.model;
  request.version = address.version;
  request.id = options.request_id;
  request.tensor = MatrixName(input);
  request.rows = std::ssize(rows);
  request.columns = std::ssize(input.columns);
  request.values = values;
  return InferRequestMessage(request);
}

Result<std::string> Encoded(Protocol protocol, const ModelAddress& address, const ModelInput& input,
                            const std::vector<Row>& rows, const EncodeOptions& options) {
  if (protocol == Protocol::kGrpc) return GrpcMessage(address, input, rows, options);
  if (protocol == Protocol::kBinary) return BinaryText(address, input, rows, options);
  return RestRequest(address, input, rows, options);
}

}  // namespace

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRest: return "rest";
    case Protocol::kBinary: return "binary";
    case Protocol::kGrpc: return "grpc";
    case Protocol::kGet: break;
  }
  return "get";
}

std::optional<Protocol> ProtocolFromName(std::string_view name) {
  for (const Protocol protocol : {Protocol::kRest, Protocol::kBinary, Protocol::kGrpc, Protocol::kGet}) {
    if (ProtocolName(protocol) == name) return protocol;
  }
  return std::nullopt;
}

Result<std::vector<float>> MatrixOf(const ModelInput& input, const std::vector<Row>& rows) {
  std::vector<float> values;
  values.reserve(rows.size() * input.columns.size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) values.push_back(TRY(FloatOf(input.columns[i], row[i])));
  }
  return values;
}

Result<std::string> JsonBody(const ModelInput& input, const std::vector<Row>& rows, const EncodeOptions& options) {
  std::string body = "{";
  AppendId(body, options);
  body += "\"inputs\":[";
  if (!options.matrix && input.matrix.empty()) {
    AppendColumns(body, input, rows);
    return body + "]}";
  }
  AppendMatrixHead(body, input, rows.size());
  body += ",\"data\":[";
  for (const float value : TRY(MatrixOf(input, rows))) {
    std::isfinite(value) ? CatTo(body, value, ',') : CatTo(body, "null,");
  }
  body.back() = ']';
  return body + "}]}";
}

Result<BinaryBody> BinaryRequest(const ModelInput& input, const std::vector<Row>& rows, const EncodeOptions& options) {
  const std::vector<float> values = TRY(MatrixOf(input, rows));
  BinaryBody body;
  body.bytes = "{";
  AppendId(body.bytes, options);
  body.bytes += "\"inputs\":[";
  AppendMatrixHead(body.bytes, input, rows.size());
  CatTo(body.bytes, ",\"parameters\":{\"binary_data_size\":", values.size() * sizeof(float),
        "}}],\"parameters\":{\"binary_data_output\":true}}");
  body.json_size = body.bytes.size();
  body.bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return body;
}

Result<RequestKind> PrepareKind(const KindPlan& plan, const ModelAddress& address, const ModelInput& input,
                                RowSource& source, const EncodeOptions& options) {
  RequestKind kind;
  kind.name = Cat(ProtocolName(plan.protocol), ", ", plan.rows, plan.rows == 1 ? " row" : " rows");
  kind.weight = plan.weight;
  kind.rows = plan.rows;
  kind.expect = plan.protocol == Protocol::kGrpc     ? Expect::kGrpcRows
                : plan.protocol == Protocol::kBinary ? Expect::kBinaryRows
                                                     : Expect::kJsonRows;
  std::vector<Row> rows(static_cast<std::size_t>(plan.rows));
  std::size_t bytes = 0;
  while (kind.requests.size() < kRequestsMax && (bytes < kRequestBytesMax || kind.requests.size() < kRequestsMin)) {
    for (Row& row : rows) source.Next(row);
    kind.requests.push_back(TRY(Encoded(plan.protocol, address, input, rows, options)));
    bytes += kind.requests.back().size();
  }
  return kind;
}

RequestKind GetKind(std::string_view host, int port, std::string_view target) {
  RequestKind kind;
  kind.name = "GET";
  kind.requests.push_back(
      Cat("GET ", target, " HTTP/1.1\r\nHost: ", net::HostPort(host, port), "\r\nAccept: */*\r\n\r\n"));
  return kind;
}

}  // namespace mw::load
