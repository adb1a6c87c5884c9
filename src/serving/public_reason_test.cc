// Sentences that name files, as strangers may read them.
#include "serving/public_reason.h"

#include <gtest/gtest.h>

namespace mw::serving {
namespace {

TEST(PublicReasonTest, DirectoriesAreLeftOut) {
  EXPECT_EQ(PublicReason("/srv/models/late/1/model.json: byte 3: no JSON"), "model.json: byte 3: no JSON");
  EXPECT_EQ(PublicReason("reading \"/a/b.c\": /d/e-f_g.so.1 (/x) and /h/i, /j"),
            "reading \"b.c\": e-f_g.so.1 (x) and i, j");
  EXPECT_EQ(PublicReason("path=/data/me/über/model.txt"), "path=model.txt");
}

TEST(PublicReasonTest, WhatLiesBeneathTheRootIsNamedFromThere) {
  EXPECT_EQ(PublicReason("/srv/models/late/1 holds none of /srv/modelsother/x", "/srv/models"),
            "late/1 holds none of x");
  EXPECT_EQ(PublicReason("/srv/models is no directory", "/srv/models"), "models is no directory");
}

TEST(PublicReasonTest, EverythingElseStays) {
  for (const char* text :
       {"", "rows a second: 3/s, n/a, and/or", "http://host:80/v2/models is not there", "TCP/IP", "a: b"}) {
    EXPECT_EQ(PublicReason(text), text);
  }
}

}  // namespace
}  // namespace mw::serving
