// The scanner against known answers, against strtod, and against base/json.h on bent texts.
#include "api/inference/json_scanner.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

/// NaN when it is refused. With text behind it a number may be read in another way, with the same outcome.
double Number(const std::string& text) {
  double values[2] = {};
  for (const bool followed : {false, true}) {
    std::string strings;
    const std::string whole = followed ? text + std::string(60, ' ') : text;
    JsonScanner json(whole, strings);
    double& out = values[followed ? 1 : 0];
    if (!json.ReadNumber(out) || !json.Finish()) out = std::nan("");
  }
  EXPECT_EQ(std::bit_cast<std::uint64_t>(values[0]), std::bit_cast<std::uint64_t>(values[1])) << text;
  return values[0];
}

TEST(JsonScannerTest, NumbersAreCorrectlyRounded) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1.5",
                           "0.1",
                           "123456789012345678",
                           "9007199254740993",
                           "1e22",
                           "1e23",
                           "1e-22",
                           "8.589973e9",
                           "2.2250738585072011e-308",
                           "4.9e-324",
                           "1.7976931348623157e308",
                           "0.000000000000000000000000000001",
                           "3.14159265358979323846264338327950288",
                           "100000000000000000000000000000000000000000000000000",
                           "1E5",
                           "1e+05",
                           "5e-400"}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(Number(text)), std::bit_cast<std::uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
  Random random(7);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    if (random.Below(2) == 0) text += '-';
    text += Cat(random.Next() >> random.Below(64));
    if (random.Below(3) != 0) {
      CatTo(text, '.', std::string(random.Below(3), '0'), random.Next() >> random.Below(64));
    }
    if (random.Below(4) == 0) CatTo(text, "e", random.Below(2) == 0 ? "-" : "", random.Below(40));
    ASSERT_EQ(std::bit_cast<std::uint64_t>(Number(text)),
              std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)))
        << text;
  }
}

TEST(JsonScannerTest, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x10", "1e400", "-1e400", "1 2", "inf",
                           "Infinity", "--1", "1.e5"}) {
    EXPECT_TRUE(std::isnan(Number(text))) << text;
  }
}

std::string RandomElement(Random& random) {
  constexpr std::string_view kOthers[] = {"null",
                                          "NaN",
                                          "1e5",
                                          "01",
                                          "1.",
                                          "-",
                                          "[1]",
                                          "",
                                          "1 2",
                                          "1.5x",
                                          "\"a\"",
                                          " 7",
                                          "123456789.12345678901",
                                          "0.00000000000000000001",
                                          "9007199254740993.5"};
  if (random.Below(20) == 0) return std::string(kOthers[random.Below(std::size(kOthers))]);
  std::string text = random.Below(2) == 0 ? "-" : "";
  CatTo(text, random.Below(random.Below(2) == 0 ? 10 : 100'000));
  if (random.Below(5) != 0) {
    text += '.';
    for (std::uint64_t digits = 1 + random.Below(17); digits > 0; --digits) CatTo(text, random.Below(10));
  }
  return text;
}

/// What a walk through an array of numbers reads, and where and how it ends.
struct NumberWalk {
  std::vector<std::uint64_t> bits;
  std::string error;
  std::ptrdiff_t end = 0;
  bool operator==(const NumberWalk&) const = default;
};

NumberWalk WalkNumbers(const std::string& text, std::size_t run) {
  NumberWalk walk;
  std::string strings;
  JsonScanner json(text, strings);
  std::vector<double> numbers(run);
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    json.Peek();
    const std::size_t count = json.ReadNumbers(numbers);
    for (std::size_t i = 0; i < count; ++i) walk.bits.push_back(std::bit_cast<std::uint64_t>(numbers[i]));
    if (count > 0) continue;
    double number = 0;
    if (json.Peek() == JsonScanner::Kind::kNumber ? json.ReadNumber(number) : json.Skip()) {
      walk.bits.push_back(std::bit_cast<std::uint64_t>(number));
    }
  }
  json.Finish();
  if (json.failed()) walk.error = Cat(json.error(), " at ", json.error_offset());
  walk.end = json.position() - text.data();
  return walk;
}

TEST(JsonScannerTest, RunsOfNumbersAreReadLikeEachAlone) {
  Random random(29);
  std::size_t read = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string comma = random.Below(3) == 0 ? ", " : random.Below(20) == 0 ? " ," : ",";
    std::string text = "[";
    for (std::uint64_t count = random.Below(30); count > 0; --count) {
      text += RandomElement(random);
      if (count > 1) text += comma;
    }
    if (random.Below(20) != 0) text += "]";
    text.append(random.Below(60), ' ');
    const NumberWalk alone = WalkNumbers(text, 0);
    ASSERT_EQ(WalkNumbers(text, 1 + random.Below(40)), alone) << text;
    read += alone.bits.size();
  }
  EXPECT_GT(read, 100'000U);
}

TEST(JsonScannerTest, Strings) {
  const auto read = [](std::string_view text) {
    std::string strings;
    JsonScanner json(text, strings);
    std::string_view out;
    return json.ReadString(out) && json.Finish() ? std::string(out) : std::string("<refused>");
  };
  EXPECT_EQ(read(R"("")"), "");
  EXPECT_EQ(read(R"("a longer text without any escape")"), "a longer text without any escape");
  EXPECT_EQ(read(R"("a\"b\\c\/d\b\f\n\r\t")"), "a\"b\\c/d\b\f\n\r\t");
  EXPECT_EQ(read(R"("\u0041\u00e9\u20ac\ud83d\ude00")"), "Aé€😀");
  for (const char* bad :
       {"\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"a\nb\"", "\"aaaaaaaaaaaaaaaaaaa\x01\"", "\"\\ud800\\n\""}) {
    EXPECT_EQ(read(bad), "<refused>") << bad;
  }
}

TEST(JsonScannerTest, DepthIsBounded) {
  const auto skips = [](int depth) {
    const std::string text =
        std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
    std::string strings;
    JsonScanner json(text, strings);
    return json.Skip() && json.Finish();
  };
  EXPECT_TRUE(skips(64));
  EXPECT_FALSE(skips(65));
  EXPECT_FALSE(skips(100'000));
}

TEST(JsonScannerTest, AcceptsWhatTheOtherParserAccepts) {
  const std::string seed =
      R"({"a":[1,-2.5e3,0.1,true,false,null,"x\"y\u00e9",[],{}],"b":{"c":[[1],[2,3]],"d":"zzzzzzzzzzzzzz"},"e":123456789})";
  Random random(11);
  int accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string text = seed;
    for (std::uint64_t edits = random.Below(4); edits > 0; --edits) {
      constexpr std::string_view kAlphabet = "{}[]\",:0123456789.eE+-truefalsn\\u /\n";
      const std::size_t at = random.Below(text.size());
      const char letter = kAlphabet[random.Below(kAlphabet.size())];
      switch (random.Below(3)) {
        case 0: text[at] = letter; break;
        case 1: text.insert(at, 1, letter); break;
        default: text.erase(at, 1);
      }
    }
    const Result<Json> other = Json::Parse(text);
    if (!other.ok() && other.error().message.find("twice") != std::string::npos) continue;
    std::string strings;
    JsonScanner json(text, strings);
    const bool ours = json.Skip() && json.Finish();
    ASSERT_EQ(ours, other.ok()) << text << "\n" << (ours ? other.error().message : json.error());
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 20'000);
}

}  // namespace
}  // namespace mw::api::inference
