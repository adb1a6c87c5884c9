// Lists of words.
#include "steps/init_words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace mw::steps {
namespace {

constexpr std::array<std::string_view, 24> kYes = {"yes",      "true",      "1",       "y",       "t",       "pos",
                                                   "positive", "malignant", "won",     "bad",     "late",    "fraud",
                                                   "spam",     "churn",     "churned", "default", "sick",    "disease",
                                                   "died",     "dead",      "success", "pass",    "present", "1.0"};
constexpr std::array<std::string_view, 16> kNo = {"no",       "false",  "0",      "n",    "f",       "neg",
                                                  "negative", "benign", "absent", "good", "on time", "healthy",
                                                  "ok",       "normal", "ham",    "0.0"};

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80) != 0;
}

template <std::size_t kSize>
bool Has(const std::array<std::string_view, kSize>& words, std::string_view value) {
  const std::string lower = ToLower(Trim(value));
  return std::find(words.begin(), words.end(), lower) != words.end();
}

}  // namespace

bool SaysYes(std::string_view value) { return Has(kYes, value); }
bool SaysNo(std::string_view value) { return Has(kNo, value); }

std::vector<std::string> WordsOf(std::string_view name) {
  std::vector<std::string> words;
  bool begins = true;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool hump = i > 0 && IsUpper(name[i]) && !IsUpper(name[i - 1]);
    if (!IsWordByte(name[i])) {
      begins = true;
      continue;
    }
    if (begins || hump) words.emplace_back();
    begins = false;
    words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
  }
  return words;
}

bool HasWord(std::string_view name, const std::vector<std::string_view>& words) {
  const std::vector<std::string> own = WordsOf(name);
  return std::any_of(own.begin(), own.end(), [&](const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  });
}

bool SoundsLate(std::string_view column, std::string_view label) {
  if (HasWord(column, {"outcome", "result", "resolved", "closed", "cancelled", "canceled", "refund", "refunded",
                       "actual", "final", "afterwards", "target", "label", "prediction", "predicted"})) {
    return true;
  }
  const std::vector<std::string> own = WordsOf(column), of_label = WordsOf(label);
  for (const std::string& word : of_label) {
    if (word.size() > 3 && std::find(own.begin(), own.end(), word) != own.end()) return true;
  }
  return false;
}

std::string NameFrom(std::string_view path) {
  std::string_view stem = path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  stem = stem.substr(0, stem.find('.'));
  std::string name;
  for (const char c : ToLower(stem)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "my-model" : name.substr(0, 60);
}

std::string Percent(double share) { return Cat(Fixed(100 * share, share < 0.1 || share > 0.9 ? 1 : 0), " %"); }

std::string Rows(std::int64_t count) { return Cat(WithThousands(count), count == 1 ? " row" : " rows"); }

}  // namespace mw::steps
