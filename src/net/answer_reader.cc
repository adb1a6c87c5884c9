// Head, body, and how many bytes they took.
#include "net/answer_reader.h"

namespace mw::net {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{64} << 20;

}  // namespace

AnswerReader::Outcome AnswerReader::Next(std::string_view bytes) {
  std::size_t informational = 0;
  while (true) {
    const Outcome outcome = One(bytes.substr(informational));
    if (outcome != Outcome::kAnswer) return outcome;
    used_ += informational;
    if (head_.status >= 200) return outcome;
    informational = used_;
  }
}

AnswerReader::Outcome AnswerReader::One(std::string_view bytes) {
  HeadScanner scanner(kAnswerHeadBytesMax);
  const Progress progress = scanner.Scan(bytes);
  if (progress == Progress::kMore) return Outcome::kMore;
  if (progress == Progress::kRefused || ParseResponseHead(bytes.substr(0, scanner.size()), Method::kGet, head_)) {
    return Outcome::kBroken;
  }
  BodyDecoder decoder(head_.framing, head_.content_length, kBodyBytesMax);
  used_ = scanner.size();
  body_ = {};
  joined_.clear();
  while (decoder.progress() == Progress::kMore) {
    const auto step = decoder.Next(bytes.substr(used_));
    if (step.consumed == 0) break;
    used_ += step.consumed;
    body_ = head_.framing == Framing::kChunked ? joined_.append(step.data) : step.data;
  }
  if (decoder.progress() == Progress::kRefused) return Outcome::kBroken;
  if (decoder.progress() == Progress::kMore) {
    return head_.framing == Framing::kUntilClose ? Outcome::kBroken : Outcome::kMore;
  }
  return Outcome::kAnswer;
}

}  // namespace mw::net
