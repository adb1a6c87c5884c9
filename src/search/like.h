// Whether a text fits a pattern of LIKE, as databases answer it: for stores that filter in memory, and as an oracle for
// those that ask a database. `%` is any run of characters, none and line ends included, `_` is one character (a code
// point of UTF-8); nothing escapes them. Pure functions, any thread; matching allocates nothing, and its time is at
// worst the product of the two lengths.
#pragma once

#include <string>
#include <string_view>

namespace mw::search {

bool MatchesLike(std::string_view text, std::string_view pattern);
/// The letters A to Z fit in either case, as in SQLite.
bool MatchesILike(std::string_view text, std::string_view pattern);

/// The pattern for a database's `LIKE ? ESCAPE '\'`: a backslash stands for itself in searches, and for an escape in
/// PostgreSQL's patterns.
std::string EscapedPattern(std::string_view pattern);

}  // namespace mw::search
