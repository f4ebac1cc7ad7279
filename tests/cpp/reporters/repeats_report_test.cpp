#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reporters/ai_energy_score.h"
#include "reporters/html_data.h"
#include "reporters/interval_text.h"
#include "reporters/markdown.h"
#include "reporters/metric_table.h"
#include "reporters/results_json.h"
#include "reporters/sample_results.h"
#include "reporters/terminal.h"

namespace aieb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::sample_results;

MetricInterval interval(const char* key, const char* unit, double mean, double half_width) {
  MetricInterval out;
  out.key = out.label = key;
  out.unit = unit;
  out.method = "repeats";
  out.count = 2;
  out.mean = mean;
  out.std = half_width / 9;
  out.half_width = half_width;
  return out;
}

/// The sample as two repeats, the second of which was throttled.
Results two_repeats() {
  Results r = sample_results();
  RepeatResult repeat;
  repeat.duration_s = 5;
  repeat.prompts = repeat.successful_prompts = 4;
  repeat.output_tokens = 256;
  repeat.energy = r.measure.total.gross.scaled(0.5, "J");
  repeat.gpu_energy = Quantity::missing("J", "no GPU was measured");
  repeat.energy_per_output_token = repeat.energy_per_request = repeat.energy.scaled(0.01, "J");
  repeat.output_tokens_per_s = 51.2;
  r.repeats = {repeat, repeat};
  r.repeats[1].repeat = 1;
  r.repeats[1].flags = {{"throttled", "GPU 0 was throttled"}, {"throttled", "GPU 1, too"}};
  r.intervals = {interval("total_energy_j", "J", 2205, 36), interval("ttft_s", "s", 0.045, 0.002),
                 interval("output_tokens_per_s", "tokens/s", 51.2, 1.5)};
  return r;
}

TEST(RepeatReports, a_results_document_is_read_back_with_repeats_and_intervals) {
  const Json written = results_to_json(two_repeats());
  const Json again = results_to_json(results_from_json(written));
  EXPECT_EQ(again["repeats"], written["repeats"]);
  EXPECT_EQ(again["intervals"], written["intervals"]);
  EXPECT_EQ(written["repeats"][1]["flags"][0]["kind"], "throttled");
  EXPECT_EQ(written["summary"]["repeats"], 2);
  EXPECT_EQ(written["summary"]["flagged_repeats"], 1);
  EXPECT_EQ(written["summary"]["output_tokens_per_s_ci95"], 1.5);
  EXPECT_TRUE(written["summary"]["tpot_mean_ci95_s"].is_null()) << "unknown is absent";
}

TEST(RepeatReports, the_terminal_shows_each_mean_with_its_interval_and_the_flags) {
  const std::string text = terminal_report(two_repeats(), {});
  EXPECT_THAT(text, HasSubstr("1 flagged, none left out"));
  EXPECT_THAT(text, HasSubstr("51.2 ± 1.5 tokens/s"));
  EXPECT_THAT(text, HasSubstr("45.0 ± 2.0 ms"));
  EXPECT_THAT(text, HasSubstr("of the mean, from 2 repeats"));
  EXPECT_THAT(terminal_report(sample_results(), {}), Not(HasSubstr("95 %")));
}

TEST(RepeatReports, markdown_has_a_row_a_repeat) {
  const std::string text = markdown_report(two_repeats());
  EXPECT_THAT(text, HasSubstr("## 95 % intervals"));
  EXPECT_THAT(text, HasSubstr("| 2 | 5.00 s | 4 |"));
  EXPECT_THAT(text, HasSubstr("| throttled |\n"));
  EXPECT_THAT(markdown_report(sample_results()), Not(HasSubstr("## Repeats")));
}

TEST(RepeatReports, the_page_has_the_same) {
  const Json data = html_data(two_repeats());
  EXPECT_EQ(data["repeats"].size(), 2U);
  EXPECT_EQ(data["intervals"][2][1], "51.2 ± 1.5 tokens/s");
  EXPECT_THAT(data["repeats"][1]["flags"].get<std::string>(), HasSubstr("GPU 1, too"));
}

TEST(RepeatReports, no_interval_is_announced_and_then_not_shown) {
  for (const char* key :
       {"total_energy_j", "gpu_energy_j", "energy_per_request_j", "energy_per_output_token_j",
        "ttft_s", "tpot_s", "e2e_s", "output_tokens_per_s", "throughput_prompts_per_sec"}) {
    Results r = sample_results();
    r.intervals = {interval(key, "", 2, 0.5)};
    EXPECT_THAT(terminal_report(r, {}), HasSubstr("of the mean, from")) << key;
  }
}

TEST(RepeatReports, an_interval_of_energy_shows_spread_and_gain_together) {
  MetricInterval energy = interval("total_energy_j", "J", 3600, 36);
  energy.systematic = 180;
  EXPECT_EQ(interval_text(energy), "1.000 ± 0.051 Wh");
}

TEST(RepeatReports, the_ai_energy_score_is_the_mean_of_its_repeats) {
  const double once = Json::parse(ai_energy_score_report(sample_results()))["total"].get<double>();
  const Json twice = Json::parse(ai_energy_score_report(two_repeats()));
  EXPECT_NEAR(twice["total"].get<double>(), once / 2, 1e-6);
}

}  // namespace
}  // namespace aieb
