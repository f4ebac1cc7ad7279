#include "cli/progress_line.h"

#include <vector>

#include <gtest/gtest.h>

#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

Progress measuring() {
  Progress p;
  p.phase = "measuring";
  p.prompts_done = 11;
  p.prompts_failed = 1;
  p.prompts_total = 20;
  p.tokens_per_s = 92.34;
  p.watts = 31.2;
  p.elapsed_s = 12;
  p.remaining_s = 7.4;
  return p;
}

TEST(ProgressBar, shows_everything_where_there_is_room) {
  EXPECT_EQ(progress_bar(measuring(), 100),
            "measuring       ██████████████░░░░░░░░░░  12/20 (1 failed)  0:07 left  31 W  "
            "92.3 tokens/s");
}

TEST(ProgressBar, fits_any_width_and_leaves_out_the_least_important) {
  for (size_t width = 14; width < 100; ++width) {
    EXPECT_LE(display_width(progress_bar(measuring(), width)), width);
  }
  const std::string narrow = progress_bar(measuring(), 72);
  EXPECT_NE(narrow.find("0:07 left"), std::string::npos) << narrow;
  EXPECT_EQ(narrow.find("tokens/s"), std::string::npos) << narrow;
}

TEST(ProgressBar, draws_the_power_of_the_last_seconds_where_there_is_room) {
  const std::vector<double> watts = {10, 20, 40, 80, 80};
  Progress p = measuring();
  p.prompts_failed = 0;
  const std::string line = progress_bar(p, 79, watts);
  EXPECT_NE(line.find("▂▃▅██ 31 W  92.3 tokens/s"), std::string::npos) << line;
  EXPECT_NE(progress_bar(p, 50, watts).find("  31 W"), std::string::npos) << "without the drawing";
  for (size_t width = 14; width < 100; ++width) {
    EXPECT_LE(display_width(progress_bar(p, width, watts)), width);
  }
}

TEST(Sparkline, is_empty_without_values_and_flat_without_power) {
  EXPECT_EQ(sparkline({}), "");
  EXPECT_EQ(sparkline(std::vector<double>{0, 0}), "▁▁");
}

TEST(ProgressBar, counts_prompts_whose_number_is_not_known_beforehand) {
  Progress p = measuring();
  p.prompts_done = 331;
  p.prompts_total = 0;
  EXPECT_EQ(progress_bar(p, 62), "measuring       ██████░░░░  332 prompts (1 failed)  0:07 left");
  EXPECT_EQ(progress_sentence(p),
            "measuring: 332 prompts (1 failed), 92.3 tokens/s, 31 W, 7.40 s left");
}

TEST(ProgressBar, has_no_bar_while_nobody_knows_how_long_it_takes) {
  Progress loading;
  loading.phase = "loading model";
  loading.elapsed_s = 65;
  EXPECT_EQ(progress_bar(loading, 100), "loading model   1:05");
}

TEST(ProgressBar, fills_by_time_in_a_phase_of_known_length) {
  Progress idle;
  idle.phase = "idle power";
  idle.elapsed_s = 2.5;
  idle.remaining_s = 2.5;
  EXPECT_NE(progress_bar(idle, 100).find("████████████░░░░░░░░░░░░"), std::string::npos);
}

TEST(ProgressSentence, says_the_same_in_words) {
  EXPECT_EQ(progress_sentence(measuring()),
            "measuring: 12 of 20 prompts (1 failed), 92.3 tokens/s, 31 W, 7.40 s left");
}

}  // namespace
}  // namespace aieb::cli
