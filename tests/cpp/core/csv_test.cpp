#include "core/csv.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, quoted_fields_hold_commas_quotes_and_line_ends) {
  EXPECT_EQ(parse_csv("a,\"b,c\",\"say \"\"hi\"\"\"\n\"two\nlines\",,x\n"),
            (Rows{{"a", "b,c", "say \"hi\""}, {"two\nlines", "", "x"}}));
}

TEST(Csv, windows_line_ends_empty_lines_and_a_missing_last_line_end_are_fine) {
  EXPECT_EQ(parse_csv("a,b\r\n\r\nc,d"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(parse_csv("a,\n"), (Rows{{"a", ""}}));
  EXPECT_TRUE(parse_csv("").empty());
}

}  // namespace
}  // namespace aieb
