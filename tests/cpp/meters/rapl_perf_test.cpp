#include "meters/rapl_perf.h"

#include <cerrno>
#include <map>

#include <gmock/gmock.h>

#include "meters/discover.h"
#include "meters/fake_perf.h"
#include "meters/fake_tree.h"
#include "meters/meter_reading.h"

namespace aieb {
namespace {

using test::FakePerf;
using test::FakeTree;
using test::names;
using test::OrdinaryUser;
using test::write_zone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr double kScale = 2.3283064365386962890625e-10;  // 2⁻³², as every kernel so far

/// A power PMU with package and memory energy, as an Intel server shows it.
void write_pmu(const FakeTree& sys, const std::string& cpumask) {
  const std::string pmu = "bus/event_source/devices/power/";
  sys.write(pmu + "type", "23\n");
  sys.write(pmu + "cpumask", cpumask + "\n");
  const std::map<std::string, std::string> events = {{"energy-cores", "event=0x01"},
                                                     {"energy-pkg", "event=0x02"},
                                                     {"energy-ram", "event=0x03"},
                                                     {"energy-psys", "event=0x05"}};
  for (const auto& [name, config] : events) {
    sys.write(pmu + "events/" + name, config + "\n");
    sys.write(pmu + "events/" + name + ".scale", "2.3283064365386962890625e-10\n");
    sys.write(pmu + "events/" + name + ".unit", "Joules\n");
  }
}

const std::vector<Component> kAll = {Component::kCpu, Component::kDram, Component::kNode};

class RaplPerf : public ::testing::Test {
 protected:
  FakeTree sys;
  FakePerf kernel;
};

TEST_F(RaplPerf, packages_and_memory_of_both_sockets_are_domains_and_cores_are_not) {
  write_pmu(sys, "0,28");
  RaplPerfMeter meter(sys.root(), kAll, kernel.calls());
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("package-0", "package-1", "dram-0", "dram-1", "psys"));
  EXPECT_EQ(kernel.type, 23U);
  EXPECT_EQ(kernel.open.at(101), std::pair(uint64_t{2}, 28));
  EXPECT_EQ(meter.discover().domains[3].index, 1);
}

TEST_F(RaplPerf, sockets_are_numbered_as_the_topology_says_and_dies_apart) {
  write_pmu(sys, "0-1,8");
  for (const auto& [cpu, package, die] : {std::tuple(0, 0, 0), {1, 0, 1}, {8, 3, 0}}) {
    const std::string topology = "devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    sys.write(topology + "physical_package_id", std::to_string(package));
    sys.write(topology + "die_id", std::to_string(die));
  }
  RaplPerfMeter meter(sys.root(), {Component::kCpu}, kernel.calls());
  EXPECT_THAT(names(meter.discover()), ElementsAre("package-0", "package-0-die-1", "package-3"));
}

TEST_F(RaplPerf, counts_become_joules_since_the_first_reading) {
  write_pmu(sys, "0");
  RaplPerfMeter meter(sys.root(), {Component::kCpu}, kernel.calls());
  meter.discover();
  const auto at_j = [&](double joules) {
    kernel.counts[{2, 0}] = static_cast<uint64_t>(joules / kScale);
    std::vector<Sample> samples;
    meter.read(samples);
    return samples.at(0).value;
  };
  EXPECT_DOUBLE_EQ(at_j(500), 0);
  EXPECT_NEAR(at_j(512.5), 12.5, 1e-6);
  EXPECT_THAT(meter.take_events(), IsEmpty());
}

TEST_F(RaplPerf, a_failed_read_leaves_a_gap_and_one_event) {
  write_pmu(sys, "0");
  RaplPerfMeter meter(sys.root(), {Component::kCpu}, kernel.calls());
  meter.discover();
  kernel.broken = ENODEV;
  std::vector<Sample> samples;
  meter.read(samples);
  meter.read(samples);
  EXPECT_THAT(samples, IsEmpty());
  EXPECT_EQ(meter.take_events().size(), 1U);
}

TEST_F(RaplPerf, closes_what_it_opened) {
  write_pmu(sys, "0,28");
  {
    RaplPerfMeter meter(sys.root(), kAll, kernel.calls());
    meter.discover();
  }
  EXPECT_EQ(kernel.closed, 5);
}

TEST_F(RaplPerf, a_refusal_names_the_capability) {
  write_pmu(sys, "0");
  kernel.refuse = EACCES;
  RaplPerfMeter meter(sys.root(), {Component::kCpu}, kernel.calls());
  const Discovery found = meter.discover();
  EXPECT_THAT(found.domains, IsEmpty());
  ASSERT_EQ(found.missing.size(), 1U);
  EXPECT_THAT(found.missing[0].fix, HasSubstr("setcap cap_perfmon+ep"));
}

TEST_F(RaplPerf, a_machine_without_the_pmu_or_with_another_unit_has_no_events) {
  EXPECT_THAT(list_perf_energy_events(sys.root()), IsEmpty());
  write_pmu(sys, "0");
  sys.write("bus/event_source/devices/power/events/energy-pkg.unit", "Watts\n");
  for (const PerfEvent& event : list_perf_energy_events(sys.root())) {
    EXPECT_NE(event.name, "energy-pkg");
  }
}

class DiscoverPerf : public RaplPerf {
 protected:
  DiscoverPerf() {
    proc.write("cpuinfo", "processor\t: 0\nmodel name\t: x\nflags\t\t: fpu\n");
    proc.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    proc.write("meminfo", "MemTotal: 16000000 kB\n");
    options.sys_root = sys.root();
    options.proc_root = proc.root();
    options.perf = kernel.calls();
  }
  std::vector<std::string> domains() const {
    std::vector<std::string> out;
    for (const auto& meter : discover_meters(options).meters) {
      for (const Domain& d : meter->discover().domains) out.push_back(d.meter + "/" + d.name);
    }
    return out;
  }
  FakeTree proc;
  MeterOptions options;
};

TEST_F(DiscoverPerf, perf_events_stand_in_where_powercap_is_for_root_only) {
  write_pmu(sys, "0");
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  const OrdinaryUser user;
  EXPECT_THAT(domains(), ElementsAre("rapl-perf/package-0", "rapl-perf/dram-0"));
}

TEST_F(DiscoverPerf, powercap_comes_first_and_nothing_counts_twice) {
  write_pmu(sys, "0");
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  EXPECT_THAT(domains(), ElementsAre("rapl/package-0", "rapl-perf/dram-0"));
}

TEST_F(DiscoverPerf, an_estimate_carries_both_remedies_when_both_are_refused) {
  write_pmu(sys, "0");
  write_zone(sys, "intel-rapl:0", "package-0", 1);
  sys.forbid("class/powercap/intel-rapl:0/energy_uj");
  kernel.refuse = EPERM;
  const OrdinaryUser user;
  const MeterSet set = discover_meters(options);
  const std::string note = set.meters.at(0)->discover().domains.at(0).note;
  EXPECT_THAT(note, HasSubstr("setcap cap_perfmon+ep"));
  EXPECT_THAT(note, HasSubstr("chmod a+r"));
}

}  // namespace
}  // namespace aieb
