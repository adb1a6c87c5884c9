// A registry on each database, for the tests of this module.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "db/temporary_database.h"
#include "registry/registry.h"

namespace mw::registry {

inline const ModelName kIris{"default", "iris"};

template <typename Driver>
class RegistryWorld : public db::StoreTest<Driver> {
 protected:
  RegistryWorld() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { registry_.emplace(*this->database_, clock_); }

  static NewVersion Package(std::string digest, std::string run = "", std::string attempt = "",
                            std::string alias = "") {
    NewVersion version;
    version.name = kIris;
    version.package = std::move(digest);
    version.run_id = std::move(run);
    version.attempt_id = std::move(attempt);
    version.alias = std::move(alias);
    return version;
  }
  Result<ModelVersion> Create(NewVersion version) {
    clock_.Advance(std::chrono::seconds(1));
    return SyncWait(registry_->CreateVersion(std::move(version)));
  }
  /// The new version's number, or the error's message.
  std::string Register(NewVersion version) {
    const auto made = Create(std::move(version));
    return made.ok() ? Cat(made->version) : made.error().message;
  }
  /// What the reference names: "2", or the error's message.
  std::string Get(std::string reference) {
    const auto version = SyncWait(registry_->GetVersion(kIris, std::move(reference)));
    return version.ok() ? Cat(version->version) : version.error().message;
  }
  std::string Point(std::string alias, std::int64_t version, std::string cause = "test") {
    const auto change = SyncWait(registry_->SetAlias(kIris, std::move(alias), version, std::move(cause)));
    return change.ok() ? Cat(change->previous, "->", change->version) : change.error().message;
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  std::optional<Registry> registry_;
};

/// A version of files, without a package.
inline NewVersion Files(std::string model, std::string run = "", Tags tags = {}) {
  NewVersion version;
  version.name.model = std::move(model);
  version.source_uri = Cat("mlflow-artifacts:/1/", run, "/artifacts/model");
  version.run_id = std::move(run);
  version.tags = std::move(tags);
  version.makes_model = false;
  return version;
}

}  // namespace mw::registry
