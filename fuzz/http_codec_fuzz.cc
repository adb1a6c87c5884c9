// HTTP from outside: requests, answers, bodies. Reading the bytes in one piece and in pieces must give the
// same messages and the same refusal; what was accepted must survive being written out and read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/http_codec.h"
#include "net/loop_heads.h"

namespace {

using mw::net::BodyDecoder;
using mw::net::Framing;
using mw::net::HeadScanner;
using mw::net::Progress;
using mw::net::RequestHead;
using mw::net::ResponseHead;

constexpr std::size_t kHeadMax = 2048;
constexpr std::size_t kBodyMax = 4096;

struct Reading {
  std::vector<std::string> messages;
  int refused = 0;
  bool operator==(const Reading&) const = default;
};

void Expect(bool condition) {
  if (!condition) std::abort();
}

// Reads message after message from pieces of `piece` bytes.
template <typename Head, typename Parse>
Reading Read(std::string_view bytes, std::size_t piece, const Parse& parse) {
  Reading reading;
  std::string buffer, head_text, body;
  HeadScanner scanner(kHeadMax);
  BodyDecoder decoder;
  bool in_body = false;
  for (;;) {
    if (!in_body) {
      const Progress progress = scanner.Scan(buffer);
      if (progress == Progress::kRefused) reading.refused = scanner.refusal().status;
      if (progress == Progress::kDone) {
        head_text = buffer.substr(0, scanner.size());
        buffer.erase(0, scanner.size());
        Head head;
        const auto refusal = parse(head_text, head);
        if (refusal) reading.refused = refusal->status;
        decoder = BodyDecoder(head.framing, head.content_length, kBodyMax);
        body.clear();
        in_body = true;
      }
    }
    while (in_body && decoder.progress() == Progress::kMore) {
      const auto step = decoder.Next(buffer);
      body.append(step.data);
      buffer.erase(0, step.consumed);
      if (step.consumed == 0) break;
    }
    if (in_body && decoder.progress() == Progress::kRefused) reading.refused = decoder.refusal().status;
    if (reading.refused != 0) return reading;
    if (in_body && decoder.progress() == Progress::kDone) {
      Expect(body.size() <= kBodyMax);
      reading.messages.push_back(head_text + body);
      scanner = HeadScanner(kHeadMax);
      in_body = false;
      continue;
    }
    if (bytes.empty()) return reading;
    buffer.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
}

// Remembering heads of earlier requests changes nothing.
void CheckMemory(const std::string& text, const RequestHead& head, std::size_t size) {
  static mw::net::HeadMemory memory(kHeadMax);
  const auto found = memory.Find(0, text);
  if (found.head == nullptr) {
    const RequestHead* parsed = nullptr;
    Expect(!memory.Parse(0, std::string_view(text).substr(0, size), parsed));
    return;
  }
  Expect(found.size == size && found.head->target == head.target && found.head->host == head.host);
  Expect(found.head->framing == head.framing && found.head->content_length == head.content_length);
  Expect(found.head->keep_alive == head.keep_alive && found.head->known == head.known);
  Expect(found.head->headers.size() == head.headers.size());
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    Expect(found.head->headers[i].name == head.headers[i].name);
    Expect(found.head->headers[i].value == head.headers[i].value);
  }
}

// A request that was accepted, written anew and read again, is the same request.
void CheckRequest(const std::string& text) {
  RequestHead head;
  HeadScanner scanner(kHeadMax);
  Expect(scanner.Scan(text) == Progress::kDone);
  Expect(!mw::net::ParseRequestHead(std::string_view(text).substr(0, scanner.size()), head));
  CheckMemory(text, head, scanner.size());
  std::string again =
      mw::Cat(mw::net::MethodName(head.method), ' ', head.target, " HTTP/1.", head.minor_version, "\r\n");
  for (const mw::net::HeaderView& header : head.headers) mw::net::AppendHeader(again, header.name, header.value);
  again.append("\r\n");
  RequestHead second;
  Expect(!mw::net::ParseRequestHead(again, second));
  Expect(second.path == head.path && second.query == head.query && second.host == head.host);
  Expect(second.framing == head.framing && second.content_length == head.content_length);
  Expect(second.keep_alive == head.keep_alive && second.headers.size() == head.headers.size());
  Expect(head.framing == Framing::kLength || head.content_length == 0);
  const auto path = mw::net::DecodePath(head.path);
  if (path.ok()) Expect(path->find("/../") == std::string::npos && path->find('\0') == std::string::npos);
  (void)mw::net::ParseQuery(head.query);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = std::size_t{1} + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto request = [](std::string_view head, RequestHead& out) { return mw::net::ParseRequestHead(head, out); };
  const auto answer = [](std::string_view head, ResponseHead& out) {
    return mw::net::ParseResponseHead(head, mw::net::Method::kGet, out);
  };
  const Reading whole = Read<RequestHead>(bytes, bytes.size(), request);
  Expect(Read<RequestHead>(bytes, piece, request) == whole);
  for (const std::string& message : whole.messages) CheckRequest(message);
  Expect(Read<ResponseHead>(bytes, bytes.size(), answer) == Read<ResponseHead>(bytes, piece, answer));
  return 0;
}
