// Looking at answers as cheaply as may be.
#include "load/requests.h"

#include "base/text.h"
#include "load/grpc_message.h"

namespace mw::load {
namespace {

constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";
constexpr std::string_view kBinarySize = "\"binary_data_size\"";

/// The whole number behind `at`, after spaces, colons and brackets; -1 when none stands there.
std::int64_t NumberBehind(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == ':' || text[at] == '[')) ++at;
  std::int64_t number = -1;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

/// Bytes that the tensors of a header take; -1 when it names none.
std::int64_t BinaryBytes(std::string_view header) {
  std::int64_t bytes = -1;
  for (std::size_t at = header.find(kBinarySize); at != std::string_view::npos; at = header.find(kBinarySize, at)) {
    at += kBinarySize.size();
    bytes = (bytes < 0 ? 0 : bytes) + NumberBehind(header, at);
  }
  return bytes;
}

bool BinaryFits(const RequestKind& kind, const std::vector<net::HeaderView>& headers, std::string_view body) {
  const auto length = ParseInt(net::FindHeader(headers, kHeaderLength));
  if (!length || *length < 0 || static_cast<std::size_t>(*length) > body.size()) return false;
  const std::string_view header = body.substr(0, static_cast<std::size_t>(*length));
  return FirstShape(header) == kind.rows && BinaryBytes(header) == static_cast<std::int64_t>(body.size()) - *length;
}

}  // namespace

std::int64_t FirstShape(std::string_view json) {
  constexpr std::string_view kShape = "\"shape\"";
  const std::size_t at = json.find(kShape);
  return at == std::string_view::npos ? -1 : NumberBehind(json, at + kShape.size());
}

bool AnswerFits(const RequestKind& kind, const std::vector<net::HeaderView>& headers, std::string_view body) {
  switch (kind.expect) {
    case Expect::kJsonRows: return FirstShape(body) == kind.rows;
    case Expect::kBinaryRows: return BinaryFits(kind, headers, body);
    case Expect::kGrpcRows: return FirstOutputRows(body) == kind.rows;
    case Expect::kStatus: break;
  }
  return true;
}

}  // namespace mw::load
