#include "meters/hwmon.h"

#include <gmock/gmock.h>

#include "meters/discover.h"
#include "meters/fake_nvml.h"
#include "meters/fake_tree.h"
#include "meters/meter_reading.h"

namespace aieb {
namespace {

using test::FakeTree;
using test::kinds;
using test::names;
using test::NoNvml;
using test::OrdinaryUser;
using test::read;
using test::write_zone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::set<Component> kAll{Component::kCpu, Component::kDram, Component::kNode};

/// The energy counters of a machine with two sockets of AMD, as their driver shows them.
void write_amd_energy(const FakeTree& sys) {
  const std::string device = "class/hwmon/hwmon4/";
  sys.write(device + "name", "amd_energy\n");
  sys.write(device + "energy1_label", "Ecore000\n");
  sys.write(device + "energy1_input", "111\n");
  sys.write(device + "energy2_label", "Esocket0\n");
  sys.write(device + "energy2_input", "5000000\n");
  sys.write(device + "energy3_label", "Esocket1\n");
  sys.write(device + "energy3_input", "7000000\n");
}

void write_acpi(const FakeTree& sys, int number, const std::string& label, double watts) {
  const std::string device = "class/hwmon/hwmon" + std::to_string(number) + "/";
  sys.write(device + "name", "power_meter\n");
  sys.write(device + "device/power1_average",
            std::to_string(static_cast<uint64_t>(watts * 1e6)) + "\n");
  sys.write(device + "device/power1_average_interval", "50\n");
  if (!label.empty()) sys.write(device + "device/power1_oem_info", label + "\n");
}

/// A Grace socket with its GPU: 500 W of module, of which 100 W CPU side.
void write_grace(const FakeTree& sys, int socket) {
  const std::string of = " Power Socket " + std::to_string(socket);
  write_acpi(sys, 10 * socket + 1, "Module" + of, 500);
  write_acpi(sys, 10 * socket + 2, "Grace" + of, 100);
  write_acpi(sys, 10 * socket + 3, "CPU" + of, 45.5);
  write_acpi(sys, 10 * socket + 4, "SysIO" + of, 12.5);
}

std::vector<double> values(Meter& meter) {
  std::vector<double> out;
  for (const Sample& sample : read(meter)) out.push_back(sample.value);
  return out;
}

TEST(Hwmon, amds_driver_gives_a_counter_for_each_socket_and_cores_are_part_of_it) {
  const FakeTree sys;
  write_amd_energy(sys);
  HwmonMeter meter(sys.root(), kAll);
  EXPECT_THAT(names(meter.discover()), ElementsAre("socket-0", "socket-1"));
  EXPECT_EQ(meter.discover().domains[1].index, 1);
  EXPECT_EQ(meter.discover().domains[1].kind, DomainKind::kCounter);
  EXPECT_THAT(values(meter), ElementsAre(0, 0));
  sys.write("class/hwmon/hwmon4/energy3_input", "9500000\n");
  EXPECT_THAT(values(meter), ElementsAre(0, 2.5));
}

TEST(Hwmon, a_counter_that_its_driver_began_anew_is_a_reset) {
  const FakeTree sys;
  write_amd_energy(sys);
  HwmonMeter meter(sys.root(), kAll);
  meter.discover();
  read(meter);
  sys.write("class/hwmon/hwmon4/energy2_input", "12\n");
  EXPECT_THAT(values(meter), ElementsAre(0, 0));
  EXPECT_THAT(kinds(meter), ElementsAre("counter_reset"));
}

TEST(Hwmon, a_socket_with_counter_and_power_is_measured_once_by_the_counter) {
  const FakeTree sys;
  write_amd_energy(sys);
  for (const std::string device : {"class/hwmon/hwmon7/", "class/hwmon/hwmon8/"}) {
    sys.write(device + "name", "amd_hsmp_hwmon\n");
    sys.write(device + "power1_input", "180000000\n");
  }
  HwmonMeter both(sys.root(), kAll);
  EXPECT_THAT(names(both.discover()), ElementsAre("socket-0", "socket-1"));
  EXPECT_EQ(both.discover().domains[0].unit, "J");
  sys.remove("class/hwmon/hwmon4");
  HwmonMeter power(sys.root(), kAll);
  EXPECT_THAT(names(power.discover()), ElementsAre("socket-0", "socket-1"));
  EXPECT_THAT(values(power), ElementsAre(180, 180));
}

TEST(Hwmon, graces_rails_memory_and_module_add_up_without_counting_anything_twice) {
  const FakeTree sys;
  write_grace(sys, 0);
  write_grace(sys, 1);
  HwmonMeter meter(sys.root(), kAll);
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("socket-0", "socket-1", "dram-0", "dram-1", "module-0", "module-1"));
  EXPECT_THAT(values(meter), ElementsAre(58, 58, 42, 42, 500, 500));
  const Domain& cpu = meter.discover().domains[0];
  EXPECT_EQ(cpu.averaging_ns, 50'000'000);
  EXPECT_EQ(cpu.update_period_ns, 50'000'000);
  EXPECT_EQ(meter.discover().domains[2].component, Component::kDram);
  EXPECT_THAT(meter.discover().domains[2].note, HasSubstr("memory and conversion losses"));
  EXPECT_EQ(meter.discover().domains[4].component, Component::kNode);
  EXPECT_FALSE(meter.memory_in_cpu());
}

TEST(Hwmon, a_failed_rail_leaves_a_gap_in_all_that_need_it) {
  const FakeTree sys;
  write_grace(sys, 0);
  HwmonMeter meter(sys.root(), kAll);
  meter.discover();
  sys.remove("class/hwmon/hwmon3/device/power1_average");
  EXPECT_THAT(values(meter), ElementsAre(500));
  EXPECT_THAT(kinds(meter), ElementsAre("sensor_error", "sensor_error"));
}

TEST(Hwmon, an_acpi_meter_without_label_is_the_whole_machine) {
  const FakeTree sys;
  write_acpi(sys, 0, "", 812);
  HwmonMeter meter(sys.root(), kAll);
  EXPECT_THAT(names(meter.discover()), ElementsAre("platform-0"));
  EXPECT_EQ(meter.discover().domains[0].component, Component::kNode);
  EXPECT_THAT(values(meter), ElementsAre(812));
}

TEST(Hwmon, other_devices_are_left_alone) {
  const FakeTree sys;
  sys.write("class/hwmon/hwmon0/name", "nvme\n");
  sys.write("class/hwmon/hwmon0/power1_input", "5000000\n");
  sys.write("class/hwmon/hwmon1/name", "amdgpu\n");
  sys.write("class/hwmon/hwmon1/power1_average", "50000000\n");
  HwmonMeter meter(sys.root(), kAll);
  EXPECT_THAT(meter.discover().domains, IsEmpty());
  EXPECT_THAT(meter.discover().missing, IsEmpty());
}

class DiscoverHwmon : public ::testing::Test {
 protected:
  DiscoverHwmon() {
    proc.write("cpuinfo", "processor\t: 0\nmodel name\t: x\nflags\t\t: fpu\n");
    proc.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    proc.write("meminfo", "MemTotal: 16000000 kB\n");
    options.sys_root = sys.root();
    options.proc_root = proc.root();
  }
  [[nodiscard]] std::vector<std::string> domains() const {
    std::vector<std::string> out;
    for (const auto& meter : discover_meters(options).meters) {
      for (const Domain& d : meter->discover().domains) out.push_back(d.meter + "/" + d.name);
    }
    return out;
  }
  NoNvml none;
  FakeTree sys;
  FakeTree proc;
  MeterOptions options;
};

TEST_F(DiscoverHwmon, rapl_is_preferred_and_hwmon_adds_nothing_to_it) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_amd_energy(sys);
  EXPECT_THAT(domains(), UnorderedElementsAre("rapl/package-0", "estimate/ram"));
}

