// Each file of verbs adds its own to the command line.
#pragma once

#include "app/cli/command.h"

namespace mw::app::cli {

void AddServerVerbs(const Registrar& registrar);    ///< up, serve, version
void AddInitVerb(const Registrar& registrar);       ///< init
void AddFileVerbs(const Registrar& registrar);      ///< apply, diff, check, plan
void AddRunVerbs(const Registrar& registrar);       ///< run, status
void AddLogsVerb(const Registrar& registrar);       ///< logs
void AddModelVerbs(const Registrar& registrar);     ///< goals, models
void AddEndpointVerbs(const Registrar& registrar);  ///< deploy, rollback, predict, replay
void AddLimitsVerb(const Registrar& registrar);     ///< limits
void AddLabelsVerb(const Registrar& registrar);     ///< labels
void AddMonitorVerb(const Registrar& registrar);    ///< monitor
void AddDoctorVerb(const Registrar& registrar);     ///< doctor
void AddHomeVerbs(const Registrar& registrar);      ///< backup, restore
void AddStorageVerbs(const Registrar& registrar);   ///< storage, gc, retention
void AddChangesVerb(const Registrar& registrar);    ///< changes
void AddWebhooksVerb(const Registrar& registrar);   ///< webhooks
void AddTransferVerbs(const Registrar& registrar);  ///< import, export
void AddBenchVerb(const Registrar& registrar);      ///< bench
void AddLineageVerbs(const Registrar& registrar);   ///< lineage, record, compare, reproduce, baseline, note

}  // namespace mw::app::cli
