#include "cli/text_table.h"

#include <gtest/gtest.h>

namespace aieb::cli {
namespace {

TEST(TextTable, makes_every_column_as_wide_as_its_widest_cell) {
  TextTable table({"a", "energy", "last"});
  table.add({"long cell", "1 ± 2", "x"});
  EXPECT_EQ(table.text(), "a          energy  last\nlong cell  1 ± 2   x\n");
}

}  // namespace
}  // namespace aieb::cli
