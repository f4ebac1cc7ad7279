#include "reporters/terminal.h"

#include <sstream>

#include <gtest/gtest.h>

#include "reporters/approvals.h"
#include "reporters/sample_results.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

using testing::bare_results;
using testing::expect_approved;
using testing::sample_results;

TEST(Terminal, is_as_approved) {
  expect_approved("terminal.txt", terminal_report(sample_results(), {}));
}

TEST(Terminal, says_what_is_unknown_and_why) {
  expect_approved("terminal_bare.txt", terminal_report(bare_results(), {}));
}

TEST(Terminal, says_when_energy_was_switched_off) {
  Results results = bare_results();
  results.energy_disabled = true;
  EXPECT_NE(terminal_report(results, {}).find("metrics.enabled is false"), std::string::npos);
}

TEST(Terminal, marks_a_location_that_nobody_named) {
  Results results = sample_results();
  results.carbon->assumed = true;
  EXPECT_NE(terminal_report(results, {}).find("France, 2023, PUE 1.20 (assumed)"),
            std::string::npos);
}

TEST(Terminal, names_the_components_that_a_total_lacks) {
  Results results = sample_results();
  results.measure.complete = false;
  results.measure.missing = {"cpu", "dram"};
  EXPECT_NE(terminal_report(results, {}).find("without cpu, dram"), std::string::npos);
}

TEST(Terminal, stays_within_100_columns) {
  Results results = sample_results();
  results.warnings.push_back(std::string(40, 'a') + " " + std::string(70, 'b') + " c d e f");
  results.carbon->country_name = "A country whose name is rather long, as some official names are";
  results.carbon->assumed = true;
  std::istringstream lines(terminal_report(results, {}));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100) << line;
}

TEST(Terminal, uses_colours_only_when_asked) {
  EXPECT_EQ(terminal_report(sample_results(), {}).find('\x1b'), std::string::npos);
  const std::string colored = terminal_report(sample_results(), {.color = true});
  EXPECT_NE(colored.find("\x1b[31m2 ok, 1 failed\x1b[0m"), std::string::npos);
}

}  // namespace
}  // namespace aieb
