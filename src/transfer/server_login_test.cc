// Logging in as MLflow's client does; secrets are in no message.
#include "transfer/server_login.h"

#include <gtest/gtest.h>

namespace mw::transfer {
namespace {

constexpr std::string_view kServer = "https://mlflow.example:8443/prefix";

TEST(ServerLogin, TakesNameAndPasswordBeforeTheToken) {
  const auto plain = OptionsFor(kServer, {});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->basic + plain->bearer_token + plain->roots, "");
  const auto token = OptionsFor(kServer, {"", "", "t0ken", "/ca.pem"});
  EXPECT_EQ(token->bearer_token, "t0ken");
  EXPECT_EQ(token->roots, "/ca.pem");
  const auto both = OptionsFor(kServer, {"ada", "s3cret: ä", "t0ken", ""});
  EXPECT_EQ(both->basic, "ada:s3cret: ä");
  EXPECT_EQ(both->bearer_token, "");
}

TEST(ServerLogin, RefusesWithoutSayingSecrets) {
  for (const char* address : {"https://ada:s3cret@host", "http://s3cret@host/x", "https://ada:s3/cret@host:1/x"}) {
    const auto refused = OptionsFor(address, {});
    ASSERT_FALSE(refused.ok()) << address;
    EXPECT_NE(refused.error().message.find("MLFLOW_TRACKING_USERNAME"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("s3"), std::string::npos) << refused.error().message;
  }
  EXPECT_TRUE(OptionsFor("http://host/x@y", {}).ok());
  EXPECT_TRUE(OptionsFor("http://host:80/x@y", {}).ok());
  EXPECT_EQ(OptionsFor(kServer, {"ada", "", "", ""}).error().message,
            "MLFLOW_TRACKING_USERNAME is set and MLFLOW_TRACKING_PASSWORD is not; set both or none");
  EXPECT_FALSE(OptionsFor(kServer, {"", "s3cret", "", ""}).ok());
  EXPECT_FALSE(OptionsFor(kServer, {"a:da", "s3cret", "", ""}).ok());
  const auto broken = OptionsFor(kServer, {"", "", "s3cret\nX: y", ""});
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().message.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace mw::transfer
