#include "reporters/text_format.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

TEST(TextFormat, separates_thousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
}

TEST(TextFormat, shows_three_significant_digits) {
  EXPECT_EQ(number_text(92.345), "92.3");
  EXPECT_EQ(number_text(0.041234), "0.0412");
  EXPECT_EQ(number_text(1240.4), "1,240");
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(-2.5), "-2.50");
}

TEST(TextFormat, chooses_the_unit_of_a_duration) {
  EXPECT_EQ(duration_text(12e-6), "12.0 µs");
  EXPECT_EQ(duration_text(0.0452), "45.2 ms");
  EXPECT_EQ(duration_text(1.234), "1.23 s");
  EXPECT_EQ(duration_text(125), "2 min 05 s");
  EXPECT_EQ(duration_text(3720), "1 h 02 min");
}

TEST(TextFormat, counts_columns_of_utf8) {
  EXPECT_EQ(display_width("1.84 ± 0.06 Wh"), 14);
  EXPECT_EQ(padded("±", 3), "±  ");
}

TEST(TextFormat, wraps_at_blanks_and_keeps_long_words_whole) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("/a/very/long/path x", 5),
            (std::vector<std::string>{"/a/very/long/path", "x"}));
  EXPECT_TRUE(wrapped("", 5).empty());
}

}  // namespace
}  // namespace aieb
