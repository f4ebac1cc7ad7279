#include "config/protocol.h"

#include <gmock/gmock.h>

#include "config/support.h"

namespace aieb {
namespace {

using test::error_of;
using test::parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Protocol protocol(const std::string& text, std::vector<std::string> overrides = {}) {
  return protocol_of(parse(text, std::move(overrides)).config.metrics);
}

TEST(Protocol, none_leaves_the_settings_as_they_are) {
  const Protocol p = protocol("metrics: {idle_s: 7, warmup_prompts: 3}");
  EXPECT_EQ(p.idle_s, 7);
  EXPECT_EQ(p.warmup_prompts, 3);
  EXPECT_EQ(p.repeats, 1);
  EXPECT_EQ(p.min_window_s, 0);
  EXPECT_FALSE(p.warmup_cv || p.cooldown_c || p.samples);
}

TEST(Protocol, a_name_gives_every_field_of_its_row) {
  const Protocol p = protocol("metrics: {protocol: standard}");
  EXPECT_EQ(p.name, "standard");
  EXPECT_EQ(p.idle_s, 30);
  EXPECT_EQ(p.repeats, 5);
  EXPECT_EQ(p.min_window_s, 10);
  EXPECT_EQ(p.short_window, "extend");
  EXPECT_EQ(p.warmup_cv, 0.05);
  EXPECT_EQ(p.cooldown_c, 50);
  EXPECT_GT(p.pause_s, 0);
  EXPECT_THAT(p.changed, IsEmpty());
}

TEST(Protocol, every_named_one_resolves) {
  for (const std::string& name : protocol_names()) {
    const Protocol p = protocol("metrics: {protocol: " + name + "}");
    EXPECT_EQ(p.name, name);
    EXPECT_GE(p.min_window_s, 5) << name;
  }
}

TEST(Protocol, those_of_other_tools_are_what_these_do) {
  const Protocol score = protocol("metrics: {protocol: ai_energy_score}");
  EXPECT_EQ(score.samples, 1000);
  EXPECT_EQ(score.repeats, 10);
  EXPECT_EQ(score.energy, "gpu");
  EXPECT_EQ(protocol("metrics: {protocol: ml_energy}").window, "steady_state");
  EXPECT_EQ(protocol("metrics: {protocol: mlperf}").min_window_s, 60);
}

TEST(Protocol, explicit_fields_win_over_the_name_and_are_listed) {
  const Protocol p = protocol("metrics: {protocol: {name: standard, repeats: 3, idle_s: 30}}");
  EXPECT_EQ(p.repeats, 3);
  EXPECT_EQ(p.min_window_s, 10);
  EXPECT_THAT(p.changed, ElementsAre("repeats"));
}

TEST(Protocol, a_field_may_be_set_on_the_command_line_beside_a_name) {
  EXPECT_EQ(protocol("metrics: {protocol: standard}", {"metrics.protocol.repeats=2"}).repeats, 2);
  const Protocol p = protocol("", {"metrics.protocol=mlperf", "metrics.protocol.min_window_s=3"});
  EXPECT_EQ(p.name, "mlperf");
  EXPECT_EQ(p.min_window_s, 3);
}

TEST(Protocol, wrong_names_fields_and_values_are_errors) {
  EXPECT_THAT(error_of("metrics: {protocol: standart}"), HasSubstr("standard"));
  EXPECT_THAT(error_of("metrics: {protocol: {repeat: 3}}"), HasSubstr("did you mean 'repeats'?"));
  EXPECT_THAT(error_of("metrics: {protocol: {repeats: 0}}"),
              HasSubstr("'metrics.protocol.repeats' must be"));
  EXPECT_THAT(error_of("metrics: {protocol: {short_window: stretch}}"), HasSubstr("extend"));
  EXPECT_THAT(error_of("metrics: {protocol: {colour: blue}}", {}, true),
              HasSubstr("metrics.protocol.colour"));
}

TEST(Protocol, windows_of_full_load_cannot_be_extended) {
  EXPECT_THROW(protocol("metrics: {protocol: {name: ml_energy, short_window: extend}}"),
               ConfigError);
}

TEST(Protocol, writes_samples_idle_time_and_warm_up_into_the_configuration_once) {
  BenchmarkConfig config = parse("metrics: {protocol: ai_energy_score}").config;
  apply_protocol(config);
  EXPECT_EQ(config.scenario.num_samples, 1000);
  EXPECT_EQ(config.metrics.warmup_prompts, 10);
  const Json once = to_json(config);
  apply_protocol(config);
  EXPECT_EQ(to_json(config), once);
}

TEST(Protocol, survives_a_resolved_configuration) {
  const BenchmarkConfig config = parse("metrics: {protocol: {name: quick, repeats: 4}}").config;
  EXPECT_EQ(protocol_of(config_from_json(to_json(config)).metrics).repeats, 4);
}

}  // namespace
}  // namespace aieb
