#include "trace/token_times.h"

#include <cstdint>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

#include "trace/trace_testing.h"

namespace aieb {
namespace {

TEST(TokenTimes, survive_packing_whatever_the_gaps_and_counts) {
  std::mt19937_64 random(test_seed());
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<TokenArrival> arrivals;
    int64_t t = static_cast<int64_t>(random() >> 8);
    const int n = static_cast<int>(random() % 50);
    for (int i = 0; i < n; ++i) {
      t += static_cast<int64_t>(random() >> (16 + random() % 48));
      arrivals.push_back({t, 1 + static_cast<int>(random() % 3)});
    }
    const std::vector<TokenArrival> back = unpack_token_times(pack_token_times(arrivals));
    ASSERT_EQ(back.size(), arrivals.size());
    for (size_t i = 0; i < back.size(); ++i) {
      ASSERT_EQ(back[i].t_ns, arrivals[i].t_ns);
      ASSERT_EQ(back[i].count, arrivals[i].count);
    }
  }
}

TEST(TokenTimes, take_four_bytes_for_a_token_within_134_ms) {
  std::vector<TokenArrival> arrivals;
  for (int i = 0; i < 1000; ++i) arrivals.push_back({1'000'000'000'000 + i * 134'000'000LL, 1});
  EXPECT_LT(pack_token_times(arrivals).size(), 4 * 1000 + 10);
}

TEST(TokenTimes, are_stored_in_time_order) {
  const auto back = unpack_token_times(pack_token_times({{30, 1}, {10, 2}, {20, 1}}));
  ASSERT_EQ(back.size(), 3U);
  EXPECT_EQ(back[0].t_ns, 10);
  EXPECT_EQ(back[0].count, 2);
  EXPECT_EQ(back[2].t_ns, 30);
}

TEST(TokenTimes, damaged_bytes_are_refused) {
  std::string packed = pack_token_times({{1'000'000'000, 1}});
  packed.pop_back();
  EXPECT_THROW(unpack_token_times(packed), std::invalid_argument);
  EXPECT_THROW(unpack_token_times(std::string(11, '\xff')), std::invalid_argument);
}

}  // namespace
}  // namespace aieb
