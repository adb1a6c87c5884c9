// What the load generator reads of a server and of a person's file: metadata, answers, recorded rows, addresses.
#include <cstdint>
#include <string>
#include <string_view>

#include "load/grpc_message.h"
#include "load/model_input.h"
#include "load/requests.h"
#include "load/rows.h"
#include "net/answer_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  mw::load::RequestKind kind;
  switch (data[0] % 6) {
    case 0: static_cast<void>(mw::load::ParseModelInput(text)); break;
    case 5: static_cast<void>(mw::load::FirstOutputRows(text)); break;
    case 1: {
      const std::vector<mw::load::InputColumn> columns = {{"a", "FP32", {}}, {"b", "BYTES", {}}, {"c", "BOOL", {}}};
      static_cast<void>(mw::load::RecordedRows(columns, text, data[0] >= 128));
      break;
    }
    case 2: static_cast<void>(mw::load::ModelAddress::Parse(text)); break;
    case 3: {
      mw::net::AnswerReader reader;
      if (reader.Next(text) != mw::net::AnswerReader::Outcome::kAnswer) break;
      kind.expect = mw::load::Expect::kBinaryRows;
      static_cast<void>(mw::load::AnswerFits(kind, reader.head().headers, reader.body()));
      break;
    }
    default: kind.expect = mw::load::Expect::kJsonRows; static_cast<void>(mw::load::AnswerFits(kind, {}, text));
  }
  return 0;
}
