#include "exporters/source_spec.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb::exporters {
namespace {

std::string problem_with(const Json& sources) {
  try {
    source_specs(sources);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(Sources, need_no_more_than_type_and_url) {
  const auto specs = source_specs(Json::parse(
      R"([{"type": "dcgm", "url": "node1:9400"}, {"type": "dcgm", "url": "node2:9400", "gpus": 3}])"));
  ASSERT_EQ(specs.size(), 2U);
  EXPECT_EQ(specs[0].name, "dcgm");
  EXPECT_EQ(specs[1].name, "dcgm-2") << "meters need names of their own";
  EXPECT_EQ(specs[1].gpus, std::vector<std::string>{"3"});
  EXPECT_EQ(specs[0].rules.front().metric, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION");
  EXPECT_DOUBLE_EQ(specs[0].rules.front().scale, 1e-3);
  EXPECT_FALSE(specs[0].update_s.has_value());
}

TEST(Sources, map_any_metric_with_its_unit) {
  const auto specs = source_specs(Json::parse(R"([{
      "type": "prometheus_text", "url": "http://pdu/metrics", "update_s": 0,
      "metrics": [{"metric": "outlet_kwh", "component": "node", "unit": "kWh", "labels": {"outlet": "A"}},
                  {"metric": "cpu_uw", "component": "cpu", "unit": "uW", "scale": 2, "uncertainty": 0.01}]}])"));
  ASSERT_EQ(specs.front().rules.size(), 2U);
  const Rule& energy = specs.front().rules[0];
  EXPECT_EQ(energy.unit, "J");
  EXPECT_EQ(energy.kind, DomainKind::kCounter);
  EXPECT_DOUBLE_EQ(energy.scale, 3.6e6);
  const Rule& power = specs.front().rules[1];
  EXPECT_EQ(power.unit, "W");
  EXPECT_EQ(power.kind, DomainKind::kGauge);
  EXPECT_DOUBLE_EQ(power.scale, 2e-6);
  EXPECT_DOUBLE_EQ(power.gain_uncertainty, 0.01);
  EXPECT_EQ(specs.front().update_s, 0.0);
}

TEST(Sources, errors_name_the_place_and_what_may_stand_there) {
  const auto says = [](const char* sources, const char* words) {
    const std::string problem = problem_with(Json::parse(sources));
    EXPECT_NE(problem.find(words), std::string::npos) << problem;
  };
  says(R"([{"url": "a:1"}])", "metrics.sources[0].type is missing; it must be one of dcgm");
  says(R"([{"type": "dcmg", "url": "a:1"}])", "prometheus_text");
  says(R"([{"type": "dgcm", "url": "a:1"}])",
       "metrics.sources[0].type is 'dgcm' (did you mean 'dcgm'?); it must be one of dcgm");
  says(R"([{"type": "server_metric", "url": "off"}])", "did you mean 'server_metrics'?");
  says(R"([{"type": "prometheus_text", "url": "a:1", "preset": "keppler"}])",
       "did you mean 'kepler'?");
  says(R"([{"type": "dcgm"}])", "metrics.sources[0].url is missing");
  says(R"([{"type": "dcgm", "url": "a:1", "gpu": 1}])", "did you mean 'gpus'?");
  says(R"([{"type": "dcgm", "url": "http://me:secret@a:1"}])", "token_variable");
  says(R"([{"type": "prometheus_text", "url": "a:1"}])", "or a preset (dcgm, kepler");
  says(
      R"([{"type": "prometheus_text", "url": "a:1", "metrics": [{"metric": "m", "component": "gpu", "unit": "kJ"}]}])",
      "metrics.sources[0].metrics[0].unit is 'kJ'");
  says(
      R"([{"type": "prometheus_text", "url": "a:1", "metrics": [{"metric": "m", "component": "gpu", "unit": "W", "kind": "counter"}]}])",
      "kind must be counter for a unit of energy");
  says(R"([{"type": "dcgm", "url": "a:1", "period_s": 0}])", "at least 0.01");
  says(
      R"([{"type": "dcgm", "name": "x", "url": "a:1"}, {"type": "dcgm", "name": "x", "url": "b:1"}])",
      "'x' is used twice");
  says(R"([{"type": "server_metrics", "url": "off", "period": 2}])", "did you mean 'period_s'?");
  EXPECT_EQ(problem_with(Json()), "nothing");
}

TEST(Sources, one_entry_is_about_the_servers_own_page) {
  const Json sources = Json::parse(
      R"([{"type": "server_metrics", "url": "off"}, {"type": "zeus", "url": "unix:/run/zeusd.sock"}])");
  EXPECT_EQ(source_specs(sources).size(), 1U);
  EXPECT_EQ(server_page_spec(sources).url, "off");
  EXPECT_EQ(server_page_spec(Json()).url, "auto");
  EXPECT_DOUBLE_EQ(server_page_spec(Json()).period_s, 1);
}

}  // namespace
}  // namespace aieb::exporters
