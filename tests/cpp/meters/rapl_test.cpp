#include "meters/rapl.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "meters/fake_tree.h"

namespace aieb {
namespace {

using test::FakeTree;
using test::OrdinaryUser;
using test::set_energy;
using test::write_zone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kRange = 262143328850ULL;

/// Two sockets with cores and memory, as a Linux server shows them.
void write_two_sockets(const FakeTree& sys) {
  write_zone(sys, "intel-rapl:0", "package-0", 1'000'000);
  write_zone(sys, "intel-rapl:0:0", "core", 5);
  write_zone(sys, "intel-rapl:0:1", "dram", 2'000'000);
  write_zone(sys, "intel-rapl:1", "package-1", 3'000'000);
  write_zone(sys, "intel-rapl:1:0", "uncore", 7);
  write_zone(sys, "intel-rapl:1:1", "dram", 4'000'000);
}

std::vector<std::string> names(const Discovery& discovery) {
  std::vector<std::string> result;
  for (const Domain& domain : discovery.domains) result.push_back(domain.name);
  return result;
}

std::vector<double> read(RaplMeter& meter) {
  std::vector<Sample> samples;
  meter.read(samples);
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.value);
  return values;
}

std::vector<std::string> kinds(RaplMeter& meter) {
  std::vector<std::string> result;
  for (const TraceEvent& event : meter.take_events()) result.push_back(event.kind);
  return result;
}

class Rapl : public ::testing::Test {
 protected:
  FakeTree sys;
  FakeTree proc;
  RaplMeter meter{sys.root(), proc.root()};
};

TEST_F(Rapl, packages_and_memory_are_domains_and_their_parts_are_not) {
  write_two_sockets(sys);
  const Discovery found = meter.discover();
  EXPECT_THAT(names(found), ElementsAre("package-0", "dram-0", "package-1", "dram-1"));
  EXPECT_TRUE(found.missing.empty());
  EXPECT_EQ(found.domains[3].component, Component::kDram);
  EXPECT_EQ(found.domains[3].index, 1);
  EXPECT_EQ(found.domains[3].id, 3);
  EXPECT_EQ(found.domains[0].unit, "J");
}

TEST_F(Rapl, subzones_are_found_nested_and_flat_but_only_once) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:0/intel-rapl:0:0", "dram", 1);
  write_zone(sys, "intel-rapl:0:0", "dram", 1);
  write_zone(sys, "intel-rapl/intel-rapl:0", "package-0", 1);
  EXPECT_THAT(names(meter.discover()), ElementsAre("package-0", "dram-0"));
}

TEST_F(Rapl, a_package_seen_through_msr_and_mmio_counts_once) {
  write_zone(sys, "intel-rapl-mmio:0", "package-0", 500);
  write_zone(sys, "intel-rapl:0", "package-0", 500);
  ASSERT_THAT(names(meter.discover()), ElementsAre("package-0"));
  read(meter);
  set_energy(sys, "intel-rapl:0", 1'000'500);
  EXPECT_THAT(read(meter), ElementsAre(1.0));
}

TEST_F(Rapl, mmio_is_used_when_the_msr_zone_cannot_be_read) {
  write_zone(sys, "intel-rapl-mmio:0", "package-0", 500);
  write_zone(sys, "intel-rapl:0", "package-0", 500);
  sys.write("class/powercap/intel-rapl:0/energy_uj", "");
  EXPECT_THAT(names(meter.discover()), ElementsAre("package-0"));
}

TEST_F(Rapl, platform_energy_is_a_node_domain) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:1", "psys", 1);
  const Discovery found = meter.discover();
  ASSERT_THAT(names(found), ElementsAre("package-0", "psys"));
  EXPECT_EQ(found.domains[1].component, Component::kNode);
}

TEST_F(Rapl, reads_joules_since_the_first_reading) {
  write_two_sockets(sys);
  meter.discover();
  EXPECT_THAT(read(meter), ElementsAre(0, 0, 0, 0));
  set_energy(sys, "intel-rapl:0", 3'500'000);
  set_energy(sys, "intel-rapl:1:1", 4'250'000);
  EXPECT_THAT(read(meter), ElementsAre(2.5, 0, 0, 0.25));
}