TEST_F(DiscoverHwmon, takes_the_place_of_a_rapl_that_may_not_be_read) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  write_amd_energy(sys);
  const OrdinaryUser user;
  EXPECT_THAT(domains(), UnorderedElementsAre("hwmon/socket-0", "hwmon/socket-1", "estimate/ram"));
}

TEST_F(DiscoverHwmon, a_grace_machine_needs_no_estimate) {
  write_grace(sys, 0);
  EXPECT_THAT(domains(), UnorderedElementsAre("hwmon/socket-0", "hwmon/dram-0", "hwmon/module-0"));
  EXPECT_THAT(discover_meters(options).missing, IsEmpty());
}

TEST_F(DiscoverHwmon, memory_inside_the_cpus_sensor_is_not_estimated_on_top) {
  write_acpi(sys, 2, "Grace Power Socket 0", 100);
  EXPECT_THAT(domains(), UnorderedElementsAre("hwmon/socket-0"));
  const MeterSet set = discover_meters(options);
  ASSERT_EQ(set.missing.size(), 1);
  EXPECT_EQ(set.missing[0].component, Component::kDram);
  EXPECT_THAT(set.missing[0].reason, HasSubstr("part of the CPU"));
}

TEST_F(DiscoverHwmon, the_platform_of_rapl_and_the_acpi_meter_are_not_added) {
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  write_zone(sys, "intel-rapl:1", "psys", 1);
  write_acpi(sys, 0, "", 812);
  EXPECT_THAT(domains(), UnorderedElementsAre("rapl/package-0", "rapl/psys", "estimate/ram"));
}

TEST_F(DiscoverHwmon, a_file_that_may_not_be_read_names_the_command_for_it) {
  write_amd_energy(sys);
  sys.forbid("class/hwmon/hwmon4/energy2_input");
  sys.forbid("class/hwmon/hwmon4/energy3_input");
  const OrdinaryUser user;
  const MeterSet set = discover_meters(options);
  const Discovery estimate = set.meters.at(0)->discover();
  EXPECT_THAT(estimate.domains.at(0).note,
              HasSubstr("sudo chmod a+r " + sys.path("class/hwmon/hwmon4/energy2_input")));
}

}  // namespace
}  // namespace aieb
