// The requests of a load: whole texts prepared beforehand, so that sending one costs the generator a pointer. A kind is
// requests of one shape (protocol, rows); a load mixes kinds by weight. Plain values, read by all lanes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_codec.h"

namespace mw::load {

/// What makes an answer of status 200 a right one.
enum class Expect : std::uint8_t {
  kStatus,      ///< nothing more
  kJsonRows,    ///< its first output has as many rows as the request
  kBinaryRows,  ///< the same, and as many bytes follow as its header says
  kGrpcRows,    ///< the same of a ModelInferResponse
};

struct RequestKind {
  std::string name;  ///< for people: "REST, 1 row"
  double weight = 1;
  int rows = 1;
  Expect expect = Expect::kStatus;
  std::vector<std::string> requests;  ///< sent one after the other and from the start again; not empty
};

/// Whether an answer of status 200 has what its request asked for. Looks at shapes, not at values.
bool AnswerFits(const RequestKind& kind, const std::vector<net::HeaderView>& headers, std::string_view body);

/// The first size of the first "shape" in a JSON text; -1 when there is none.
std::int64_t FirstShape(std::string_view json);

}  // namespace mw::load
