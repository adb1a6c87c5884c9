// What people read of a line of the access log.
#include "app/cli/request_lines.h"

#include <gtest/gtest.h>

namespace mw::app::cli {
namespace {

Json Parsed(std::string_view text) { return *Json::Parse(text); }

TEST(RequestLines, AnAnsweredRequestIsOneLine) {
  const Json request = Parsed(
      R"({"time":"2026-03-01T12:00:01.5Z","endpoint":"late","version":3,"protocol":"v2_json","rows":2,"id":"UA-1",)"
      R"("status":200,"total_us":1530,"one_of":40})");
  EXPECT_EQ(RequestLine(request),
            "2026-03-01T12:00:01.5Z       late 3                200     1.5ms      2       v2_json    "
            "UA-1  (one of 40)\n");
  EXPECT_EQ(RequestHead().find("endpoint"), RequestLine(request).find("late 3"));
  EXPECT_EQ(RequestHead().find("id, or"), RequestLine(request).find("UA-1"));
}

TEST(RequestLines, ARefusedOneSaysWhyAndWhatIsMissingIsSaid) {
  EXPECT_NE(RequestLine(Parsed(R"({"endpoint":"late","status":400,"error":"no column x"})")).find("no column x\n"),
            std::string::npos);
  EXPECT_EQ(RequestLine(Parsed(R"({"time":"2026-03-01T12:00:01Z","not_logged":12345})")),
            "2026-03-01T12:00:01Z         and 12,345 more that were not written down\n");
}

TEST(RequestLines, DetailsHoldTheRecord) {
  const std::string details = RequestDetails(Parsed(
      R"({"id":"UA-1","endpoint":"late","version":3,"status":200,"outcome":"answered","decode_us":11,"trace_id":"0af7",)"
      R"("recorded":{"prediction":0.75,"label":null,"features":{"temp":21.5,"wind":null}}})"));
  for (const char* part : {"UA-1", "late 3", "decode 11us", "0af7", "0.75", "none yet", "temp", "21.5", "missing"}) {
    EXPECT_NE(details.find(part), std::string::npos) << part << " in\n" << details;
  }
}

TEST(RequestLines, SilentServersAreNamed) {
  EXPECT_EQ(UnheardServers(Parsed(R"([{"address":"http://a","error":null},{"address":"http://b","error":"refused"}])")),
            "server http://b was not heard: refused\n");
}

}  // namespace
}  // namespace mw::app::cli
