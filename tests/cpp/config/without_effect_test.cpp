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
  config.backend.max_memory = {{"0", "20GB"}};
  EXPECT_THAT(settings_without_effect(config), ElementsAre(StartsWith("backend.max_memory ")));
}

TEST(SettingsWithoutEffect, tell_that_several_gpus_need_a_device_map) {
  BenchmarkConfig config;
  config.backend.device_ids = {0, 1};
  EXPECT_THAT(settings_without_effect(config), IsEmpty()) << "a server places its model itself";
  config.backend.type = "pytorch";
  EXPECT_THAT(settings_without_effect(config), ElementsAre(HasSubstr("backend.device_map")));
  config.backend.device_map = "auto";
  config.backend.max_memory = {{"0", "20GB"}};
  EXPECT_THAT(settings_without_effect(config), IsEmpty());
}

}  // namespace
}  // namespace aieb
