// A forward-only reader of one JSON text, for inference requests: no tree, no copy, no allocation but
// for strings with escapes. The caller walks in step with the text:
//
//   for (bool more = json.BeginObject(); more; more = json.NextMember()) {
//     if (json.key() == "rows") json.ReadNumber(number); else json.Skip();
//   }
//   if (json.failed()) ...json.error()...
//
// The first fault is kept and ends every walk; results after it mean nothing. Accepts what base/json.h
// accepts (RFC 8259, at most 64 levels), except that the caller looks after keys given twice and that
// UTF-8 is checked by the caller, once, for the whole text. One thread; the text outlives the scanner
// and the views it gives.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mw::api::inference {

class JsonScanner {
 public:
  static constexpr int kDepthMax = 64;
  enum class Kind : std::uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kNan, kNone };

  /// `strings` receives unescaped strings; it is cleared, and its capacity is used again.
  JsonScanner(std::string_view text, std::string& strings);

  /// What stands next. kNan is the bare word NaN, which is no JSON but what Python writes for one.
  Kind Peek();

  // A walk through an object: true when there is a (next) member; key() is its name and its value must
  // be read or skipped before NextMember.
  bool BeginObject();
  bool NextMember();
  [[nodiscard]] std::string_view key() const { return key_; }
  // The same through an array.
  bool BeginArray();
  bool NextElement();

  bool ReadString(std::string_view& out);
  /// Correctly rounded. A number too large for a double is a fault; one too small is the nearest.
  bool ReadNumber(double& out);
  /// A run of elements of the array at hand that are plain numbers, from the one that stands next on, each as
  /// ReadNumber gives it, several times faster. Stops behind the last one read, where NextElement
  /// goes on: when `out` is full, or before whatever wants a closer look. Returns how many; 0 changes nothing.
  std::size_t ReadNumbers(std::span<double> out);
  bool ReadTrue() { return Literal("true"); }
  bool ReadFalse() { return Literal("false"); }
  bool ReadNull() { return Literal("null"); }
  bool ReadNan() { return Literal("NaN"); }
  /// Any one value, checked.
  bool Skip();
  /// Nothing but white space may follow.
  bool Finish();

  /// The text's next byte that was not read: to come back to with Seek. A text may be read twice that way.
  [[nodiscard]] const char* position() const { return at_; }
  void Seek(const char* position) { at_ = position; }

  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  /// What is wrong, and at which byte of the text.
  [[nodiscard]] const char* error() const { return error_; }
  [[nodiscard]] std::size_t error_offset() const { return error_offset_; }

 private:
  bool Fail(const char* what);
  void SkipSpace();
  bool Enter();
  bool ReadKey();
  bool Literal(std::string_view word);
  bool Unescape(const char* start, std::string_view& out);
  bool UnescapeOne();
  bool ReadHex4(std::uint32_t& out);
  bool SlowNumber(const char* start, const char* end, double& out);
  bool SkipNested();

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string& strings_;
  std::string_view key_;
  const char* error_ = nullptr;
  std::size_t error_offset_ = 0;
  int depth_ = 0;
};

}  // namespace mw::api::inference
