// The stored form of an AttemptSpec: see the header.
#include "jobs/spec_json.h"

#include "base/json.h"
#include "base/text.h"

namespace mw::jobs {
namespace {

Json LimitsToJson(const exec::Limits& limits) {
  return Json::Make({{"memory_bytes", limits.memory_bytes},
                     {"cpu_seconds", limits.cpu_seconds},
                     {"file_bytes", limits.file_bytes},
                     {"open_files", limits.open_files},
                     {"processes", limits.processes},
                     {"log_bytes", limits.log_bytes}});
}

Result<exec::Limits> LimitsFromJson(const Json& json) {
  exec::Limits limits;
  limits.memory_bytes = TRY(json.GetInt("memory_bytes"));
  limits.cpu_seconds = TRY(json.GetInt("cpu_seconds"));
  limits.file_bytes = TRY(json.GetInt("file_bytes"));
  limits.open_files = TRY(json.GetInt("open_files"));
  limits.processes = TRY(json.GetInt("processes"));
  limits.log_bytes = TRY(json.GetInt("log_bytes"));
  return limits;
}

Result<const Json*> Member(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr) return InvalidArgument("a stored attempt lacks ", key);
  return member;
}

}  // namespace

std::string SpecToJson(const exec::AttemptSpec& spec) {
  Json argv = Json::MakeArray();
  for (const std::string& argument : spec.argv) argv.Append(argument);
  Json environment = Json::MakeObject();
  for (const auto& [name, value] : spec.environment) environment[name] = value;
  return Json::Make({{"directory", spec.directory},
                     {"argv", std::move(argv)},
                     {"working_directory", spec.working_directory},
                     {"environment", std::move(environment)},
                     {"limits", LimitsToJson(spec.limits)},
                     {"timeout_ms", std::int64_t{spec.timeout.count()}},
                     {"grace_ms", std::int64_t{spec.grace.count()}}})
      .Dump();
}

Result<exec::AttemptSpec> SpecFromJson(std::string_view text) {
  const Json json = TRY(Json::Parse(text));
  exec::AttemptSpec spec;
  spec.directory = TRY(json.GetString("directory"));
  spec.working_directory = TRY(json.GetString("working_directory"));
  spec.limits = TRY(LimitsFromJson(*TRY(Member(json, "limits"))));
  spec.timeout = std::chrono::milliseconds(TRY(json.GetInt("timeout_ms")));
  spec.grace = std::chrono::milliseconds(TRY(json.GetInt("grace_ms")));
  const Json& argv = *TRY(Member(json, "argv"));
  const Json& environment = *TRY(Member(json, "environment"));
  if (!argv.IsArray() || !environment.IsObject()) return InvalidArgument("a stored attempt has no argv or environment");
  for (const Json& argument : argv.AsArray()) spec.argv.push_back(argument.IsString() ? argument.AsString() : "");
  for (const auto& [name, value] : environment.AsObject())
    spec.environment[name] = value.IsString() ? value.AsString() : "";
  return spec;
}

}  // namespace mw::jobs
