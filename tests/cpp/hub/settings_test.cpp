#include "hub/settings.h"

#include "core/error.h"
#include "hub/temporary_folder.h"

namespace aieb {
namespace {

using HubSettingsTest = test::HubTest;

TEST_F(HubSettingsTest, finds_the_cache_as_huggingface_hub_does) {
  EXPECT_EQ(hub_settings().cache, folder_ / ".cache/huggingface/hub");
  set("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(hub_settings().cache, "/xdg/huggingface/hub");
  set("HF_HOME", "~/hf");
  EXPECT_EQ(hub_settings().cache, folder_ / "hf/hub");
  set("HF_HUB_CACHE", "/cache");
  EXPECT_EQ(hub_settings().cache, "/cache");
}

TEST_F(HubSettingsTest, takes_the_token_from_the_environment_before_the_file) {
  EXPECT_EQ(hub_settings().token, "");
  write(".cache/huggingface/token", "from-file\n");
  EXPECT_EQ(hub_settings().token, "from-file");
  set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  EXPECT_EQ(hub_settings().token, "");
  set("HF_TOKEN", "from-environment");
  EXPECT_EQ(hub_settings().token, "from-environment");
}

TEST_F(HubSettingsTest, understands_the_offline_flags) {
  EXPECT_FALSE(hub_settings().offline);
  set("HF_HUB_OFFLINE", "0");
  EXPECT_FALSE(hub_settings().offline);
  set("TRANSFORMERS_OFFLINE", "yes");
  EXPECT_TRUE(hub_settings().offline);
}

TEST_F(HubSettingsTest, reads_endpoint_and_timeouts) {
  EXPECT_EQ(hub_settings().endpoint, "https://huggingface.co");
  set("HF_ENDPOINT", "http://mirror.example//");
  set("HF_HUB_ETAG_TIMEOUT", "2.5");
  EXPECT_EQ(hub_settings().endpoint, "http://mirror.example");
  EXPECT_EQ(hub_settings().connect_timeout_s, 2.5);
  set("HF_HUB_ETAG_TIMEOUT", "soon");
  EXPECT_THROW(hub_settings(), ConfigError);
}

}  // namespace
}  // namespace aieb
