#include "engine/placement/shortage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kGib = int64_t{1} << 30;

/// 14 GiB of weights and 4 GiB of cache of 8 sequences on a GPU where 10 GiB are free.
Shortage seven_billion() {
  Shortage s;
  s.place = "0";
  s.weights = 14 * kGib;
  s.cache = 4 * kGib;
  s.batch = 8;
  s.positions = 2048;
  s.free = 10 * kGib;
  s.parameters = 7'000'000'000;
  s.smaller = {{"backend.load_in_8bit: true", 0.5, true},
               {"backend.load_in_4bit: true", 0.3, true}};
  return s;
}

TEST(Shortage, says_how_much_was_needed_where_for_what_and_how_much_there_is) {
  EXPECT_THAT(shortage_text(seven_billion()),
              AllOf(HasSubstr("out of memory on GPU 0: 18.0 GiB are needed"),
                    HasSubstr("14.0 GiB for weights"),
                    HasSubstr("4.00 GiB for the keys and values of 8 sequences of 2048 tokens"),
                    HasSubstr("10.0 GiB are free")));
}

TEST(Shortage, names_only_the_quantisation_with_which_it_would_fit) {
  // 7 + 4 GiB are too much, 4.2 + 4 are not.
  EXPECT_THAT(shortage_text(seven_billion()),
              AllOf(HasSubstr("backend.load_in_4bit: true (weights of 4.20 GiB)"),
                    Not(HasSubstr("load_in_8bit"))));
}

TEST(Shortage, names_the_batch_and_the_length_that_fit_where_the_weights_do) {
  Shortage s = seven_billion();
  s.free = 15 * kGib + kGib / 4;  // 1.25 of the cache's 4 GiB
  EXPECT_THAT(shortage_text(s),
              AllOf(HasSubstr("scenario.batch_size: 2"), HasSubstr("at most 640 tokens")));
  s.free = 13 * kGib;
  EXPECT_THAT(shortage_text(s), Not(HasSubstr("batch_size"))) << "the weights alone are too large";
}

TEST(Shortage, counts_loaded_weights_as_memory_that_other_weights_could_have) {
  Shortage s = seven_billion();
  s.loaded = true;
  s.free = kGib;
  EXPECT_THAT(shortage_text(s),
              AllOf(HasSubstr("4.00 GiB are needed"), HasSubstr("1.00 GiB are free"),
                    HasSubstr("beside weights of 14.0 GiB"), HasSubstr("scenario.batch_size: 2"),
                    HasSubstr("load_in_8bit")));
}

TEST(Shortage, names_other_devices_if_all_together_hold_the_model) {
  Shortage s = seven_billion();
  s.elsewhere = {{"1", 9.0 * kGib}};
  EXPECT_THAT(shortage_text(s), HasSubstr("backend.device_map: auto (GPU 1 has 9.00 GiB free"));
  s.elsewhere = {{"1", 2.0 * kGib}, {"cpu", 3.0 * kGib}};
  EXPECT_THAT(shortage_text(s),
              AllOf(Not(HasSubstr("GPU 1 has")), HasSubstr("read from disk for every token")));
}

TEST(Shortage, says_how_large_a_model_would_fit) {
  // 10 - 4 GiB of 14 GiB.
  EXPECT_THAT(shortage_text(seven_billion()), HasSubstr("at most 3.00 billion parameters"));
}

TEST(Shortage, is_an_error_of_the_machine) {
  const OutOfMemory error(seven_billion());
  EXPECT_EQ(error.exit_code(), ExitCode::kEnvironment);
  EXPECT_EQ(error.shortage().needed(), 18 * kGib);
}

}  // namespace
}  // namespace aieb::engine
