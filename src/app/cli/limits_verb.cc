// limits: who is let in on the model servers when there is not room for all.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <optional>

#include "app/cli/verbs.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using net::Method;

constexpr const char* kLimitsPath = "/api/v1/limits";

struct LimitsArguments {
  std::string client;
  std::string client_header;
  std::optional<std::int64_t> rows_per_second, rows_per_second_max, rows_in_flight_max;
  bool none = false;
};

Result<Json> Limits(const Options& options, const LimitsArguments& arguments) {
  if (arguments.none) return Call(options, Method::kDelete, kLimitsPath);
  Json body = Json::MakeObject();
  if (arguments.client.empty() != !arguments.rows_per_second) {
    return InvalidArgument("--client KEY and --rows-per-second N come together");
  }
  if (arguments.rows_per_second) {
    const Json share = Json::Make({{"client", arguments.client}, {"rows_per_second", *arguments.rows_per_second}});
    body["shares"] = Json(Json::Array{share});
  }
  if (!arguments.client_header.empty()) body["client_header"] = arguments.client_header;
  if (arguments.rows_per_second_max) body["rows_per_second_max"] = *arguments.rows_per_second_max;
  if (arguments.rows_in_flight_max) body["rows_in_flight_max"] = *arguments.rows_in_flight_max;
  if (body.AsObject().empty()) return Call(options, Method::kGet, kLimitsPath);
  return Call(options, Method::kPost, kLimitsPath, body);
}

std::string RowsText(std::int64_t rows, const char* unit, const char* none) {
  return rows == 0 ? none : Cat(WithThousands(rows), unit);
}

void SayLimits(const Json& answer) {
  const Json& rules = *answer.Find("admission");
  std::vector<std::vector<std::string>> rows = {
      {"of each model server", ""},
      {"rows a second", RowsText(rules.IntOr("rows_per_second_max", 0), "", "no limit")},
      {"rows in flight", RowsText(rules.IntOr("rows_in_flight_max", 0), "", "the server's own bound")}};
  const std::string header = rules.StringOr("client_header", "");
  if (!header.empty()) rows.push_back({"a client is named by", header});
  for (const Json& share : rules.Find("shares")->AsArray()) {
    rows.push_back({Cat("client ", share.StringOr("client", "")),
                    RowsText(share.IntOr("rows_per_second", 0), " rows a second guaranteed", "")});
  }
  Say(TextTable(rows));
}

}  // namespace

void AddLimitsVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<LimitsArguments>();
  CLI::App* command =
      registrar.Add("limits", "See or set how much model servers let in, and what clients are guaranteed",
                    "millwright limits --rows-per-second-max 200000 --client shop --rows-per-second 50000",
                    [&options, arguments] { return Print(options, Limits(options, *arguments), SayLimits); });
  command->add_option("--client", arguments->client,
                      "What a client sends in the client header; of authorization "
                      "sha256: and the token's digest");
  command->add_option("--rows-per-second", arguments->rows_per_second,
                      "Rows a second that it is given before anybody else gets more; 0: none");
  command->add_option("--client-header", arguments->client_header,
                      "Header, or gRPC metadata, that names the client; else x-client");
  command->add_option("--rows-per-second-max", arguments->rows_per_second_max,
                      "What one model server is to predict in a second, for all clients together; 0: no limit");
  command->add_option("--rows-in-flight", arguments->rows_in_flight_max,
                      "Rows that one model server may have in work at a time; 0: its own bound");
  command->add_flag("--none", arguments->none, "Forget all of them");
}

}  // namespace mw::app::cli
