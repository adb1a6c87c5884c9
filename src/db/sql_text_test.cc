// Rewriting of SQL text: only what stands outside of literals, names and comments.
#include "db/sql_text.h"

#include <gtest/gtest.h>

namespace mw::db {
namespace {

TEST(SqlTextTest, NumbersPlaceholders) {
  EXPECT_EQ(NumberPlaceholders("a = ? AND b IN (?,?)"), "a = $1 AND b IN ($2,$3)");
  EXPECT_EQ(NumberPlaceholders("'?' \"?\" 'it''s ?' ?"), "'?' \"?\" 'it''s ?' $1");
  EXPECT_EQ(NumberPlaceholders("? -- ?\n?"), "$1 -- ?\n$2");
  EXPECT_EQ(NumberPlaceholders("? /* ? ' */ ?"), "$1 /* ? ' */ $2");
  EXPECT_EQ(NumberPlaceholders("'open ?"), "'open ?");
  EXPECT_EQ(NumberPlaceholders("? -- open ?"), "$1 -- open ?");
  EXPECT_EQ(NumberPlaceholders("a-? / ?"), "a-$1 / $2");
  EXPECT_EQ(NumberPlaceholders(""), "");
}

TEST(SqlTextTest, SpeaksPostgresDialect) {
  EXPECT_EQ(ToPostgresDialect("CREATE TABLE a (b BIGINT PRIMARY KEY) WITHOUT ROWID;"),
            "CREATE TABLE a (b BIGINT PRIMARY KEY) ;");
  EXPECT_EQ(ToPostgresDialect("TIMESTAMP WITHOUT TIME ZONE, 'WITHOUT ROWID' -- WITHOUT ROWID"),
            "TIMESTAMP WITHOUT TIME ZONE, 'WITHOUT ROWID' -- WITHOUT ROWID");
}

TEST(SqlTextTest, SpeaksSqlitesDialect) {
  EXPECT_EQ(ToSqliteDialect("a TEXT COLLATE \"C\" NOT NULL, b BYTEA"), "a TEXT  NOT NULL, b BLOB");
  EXPECT_EQ(ToSqliteDialect("'BYTEA COLLATE \"C\"' bytea_size \"BYTEA\" -- BYTEA"),
            "'BYTEA COLLATE \"C\"' bytea_size \"BYTEA\" -- BYTEA");
  EXPECT_EQ(ToSqliteDialect("COLLATE NOCASE"), "COLLATE NOCASE");
  EXPECT_EQ(ToSqliteDialect("PRIMARY KEY (a, b) INCLUDE (c, d)) WITHOUT ROWID"), "PRIMARY KEY (a, b) ) WITHOUT ROWID");
  EXPECT_EQ(ToSqliteDialect("include, 'INCLUDE (c)' -- INCLUDE (c)"), "include, 'INCLUDE (c)' -- INCLUDE (c)");
  EXPECT_EQ(ToSqliteDialect("a INCLUDE (open"), "a ");
}

}  // namespace
}  // namespace mw::db
