#include "core/text.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

TEST(Text, blanks_go_at_both_ends_only) {
  EXPECT_EQ(trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(trimmed("ab"), "ab");
  EXPECT_EQ(trimmed(" \n "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Text, everything_that_a_url_may_mean_something_by_is_encoded_by_its_bytes) {
  EXPECT_EQ(percent_encoded("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(percent_encoded("a b/c?d=e&f%"), "a%20b%2Fc%3Fd%3De%26f%25");
  EXPECT_EQ(percent_encoded("é"), "%C3%A9");
  EXPECT_EQ(percent_encoded("a/b c", "/"), "a/b%20c");
}

TEST(Text, control_characters_are_shown_and_have_no_effect) {
  EXPECT_EQ(printable("a\x1b[2Jb\x7f\r\n\t"), "a\\x1b[2Jb\\x7f\\r\\n\\t");
  EXPECT_EQ(printable("a\nb\r", "\n"), "a\nb\\r");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("é … 日本"), "é … 日本");
}

}  // namespace
}  // namespace aieb
