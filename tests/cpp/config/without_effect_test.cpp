#include "config/without_effect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(SettingsWithoutEffect, are_none_by_default) {
  EXPECT_THAT(settings_without_effect(BenchmarkConfig{}), IsEmpty());
}

TEST(SettingsWithoutEffect, are_named_with_what_happens_instead) {
  BenchmarkConfig config;
  config.metrics.sources = Json::array({{{"type", "dcgm"}}});
  config.backend.max_memory = {{"0", "20GB"}};
  EXPECT_THAT(
      settings_without_effect(config),
      ElementsAre(HasSubstr("run aieb on the server's host"), StartsWith("backend.max_memory ")));
}

TEST(SettingsWithoutEffect, tell_that_several_gpus_are_not_used_by_the_native_engine_only) {
  BenchmarkConfig config;
  config.backend.device_ids = {0, 1};
  EXPECT_THAT(settings_without_effect(config), IsEmpty()) << "a server places its model itself";
  config.backend.type = "pytorch";
  EXPECT_THAT(settings_without_effect(config), ElementsAre(HasSubstr("one device")));
}

}  // namespace
}  // namespace aieb
