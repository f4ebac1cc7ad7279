#include <random>

#include <gtest/gtest.h>

#include "analysis/test_seed.h"
#include "exporters/clock_offset.h"
#include "exporters/gpu_choice.h"

namespace aieb::exporters {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;

TEST(ClockOffset, always_holds_the_true_difference_and_narrows) {
  std::mt19937_64 random(test_seed());
  std::uniform_int_distribution<int64_t> trip(1 * kMs, 40 * kMs);
  const int64_t truth =
      std::uniform_int_distribution<int64_t>(-kSecond, kSecond)(random) + 1'700'000'000 * kSecond;
  ClockOffset offset;
  int64_t now = 5 * kSecond;
  int64_t first_width = 0;
  for (int i = 0; i < 400; ++i) {
    const int64_t sent = now;
    const int64_t read = sent + trip(random);
    const int64_t received = read + trip(random);
    const int64_t shown = (read + truth) / kSecond * kSecond;  // a Date header
    EXPECT_TRUE(offset.add(sent, received, shown, shown + kSecond));
    const auto estimate = *offset.estimate();
    EXPECT_LE(std::abs(estimate.offset_ns - truth), estimate.half_width_ns);
    if (i == 0) first_width = estimate.half_width_ns;
    now = received + 100 * kMs;
  }
  EXPECT_GE(first_width, kSecond / 2);
  EXPECT_LT(offset.estimate()->half_width_ns, 120 * kMs) << "seconds that begin show their time";
}

TEST(ClockOffset, tells_that_the_other_clock_was_set) {
  ClockOffset offset;
  EXPECT_TRUE(offset.add(0, 10 * kMs, 100 * kSecond, 100 * kSecond + kMs));
  EXPECT_TRUE(offset.add(kSecond, kSecond + 10 * kMs, 101 * kSecond, 101 * kSecond + kMs));
  EXPECT_FALSE(offset.add(2 * kSecond, 2 * kSecond + 10 * kMs, 205 * kSecond, 205 * kSecond + kMs));
  EXPECT_NEAR(static_cast<double>(offset.estimate()->offset_ns), 203e9, 20e6);
}

Device gpu(const std::string& index, const std::string& uuid) {
  Device device;
  device.key = uuid + "\n";
  device.gpu = index;
  device.uuid = uuid;
  device.model = "NVIDIA H100";
  return device;
}

const std::vector<Device> kTwo = {gpu("0", "GPU-a"), gpu("1", "GPU-b")};

SourceSpec named(std::vector<std::string> gpus) {
  SourceSpec spec;
  spec.name = "dcgm";
  spec.gpus = std::move(gpus);
  return spec;
}

TEST(GpuChoice, takes_all_and_says_so_when_nothing_is_known) {
  const GpuChoice choice = choose(kTwo, named({}), {});
  EXPECT_TRUE(choice.left_out.empty());
  EXPECT_TRUE(choice.problem.empty());
  EXPECT_NE(choice.notice.find("2 GPUs"), std::string::npos) << choice.notice;
  EXPECT_TRUE(choose({kTwo[0]}, named({}), {}).notice.empty()) << "one GPU needs no words";
}

TEST(GpuChoice, takes_those_that_are_named_by_index_or_uuid) {
  EXPECT_EQ(choose(kTwo, named({"1"}), {}).left_out, std::vector<std::string>{"GPU-a\n"});
  EXPECT_EQ(choose(kTwo, named({"GPU-a"}), {}).left_out, std::vector<std::string>{"GPU-b\n"});
}

TEST(GpuChoice, takes_those_that_the_server_computes_on) {
  const GpuChoice choice = choose(kTwo, named({}), {"GPU-b"});
  EXPECT_EQ(choice.left_out, std::vector<std::string>{"GPU-a\n"});
  EXPECT_TRUE(choice.problem.empty());
}

TEST(GpuChoice, refuses_counters_of_other_gpus) {
  for (const auto& [gpus, server] :
       std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{
           {{}, {"GPU-z"}},         // another host's exporter
           {{"GPU-a"}, {"GPU-b"}},  // the settings contradict the driver
           {{"7"}, {}},             // no such GPU
       }) {
    const GpuChoice choice = choose(kTwo, named(gpus), server);
    EXPECT_EQ(choice.left_out.size(), 2U);
    EXPECT_NE(choice.problem.find("GPU-a"), std::string::npos) << choice.problem;
    EXPECT_FALSE(choice.fix.empty());
  }
}

}  // namespace
}  // namespace aieb::exporters
