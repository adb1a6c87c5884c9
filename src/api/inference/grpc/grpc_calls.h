// The kinds of calls. Private to this folder.
//
//   InferCall        ModelInfer: armed -> taken -> answered -> armed again
//   CallAcceptor     every other method: armed -> taken -> handed over, by its name, to one of
//     CatalogCall      one request, one answer
//     ControlCall      the same, later: a model is loaded or unloaded
//     InferStreamCall  ModelStreamInfer: an answer for each request, in their order
//     HealthCall       grpc.health.v1.Health/Check and Watch
#pragma once

#include "api/inference/grpc/grpc_lane.h"

namespace mw::api::inference {

/// Arms a lane for calls of all methods: before its Run.
void ArmLane(Lane& lane);

}  // namespace mw::api::inference
