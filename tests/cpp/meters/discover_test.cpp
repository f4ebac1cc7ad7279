#include "meters/discover.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "meters/fake_nvml.h"

namespace aieb {
namespace {

using test::FakeNvml;
using test::FakeTree;
using test::NoNvml;
using test::OrdinaryUser;
using test::write_zone;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Discover : public ::testing::Test {
 protected:
  Discover() {
    proc.write("cpuinfo", "processor\t: 0\nmodel name\t: x\nflags\t\t: fpu\n");
    proc.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    proc.write("meminfo", "MemTotal: 16000000 kB\n");
    options.sys_root = sys.root();
    options.proc_root = proc.root();
  }

  /// "meter/name" of every domain.
  static std::vector<std::string> domains(const MeterSet& set) {
    std::vector<std::string> names;
    for (const auto& meter : set.meters) {
      for (const Domain& domain : meter->discover().domains) {
        names.push_back(domain.meter + "/" + domain.name);
      }
    }
    return names;
  }

  FakeTree sys;
  FakeTree proc;
  MeterOptions options;
};

TEST_F(Discover, prefers_counters_to_estimates) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:0:0", "dram", 1);
  const MeterSet set = discover_meters(options);
  EXPECT_THAT(domains(set), UnorderedElementsAre("rapl/package-0", "rapl/dram-0"));
  EXPECT_THAT(set.missing, IsEmpty());
}

TEST_F(Discover, estimates_what_has_no_counter_and_says_why) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  const MeterSet set = discover_meters(options);
  EXPECT_THAT(domains(set), UnorderedElementsAre("rapl/package-0", "estimate/ram"));
  EXPECT_THAT(set.meters.at(1)->discover().domains.at(0).note, HasSubstr("no dram zone"));
  EXPECT_THAT(set.missing, IsEmpty());
}

TEST_F(Discover, an_estimate_for_lack_of_permission_carries_the_command_that_helps) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  const OrdinaryUser user;
  const MeterSet set = discover_meters(options);
  EXPECT_THAT(domains(set), UnorderedElementsAre("estimate/cpu", "estimate/ram"));
  EXPECT_THAT(set.meters.at(0)->discover().domains.at(0).note, HasSubstr("sudo chmod a+r"));
}

TEST_F(Discover, a_socket_that_cannot_be_read_beside_one_that_can_is_missing) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:1", "package-1", 1);
  sys.write("class/powercap/intel-rapl:1/energy_uj", "");
  const MeterSet set = discover_meters(options);
  ASSERT_EQ(set.missing.size(), 1);
  EXPECT_EQ(set.missing[0].component, Component::kCpu);
  EXPECT_THAT(set.missing[0].reason, HasSubstr("package-1"));
}

TEST_F(Discover, measures_exactly_the_gpus_that_the_run_uses) {
  const FakeNvml fake("gpus 4\n");
  options.gpu_indices = {2};
  const auto names = domains(discover_meters(options));
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"nvml/gpu2/energy", "nvml/gpu2/power", "nvml/gpu2/temperature"}));
  const auto of_others = std::count_if(names.begin(), names.end(), [](const std::string& name) {
    return name.rfind("nvml/", 0) == 0 && name.rfind("nvml/gpu2/", 0) != 0;
  });
  EXPECT_EQ(of_others, 0);
}

TEST_F(Discover, a_gpu_without_energy_and_power_is_missing) {
  const FakeNvml fake("gpus 1\ngpu 0 no_counter\ngpu 0 no_fields\ngpu 0 fail power 0 3\n");
  options.all_gpus = true;
  const MeterSet set = discover_meters(options);
  ASSERT_EQ(set.missing.size(), 1);
  EXPECT_EQ(set.missing[0].component, Component::kGpu);
  EXPECT_THAT(set.missing[0].reason, HasSubstr("neither energy nor power"));
}

TEST_F(Discover, a_machine_without_gpu_misses_none) {
  const NoNvml none;
  options.all_gpus = true;
  EXPECT_THAT(discover_meters(options).missing, IsEmpty());
  options.gpu_indices = {0};
  ASSERT_EQ(discover_meters(options).missing.size(), 1);
}

TEST_F(Discover, nothing_here_is_measured_for_a_server_elsewhere) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  const FakeNvml fake("gpus 1\n");
  options.all_gpus = true;
  options.local = false;
  options.remote_reason = "10.0.0.5 is not an address of this machine";
  const MeterSet set = discover_meters(options);
  EXPECT_THAT(set.meters, IsEmpty());
  ASSERT_EQ(set.missing.size(), 3);
  for (const MissingComponent& missing : set.missing) {
    EXPECT_EQ(missing.reason, options.remote_reason);
    EXPECT_THAT(missing.fix, HasSubstr("run aieb"));
  }
}

}  // namespace
}  // namespace aieb
