// Checks of a home's own files, with the control plane up or down: database, backups, packages, steps that
// nobody watches. Reads only; under two seconds; blocking, any thread.
#pragma once

#include <string>

#include "app/checks/check.h"
#include "app/config.h"
#include "base/clock.h"

namespace mw::app {

/// Whether the database opens and is intact (up to 256 MB), and how long its log has grown.
Checks DatabaseChecks(const Config& config);
/// When the last backup was made, and when one was last restored.
Checks BackupChecks(const Config& config, const Clock& clock);
/// Whether the model files that the model server was last told to serve have the bytes that they should.
Checks PackageChecks(const Config& config);
/// Steps' shims that belong to no step that is open.
Check ShimCheck(const Config& config, bool control_plane_runs);
/// Whether each endpoint gives the bits that the training library gave for a row of its package.
/// `inference_url`: "http://127.0.0.1:8080".
Checks GoldenRowChecks(const Config& config, const std::string& inference_url);

}  // namespace mw::app
