#include "engine/generate/settings.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

const ModelDefaults kModel{{{"eos_token_id", {2, 7}}, {"top_p", 0.9}, {"repetition_penalty", 1.1}},
                           {{"eos_token_id", 5}, {"pad_token_id", 3}}};

TEST(Settings, the_user_wins_over_the_model_and_the_model_over_the_framework) {
  GenerationParams user;
  user.temperature = 0.5;
  GenerationSettings settings = resolve_settings(user, kModel, {});
  EXPECT_TRUE(settings.sample);
  EXPECT_DOUBLE_EQ(settings.temperature, 0.5);
  EXPECT_DOUBLE_EQ(settings.top_p, 0.9);
  EXPECT_EQ(settings.top_k, 50);
  user.top_p = 0.3;
  user.top_k = 0;
  settings = resolve_settings(user, kModel, {});
  EXPECT_DOUBLE_EQ(settings.top_p, 0.3);
  EXPECT_EQ(settings.top_k, 0);
}

TEST(Settings, greedy_ignores_the_models_sampling_keys_but_not_its_penalty) {
  const ModelDefaults model{
      {{"do_sample", true}, {"temperature", 0.1}, {"repetition_penalty", 1.1}}, {}};
  const GenerationSettings settings = resolve_settings({}, model, {});
  EXPECT_FALSE(settings.sample);
  EXPECT_DOUBLE_EQ(settings.temperature, 1);
  EXPECT_DOUBLE_EQ(settings.repetition_penalty, 1.1);
}

TEST(Settings, all_eos_ids_of_generation_config_count) {
  EXPECT_EQ(resolve_settings({}, kModel, {}).eos, (std::vector<int64_t>{2, 7}));
}

TEST(Settings, eos_comes_from_the_models_config_when_generation_config_is_silent) {
  const ModelDefaults model{Json::object(), {{"eos_token_id", 5}}};
  EXPECT_EQ(resolve_settings({}, model, {}).eos, std::vector<int64_t>{5});
}

TEST(Settings, ignore_eos_leaves_no_eos) {
  GenerationParams user;
  user.ignore_eos = true;
  EXPECT_TRUE(resolve_settings(user, kModel, {}).eos.empty());
}

TEST(Settings, padding_is_the_users_then_the_models_then_the_first_eos) {
  EXPECT_EQ(resolve_settings({}, kModel, 9).pad, 9);
  EXPECT_EQ(resolve_settings({}, kModel, {}).pad, 3);
  const ModelDefaults no_pad{{{"eos_token_id", {2, 7}}}, Json::object()};
  EXPECT_EQ(resolve_settings({}, no_pad, {}).pad, 2);
}

TEST(Settings, null_in_the_models_files_means_absent) {
  const ModelDefaults model{{{"eos_token_id", nullptr}, {"repetition_penalty", nullptr}},
                            Json::object()};
  EXPECT_TRUE(resolve_settings({}, model, {}).eos.empty());
  EXPECT_DOUBLE_EQ(resolve_settings({}, model, {}).repetition_penalty, 1);
}

TEST(Settings, values_out_of_range_name_the_key) {
  const auto message = [](const GenerationParams& user) {
    try {
      static_cast<void>(resolve_settings(user, kModel, {}));
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  GenerationParams user;
  user.top_p = 1.5;
  EXPECT_NE(message(user).find("generate_kwargs.top_p"), std::string::npos);
  user = {};
  user.do_sample = true;
  user.temperature = 0;
  EXPECT_NE(message(user).find("do_sample: false"), std::string::npos);
  user = {};
  user.max_new_tokens = 0;
  EXPECT_NE(message(user).find("max_new_tokens"), std::string::npos);
}

TEST(Settings, what_the_engine_does_not_do_is_named_unless_it_changes_nothing) {
  GenerationParams user;
  user.extra = {{"num_beams", 4}, {"no_repeat_ngram_size", 0}, {"frequency_penalty", 0.5}};
  const Json model = {{"num_beams", 2},
                      {"suppress_tokens", {5}},
                      {"typical_p", 0.9},
                      {"min_length", 0},
                      {"guidance_scale", nullptr}};
  EXPECT_EQ(
      unsupported_settings(user, model),
      (std::vector<std::string>{"generate_kwargs.num_beams", "generate_kwargs.frequency_penalty",
                                "generation_config.json: suppress_tokens"}));
  user = {};
  user.do_sample = true;
  EXPECT_EQ(unsupported_settings(user, {{"typical_p", 0.9}}),
            std::vector<std::string>{"generation_config.json: typical_p"});
}

}  // namespace
}  // namespace aieb::engine
