// For tests of whole programs: a query's rows as JSON lines, or into a Parquet file. rows QUERY PATH... [--to FILE].
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.h"
#include "data/duckdb_session.h"

namespace {

mw::Status Run(const std::string& query, mw::data::SessionOptions options, const std::string& to) {
  auto session = TRY(mw::data::DuckdbSession::Open(options));
  if (!to.empty()) return session.WriteParquet(query, to);
  for (const auto& row : TRY(session.Query(query))) {
    std::printf("%s\n", mw::Json(mw::Json::Array(row)).Dump().c_str());
  }
  return mw::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  mw::data::SessionOptions options;
  std::string to;
  for (int i = 2; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--to" && i + 1 < argc) {
      to = argv[++i];
      options.paths.push_back(to);
    } else {
      options.paths.emplace_back(argv[i]);
    }
  }
  if (argc < 2) return 2;
  const mw::Status done = Run(argv[1], options, to);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().ToString().c_str());
  return done.ok() ? 0 : 1;
}
