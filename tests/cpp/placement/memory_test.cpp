#include "engine/placement/memory.h"

#include <utility>

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

TEST(MemoryBytes, units_are_decimal_or_binary_and_a_small_b_means_bits) {
  const std::pair<const char*, int64_t> cases[] = {
      {"20GB", 20'000'000'000}, {"20GiB", 20LL << 30},    {"1.5GB", 1'500'000'000},
      {"20gB", 20'000'000'000}, {"20Gb", 2'500'000'000},  {"3MB", 3'000'000},
      {"3MiB", 3LL << 20},      {"3mib", 3LL << 20},      {"7KB", 7'000},
      {"7KiB", 7LL << 10},      {" 5 GB", 5'000'000'000}, {"0GB", 0},
  };
  for (const auto& [text, bytes] : cases) EXPECT_EQ(memory_bytes(text, "key"), bytes) << text;
  EXPECT_EQ(memory_bytes(12345, "key"), 12345);
}

TEST(MemoryBytes, what_is_no_amount_is_an_error_that_names_the_key) {
  for (const Json& size : {Json("20"), Json("1TB"), Json("GB"), Json("-1GB"), Json("x5GB"),
                           Json(1.5), Json(-1), Json(true), Json()}) {
    try {
      memory_bytes(size, "backend.max_memory.0");
      ADD_FAILURE() << size;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("backend.max_memory.0"), std::string::npos);
    }
  }
}

TEST(UserLimits, places_are_filled_in_order_of_gpus_cpu_and_disk) {
  const PlaceLimits limits =
      user_limits({{"disk", "1GB"}, {"cpu", "1GB"}, {"10", 5}, {"2", "1KB"}, {"0", 7}});
  std::string order;
  for (const PlaceLimit& limit : limits) order += limit.place + " ";
  EXPECT_EQ(order, "0 2 10 cpu disk ");
  EXPECT_EQ(limits[1].bytes, 1000);
}

TEST(UserLimits, a_place_that_is_none_is_an_error) {
  EXPECT_THROW(user_limits({{"gpu", "1GB"}}), ConfigError);
  EXPECT_THROW(user_limits({{"-1", "1GB"}}), ConfigError);
}

TEST(FreeLimits, leave_a_tenth_of_the_cpus_memory_to_others) {
  const PlaceLimits limits = free_limits({{0, 100}, {1, 50}}, 1000);
  ASSERT_EQ(limits.size(), 3U);
  EXPECT_EQ(limits[0].bytes, 100);
  EXPECT_EQ(limits[2].place, "cpu");
  EXPECT_DOUBLE_EQ(limits[2].bytes, 900);
}

}  // namespace
}  // namespace aieb::engine
