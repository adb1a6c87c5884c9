// A scanner that cuts SQL into pieces (words, literals, comments, single characters) and rewrites some.
#include "db/sql_text.h"

#include <algorithm>

#include "base/text.h"

namespace mw::db {
namespace {

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/// Length of the piece that begins with `quote`; a doubled quote inside stands for itself.
std::size_t QuotedLength(std::string_view rest, char quote) {
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] != quote) continue;
    if (i + 1 < rest.size() && rest[i + 1] == quote) {
      ++i;
    } else {
      return i + 1;
    }
  }
  return rest.size();
}

std::size_t UntilAfter(std::string_view rest, std::string_view end) {
  const std::size_t at = rest.find(end, 2);
  return at == std::string_view::npos ? rest.size() : at + end.size();
}

/// The first piece of non-empty `rest`: a literal, a quoted name, a comment, a word or one character.
std::string_view NextPiece(std::string_view rest) {
  const char first = rest[0];
  if (first == '\'' || first == '"') return rest.substr(0, QuotedLength(rest, first));
  if (rest.starts_with("--")) return rest.substr(0, UntilAfter(rest, "\n"));
  if (rest.starts_with("/*")) return rest.substr(0, UntilAfter(rest, "*/"));
  if (!IsWordCharacter(first)) return rest.substr(0, 1);
  const auto end = std::find_if_not(rest.begin(), rest.end(), IsWordCharacter);
  return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

}  // namespace

std::string NumberPlaceholders(std::string_view sql) {
  std::string out;
  out.reserve(sql.size() + 16);
  int number = 0;
  while (!sql.empty()) {
    const std::string_view piece = NextPiece(sql);
    if (piece == "?") {
      CatTo(out, '$', ++number);
    } else {
      out.append(piece);
    }
    sql.remove_prefix(piece.size());
  }
  return out;
}

std::string ToPostgresDialect(std::string_view sql) {
  static constexpr std::string_view kRowid = " ROWID";
  std::string out;
  out.reserve(sql.size());
  while (!sql.empty()) {
    const std::string_view piece = NextPiece(sql);
    sql.remove_prefix(piece.size());
    if (EqualsIgnoreCase(piece, "without") && EqualsIgnoreCase(sql.substr(0, kRowid.size()), kRowid)) {
      sql.remove_prefix(kRowid.size());
    } else {
      out.append(piece);
    }
  }
  return out;
}

std::string ToSqliteDialect(std::string_view sql) {
  static constexpr std::string_view kBinaryOrder = " \"C\"";
  static constexpr std::string_view kColumns = " (";
  std::string out;
  out.reserve(sql.size());
  while (!sql.empty()) {
    const std::string_view piece = NextPiece(sql);
    sql.remove_prefix(piece.size());
    if (EqualsIgnoreCase(piece, "collate") && sql.starts_with(kBinaryOrder)) {
      sql.remove_prefix(kBinaryOrder.size());
    } else if (EqualsIgnoreCase(piece, "include") && sql.starts_with(kColumns)) {
      sql.remove_prefix(std::min(sql.find(')'), sql.size() - 1) + 1);
    } else if (EqualsIgnoreCase(piece, "bytea")) {
      out.append("BLOB");
    } else {
      out.append(piece);
    }
  }
  return out;
}

}  // namespace mw::db