TEST_F(Rapl, stays_monotone_over_wraps_and_reports_them) {
  write_zone(sys, "intel-rapl:0", "package-0", kRange - 20'000'000, kRange);
  meter.discover();
  read(meter);
  set_energy(sys, "intel-rapl:0", 30'000'000);
  EXPECT_THAT(read(meter), ElementsAre(::testing::DoubleNear(50, 1e-9)));
  EXPECT_THAT(kinds(meter), ElementsAre("counter_wrap"));
}

TEST_F(Rapl, a_failed_read_appends_nothing_and_is_reported_once) {
  write_two_sockets(sys);
  meter.discover();
  read(meter);
  sys.write("class/powercap/intel-rapl:0/energy_uj", "");
  EXPECT_EQ(read(meter).size(), 3);
  EXPECT_EQ(read(meter).size(), 3);
  EXPECT_THAT(kinds(meter), ElementsAre("sensor_error"));
  set_energy(sys, "intel-rapl:0", 2'000'000);
  EXPECT_THAT(read(meter), ElementsAre(1.0, 0, 0, 0));
  EXPECT_THAT(kinds(meter), ElementsAre("sensor_recovered"));
}

TEST_F(Rapl, a_zone_that_is_unplugged_appends_nothing) {
  write_two_sockets(sys);
  meter.discover();
  read(meter);
  sys.remove("class/powercap/intel-rapl:1");
  sys.remove("class/powercap/intel-rapl:1:1");
  EXPECT_EQ(read(meter).size(), 2);
}

TEST_F(Rapl, permission_lost_during_a_run_appends_nothing) {
  write_two_sockets(sys);
  meter.discover();
  read(meter);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  const OrdinaryUser user;
  EXPECT_EQ(read(meter).size(), 3);
  const std::vector<TraceEvent> events = meter.take_events();
  ASSERT_EQ(events.size(), 1);
  EXPECT_EQ(events[0].data["error"], "Permission denied");
}

TEST_F(Rapl, without_permission_the_fix_is_the_exact_command) {
  write_two_sockets(sys);
  for (const char* id : {"0", "0:1", "1", "1:1"}) {
    sys.forbid("class/powercap/intel-rapl:" + std::string(id) + "/energy_uj");
  }
  const OrdinaryUser user;
  const Discovery found = meter.discover();
  EXPECT_TRUE(found.domains.empty());
  ASSERT_EQ(found.missing.size(), 4);
  EXPECT_THAT(found.missing[0].reason, HasSubstr("Permission denied"));
  EXPECT_THAT(found.missing[0].fix,
              HasSubstr("sudo chmod a+r /sys/class/powercap/intel-rapl*:*/energy_uj"));
  EXPECT_THAT(found.missing[0].fix, HasSubstr("/etc/udev/rules.d/"));
}

TEST_F(Rapl, memory_without_a_zone_is_missing_with_the_reason) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  const Discovery found = meter.discover();
  ASSERT_EQ(found.missing.size(), 1);
  EXPECT_EQ(found.missing[0].component, Component::kDram);
  EXPECT_THAT(found.missing[0].reason, HasSubstr("no dram zone"));
}

TEST_F(Rapl, a_virtual_machine_is_told_that_its_host_passes_nothing_on) {
  proc.write("cpuinfo", "processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n");
  const Discovery found = meter.discover();
  ASSERT_EQ(found.missing.size(), 2);
  EXPECT_THAT(found.missing[0].reason, HasSubstr("virtual machine"));
}

TEST_F(Rapl, a_real_machine_without_zones_is_told_which_module_to_load) {
  proc.write("cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lahf_lm\n");
  const Discovery found = meter.discover();
  ASSERT_EQ(found.missing.size(), 2);
  EXPECT_EQ(found.missing[0].fix, "sudo modprobe intel_rapl_msr");
}

TEST_F(Rapl, a_container_that_hides_the_zones_is_recognised) {
  std::filesystem::create_directories(sys.path("class/powercap"));
  std::filesystem::create_symlink("../../nowhere", sys.path("class/powercap/intel-rapl:0"));
  const Discovery found = meter.discover();
  ASSERT_EQ(found.missing.size(), 2);
  EXPECT_THAT(found.missing[0].reason, HasSubstr("container"));
}

}  // namespace
}  // namespace aieb
