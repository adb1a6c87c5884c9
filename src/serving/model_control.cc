// Who may, and the way to the loaders.
#include "serving/model_control.h"

#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "net/authenticator.h"

namespace mw::serving {

ModelControl::ModelControl(Catalog& catalog, std::shared_ptr<ModelRepository> repository, const ControlRules& rules)
    : catalog_(catalog),
      repository_(std::move(repository)),
      follows_(rules.follows),
      on_loopback_(rules.on_loopback),
      token_digest_(rules.token.empty() ? "" : net::TokenDigest(rules.token)) {}

Status ModelControl::Check(std::string_view authorization) const {
  if (follows_) {
    return FailedPrecondition("this server serves what its control plane says; deploy or remove the version there");
  }
  if (repository_ == nullptr) {
    return FailedPrecondition("this server serves what its command line says; start it with --model-repository DIR");
  }
  if (token_digest_.empty()) {
    if (on_loopback_) return Ok();
    return PermissionDenied("others than this machine reach this server, and it has no token by which to know who may ",
                            "load models; start it with --token-file FILE, or listen on 127.0.0.1");
  }
  if (authorization.empty())
    return Unauthenticated("this needs the server's token: send `Authorization: Bearer TOKEN`");
  if (net::CarriesToken(authorization, token_digest_)) return Ok();
  return Unauthenticated("the token is not this server's");
}

void ModelControl::Load(const std::string& name, Loaded done) { repository_->Load(name, std::move(done)); }

void ModelControl::Unload(const std::string& name, Loaded done) {
  catalog_.RunAside([repository = repository_, name, done = std::move(done)] { done(repository->Unload(name)); });
}

}  // namespace mw::serving
