#include "meters/self_check.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include <gmock/gmock.h>

#include "meters/fake_amdsmi.h"
#include "meters/fake_nvml.h"
#include "meters/observation.h"

namespace aieb {
namespace {

using test::FakeNvml;
using test::FakeTree;
using test::NoNvml;
using test::OrdinaryUser;
using test::set_energy;
using test::write_zone;
using ::testing::HasSubstr;

Observation observation(DomainKind kind, const std::vector<std::pair<double, double>>& points) {
  Observation o;
  o.domain.kind = kind;
  for (const auto& [t_s, value] : points) {
    o.samples.push_back({0, static_cast<int64_t>(t_s * 1e9), value});
  }
  return o;
}

TEST(Observation, a_counter_is_judged_between_its_steps) {
  std::vector<std::pair<double, double>> points;
  for (int ms = 0; ms < 1000; ms += 10) points.emplace_back(ms / 1e3, 30.0 * (ms / 100));
  const Observation o = observation(DomainKind::kCounter, points);
  EXPECT_NEAR(o.mean_power_w().value(), 300, 1e-6);
  EXPECT_NEAR(o.update_period_s().value(), 0.1, 1e-6);
  EXPECT_FALSE(o.stuck());
}

TEST(Observation, a_counter_that_never_moves_is_stuck_and_has_no_power) {
  const Observation o = observation(DomainKind::kCounter, {{0, 5}, {1, 5}, {2, 5}});
  EXPECT_TRUE(o.stuck());
  EXPECT_FALSE(o.mean_power_w().has_value());
}

TEST(Observation, a_gauge_is_integrated) {
  const Observation o = observation(DomainKind::kGauge, {{0, 100}, {1, 200}, {3, 200}});
  EXPECT_NEAR(o.mean_power_w().value(), (150 + 400) / 3.0, 1e-9);
  EXPECT_FALSE(o.stuck());
}

class SelfCheck : public ::testing::Test {
 protected:
  SelfCheck() {
    proc.write("cpuinfo", "processor\t: 0\nmodel name\t: x\nflags\t\t: fpu\n");
    proc.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    proc.write("meminfo", "MemTotal: 16000000 kB\n");
    options.sys_root = sys.root();
    options.proc_root = proc.root();
    options.all_gpus = true;
  }
  [[nodiscard]] Check check(const std::string& what, int64_t watch_ns = 300'000'000) const {
    for (const Check& found : check_sensors(options, watch_ns)) {
      if (found.what == what) return found;
    }
    return {what, Check::fail, "there is no such check", ""};
  }
  FakeTree sys;
  FakeTree proc;
  MeterOptions options;
};

TEST_F(SelfCheck, a_gpu_whose_counter_and_power_agree_is_fine) {
  const FakeNvml fake("gpu 0 name NVIDIA H100\ngpu 0 power 0 300\n");
  const Check gpu = check("GPU 0 energy", 1'200'000'000);
  EXPECT_EQ(gpu.state, Check::ok) << gpu.detail;
  EXPECT_THAT(gpu.detail, testing::ContainsRegex("NVIDIA H100: counter (29|30)[0-9]"));
  EXPECT_THAT(gpu.detail, HasSubstr("new value every "));
  EXPECT_THAT(gpu.detail, HasSubstr("power 300.0 W"));
}

TEST_F(SelfCheck, a_counter_that_does_not_move_fails) {
  const FakeNvml fake("gpu 0 power 0 300\ngpu 0 period 100000\n");
  const Check gpu = check("GPU 0 energy");
  EXPECT_EQ(gpu.state, Check::fail);
  EXPECT_THAT(gpu.detail, HasSubstr("does not move"));
}

TEST_F(SelfCheck, an_old_driver_fails_with_what_to_install) {
  const FakeNvml fake("driver 550.1\ngpus 1\n");
  const Check driver = check("NVIDIA driver");
  EXPECT_EQ(driver.state, Check::fail);
  EXPECT_THAT(driver.detail, HasSubstr("install driver 580"));
}

TEST_F(SelfCheck, rapl_without_permission_fails_with_the_command) {
  const NoNvml none;
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  const OrdinaryUser user;
  const Check cpu = check("CPU energy");
  EXPECT_EQ(cpu.state, Check::fail);
  EXPECT_THAT(cpu.detail, HasSubstr("estimated, ±150 %"));
  EXPECT_THAT(cpu.detail, HasSubstr("Permission denied"));
  EXPECT_THAT(cpu.fix, HasSubstr("sudo chmod a+r"));
}

TEST_F(SelfCheck, moving_rapl_counters_are_fine_and_stuck_ones_fail) {
  const NoNvml none;
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:0:0", "dram", 1);
  std::atomic<bool> done = false;
  std::thread ticking([&] {
    for (uint64_t uj = 1; !done; uj += 500'000) {
      set_energy(sys, "intel-rapl:0", uj);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const std::vector<Check> checks = check_sensors(options, 300'000'000);
  done = true;
  ticking.join();
  ASSERT_EQ(checks.size(), 4);
  EXPECT_EQ(checks[0].detail, "this machine has no NVIDIA GPU");
  EXPECT_EQ(checks[1].state, Check::ok) << checks[1].detail;
  EXPECT_THAT(checks[1].detail, HasSubstr("RAPL package-0: "));
  EXPECT_EQ(checks[2].state, Check::fail);
  EXPECT_THAT(checks[2].detail, HasSubstr("does not move"));
}

TEST_F(SelfCheck, a_sensor_in_place_of_a_powercap_that_is_refused_is_fine) {
  const NoNvml none;
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  sys.write("class/hwmon/hwmon0/name", "amd_hsmp_hwmon\n");
  sys.write("class/hwmon/hwmon0/power1_input", "95000000\n");
  const OrdinaryUser user;
  const Check cpu = check("CPU energy");
  EXPECT_EQ(cpu.state, Check::ok) << cpu.detail;
  EXPECT_THAT(cpu.detail, HasSubstr("hwmon socket-0: 95.0 W"));
}

TEST_F(SelfCheck, a_node_sensor_that_says_less_than_its_cpu_is_suspect) {
  const NoNvml none;
  sys.write("class/hwmon/hwmon0/name", "amd_hsmp_hwmon\n");
  sys.write("class/hwmon/hwmon0/power1_input", "195000000\n");
  sys.write("class/hwmon/hwmon1/name", "power_meter\n");
  sys.write("class/hwmon/hwmon1/device/power1_average", "90000000\n");
  sys.write("class/hwmon/hwmon1/device/power1_average_interval", "1000\n");
  const Check node = check("node energy");
  EXPECT_EQ(node.state, Check::warn);
  EXPECT_THAT(node.detail, HasSubstr("90.0 W, a mean over 1000 ms"));
  EXPECT_THAT(node.detail, HasSubstr("less than the 195.0 W of the CPU alone"));
}

TEST_F(SelfCheck, an_amd_gpu_is_checked_like_any_other) {
  const NoNvml none;
  const test::FakeAmdSmi fake(
      "gpus 2\ngpu 0 name AMD Instinct MI300X\ngpu 0 power 0 300\n"
      "gpu 0 period 0\ngpu 1 power 0 90\ngpu 1 period 1e8\n");
  const std::vector<Check> checks = check_sensors(options, 400'000'000);
  const auto of = [&](const std::string& what) {
    const auto it =
        std::find_if(checks.begin(), checks.end(), [&](const Check& c) { return c.what == what; });
    return it == checks.end() ? Check{what, Check::fail, "no such check", ""} : *it;
  };
  EXPECT_EQ(of("AMD driver").detail, "amdsmi 26.5.1, 2 GPU(s)");
  EXPECT_EQ(of("GPU 0 energy").state, Check::ok) << of("GPU 0 energy").detail;
  EXPECT_THAT(of("GPU 0 energy").detail, HasSubstr("AMD Instinct MI300X: counter "));
  EXPECT_THAT(of("GPU 1 energy").detail, HasSubstr("no energy counter, power is integrated"));
  EXPECT_THAT(of("amdsmi").detail, HasSubstr("does not move"));
}

TEST_F(SelfCheck, a_counter_that_is_reset_while_it_is_watched_is_told) {
  const FakeNvml fake("gpu 0 power 0 300\ngpu 0 period 10\ngpu 0 reset 0.2\n");
  const Check counter = check("gpu0/energy", 400'000'000);
  EXPECT_EQ(counter.state, Check::warn);
  EXPECT_THAT(counter.detail, HasSubstr("began anew"));
}

TEST_F(SelfCheck, traffic_that_may_not_be_read_comes_with_the_command) {
  const NoNvml none;
  const std::string pmu = "bus/event_source/devices/uncore_imc_0/";
  sys.write(pmu + "type", "30\n");
  sys.write(pmu + "cpumask", "0\n");
  sys.write(pmu + "events/cas_count_read", "event=0x04,umask=0x03\n");
  proc.write("net/dev", "lo: 1 0 0 0 0 0 0 0 1\neth0: 1 0 0 0 0 0 0 0 1\n");
  options.perf.open = [](uint32_t, uint64_t, int) { return -EACCES; };
  const Check traffic = check("network, disk, memory");
  EXPECT_EQ(traffic.state, Check::warn);
  EXPECT_THAT(traffic.detail, HasSubstr("network/received, network/sent"));
  EXPECT_THAT(traffic.detail, HasSubstr("no disk: "));
  EXPECT_THAT(traffic.fix, HasSubstr("cap_perfmon"));
}

}  // namespace
}  // namespace aieb
