#include "http/line_parser.h"

#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace aieb::http {
namespace {

/// What comes out when `text` is read in the given pieces, at 1, 2, 3 … ns.
std::vector<std::pair<std::string, int64_t>> lines_of(const std::vector<std::string>& pieces) {
  LineParser parser;
  std::vector<std::pair<std::string, int64_t>> out;
  const auto keep = [&out](std::string_view line, int64_t t_ns) {
    out.emplace_back(line, t_ns);
    return true;
  };
  int64_t t_ns = 0;
  for (const std::string& piece : pieces) parser.feed(piece, ++t_ns, keep);
  parser.finish(keep);
  return out;
}

using Lines = std::vector<std::pair<std::string, int64_t>>;

TEST(LineParser, gives_each_line_the_time_of_its_first_byte) {
  EXPECT_EQ(lines_of({"{1}\n{2", "}", "\n{3}\n"}), (Lines{{"{1}", 1}, {"{2}", 1}, {"{3}", 3}}));
}

TEST(LineParser, gives_lines_behind_the_first_the_time_of_the_last_segment) {
  LineParser parser;
  std::vector<int64_t> times;
  parser.feed("{1}\n{2}\n{3}\n", {10, 20}, [&times](std::string_view, int64_t t_ns) {
    times.push_back(t_ns);
    return true;
  });
  EXPECT_EQ(times, (std::vector<int64_t>{10, 20, 20}));
}

TEST(LineParser, skips_blank_lines_and_delivers_a_last_one_without_its_end) {
  EXPECT_EQ(lines_of({"\r\n\n {1}\n", "{2}"}), (Lines{{" {1}", 1}, {"{2}", 2}}));
}

TEST(LineParser, does_not_care_where_reads_are_cut) {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  std::mt19937 random(seed);
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back("{" + std::string(random() % 40, 'x') + std::to_string(i) + "}");
    text += expected.back() + "\n";
  }
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random() % 60;
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    std::vector<std::string> got;
    for (const auto& [line, t_ns] : lines_of(pieces)) got.push_back(line);
    EXPECT_EQ(got, expected) << "round " << round;
  }
}

TEST(LineParser, stops_when_it_is_told_to) {
  LineParser parser;
  int seen = 0;
  parser.feed("{1}\n{2}\n", 1, [&seen](std::string_view, int64_t) { return ++seen < 1; });
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace aieb::http
