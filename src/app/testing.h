// For tests: a whole control plane in a home of its own, on a free port of loopback; both are gone after the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "app/platform.h"

namespace mw::app::testing {

class PlatformTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "mw-platform-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    config_.home = pattern;
    config_.listen.port = 0;
    auto platform = Platform::Start(config_);
    ASSERT_TRUE(platform.ok()) << platform.error().ToString();
    platform_ = std::move(*platform);
  }
  void TearDown() override {
    platform_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(config_.home, ignored);
  }

  Config config_;
  std::unique_ptr<Platform> platform_;
};

}  // namespace mw::app::testing
