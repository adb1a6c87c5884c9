// The embedded executor: each attempt in an mw-shim of its own on this machine (docs/decisions/0005-shim.md).
// Holds nothing that a restart would miss: everything about an attempt is in its directory, so adopting what an
// earlier control plane launched is nothing but Poll. Any thread; starts one thread that watches directories.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "exec/directory_watch.h"
#include "exec/executor.h"

namespace mw::exec {

class ProcessExecutor final : public Executor {
 public:
  /// `shim_path`: the mw-shim program. Errors: kNotFound when it is not there; kResourceExhausted.
  static Result<std::unique_ptr<ProcessExecutor>> Start(const std::string& shim_path);

  Status Launch(const AttemptSpec& spec) override;
  Result<AttemptStatus> Poll(const std::string& attempt_id, const std::string& directory) override;
  Status Cancel(const std::string& attempt_id, const std::string& directory) override;
  void OnChange(std::function<void()> wake) override { watch_->OnChange(std::move(wake)); }
  [[nodiscard]] std::string IsolationTier() const override;

 private:
  ProcessExecutor(std::string shim_path, std::unique_ptr<DirectoryWatch> watch)
      : shim_path_(std::move(shim_path)), watch_(std::move(watch)) {}
  Status StartShim(const AttemptSpec& spec) const;

  std::string shim_path_;
  std::unique_ptr<DirectoryWatch> watch_;
};

}  // namespace mw::exec
