#include "meters/activity.h"

#include <cerrno>
#include <map>

#include <gmock/gmock.h>

#include "meters/discover.h"
#include "meters/fake_nvml.h"
#include "meters/fake_perf.h"
#include "meters/fake_tree.h"
#include "meters/meter_reading.h"

namespace aieb {
namespace {

using test::data_of;
using test::FakePerf;
using test::FakeTree;
using test::kinds;
using test::names;
using test::read;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Activity : public ::testing::Test {
 protected:
  /// The kernel's table, with the received and the sent bytes of each device.
  void write_network(const std::map<std::string, std::pair<uint64_t, uint64_t>>& devices) const {
    std::string text = "Inter-|   Receive |  Transmit\n face |bytes    packets errs\n";
    for (const auto& [name, bytes] : devices) {
      text += "  " + name + ": " + std::to_string(bytes.first) + " 10 0 0 0 0 0 0 " +
              std::to_string(bytes.second) + " 20 0 0 0 0 0 0\n";
    }
    proc.write("net/dev", text);
  }
  /// Sectors read and written by disk.
  void write_disks(const std::map<std::string, std::pair<uint64_t, uint64_t>>& disks) const {
    std::string text;
    for (const auto& [name, sectors] : disks) {
      text += " 259 0 " + name + " 5 0 " + std::to_string(sectors.first) + " 7 6 0 " +
              std::to_string(sectors.second) + " 8 0 1 2\n";
    }
    proc.write("diskstats", text);
  }
  void add_hardware(const std::string& path) const { sys.write(path + "/device/vendor", "x"); }
  void write_controller(const std::string& name, int type, const std::string& read_event,
                        const std::string& write_event) const {
    const std::string pmu = "bus/event_source/devices/" + name + "/";
    sys.write(pmu + "type", std::to_string(type) + "\n");
    sys.write(pmu + "cpumask", "0,28\n");
    for (const auto& [event, config] : std::map<std::string, std::string>{
             {read_event, "event=0x04,umask=0x03"}, {write_event, "event=0x04,umask=0x0c"}}) {
      sys.write(pmu + "events/" + event, config + "\n");
      sys.write(pmu + "events/" + event + ".scale", "6.103515625e-5\n");
      sys.write(pmu + "events/" + event + ".unit", "MiB\n");
    }
  }
  [[nodiscard]] ActivityMeter meter() {
    return ActivityMeter(sys.root(), proc.root(), kernel.calls());
  }
  static std::map<std::string, double> values(ActivityMeter& meter) {
    const std::vector<std::string> domains = names(meter.discover());
    std::map<std::string, double> out;
    for (const Sample& s : read(meter)) out[domains[static_cast<size_t>(s.domain_id)]] = s.value;
    return out;
  }
  FakeTree sys;
  FakeTree proc;
  FakePerf kernel;
};

TEST_F(Activity, counts_the_bytes_of_real_network_devices_and_not_those_passed_on) {
  add_hardware("class/net/eth0");
  write_network({{"lo", {9, 9}}, {"eth0", {1000, 50}}, {"docker0", {700, 70}}});
  ActivityMeter activity = meter();
  EXPECT_THAT(names(activity.discover()), ElementsAre("network/received", "network/sent"));
  EXPECT_THAT(activity.discover().domains[0].note, HasSubstr("eth0"));
  write_network({{"lo", {99, 99}}, {"eth0", {3500, 60}}, {"docker0", {2700, 170}}});
  EXPECT_EQ(values(activity),
            (std::map<std::string, double>{{"network/received", 2500}, {"network/sent", 10}}));
}

TEST_F(Activity, in_a_container_every_device_but_the_loop_counts) {
  write_network({{"lo", {9, 9}}, {"eth0", {0, 0}}});
  ActivityMeter activity = meter();
  activity.discover();
  write_network({{"lo", {99, 99}}, {"eth0", {40, 2}}});
  EXPECT_EQ(values(activity)["network/received"], 40);
}

TEST_F(Activity, a_device_that_began_anew_came_or_went_adds_nothing_for_that_time) {
  add_hardware("class/net/a");
  add_hardware("class/net/b");
  write_network({{"a", {1000, 0}}, {"b", {5, 0}}});
  ActivityMeter activity = meter();
  activity.discover();
  write_network({{"a", {3, 0}}, {"b", {7, 0}}});
  EXPECT_EQ(values(activity)["network/received"], 2);
  write_network({{"a", {13, 0}}});
  EXPECT_EQ(values(activity)["network/received"], 12);
  write_network({{"a", {13, 0}}, {"b", {500, 0}}});
  EXPECT_EQ(values(activity)["network/received"], 12);
}

TEST_F(Activity, disks_count_without_partitions_and_without_devices_made_of_them) {
  add_hardware("block/nvme0n1");
  write_disks({{"nvme0n1", {100, 10}}, {"nvme0n1p1", {100, 10}}, {"dm-0", {100, 10}}});
  ActivityMeter activity = meter();
  activity.discover();
  write_disks({{"nvme0n1", {108, 11}}, {"nvme0n1p1", {108, 11}}, {"dm-0", {108, 11}}});
  const auto moved = values(activity);
  EXPECT_EQ(moved.at("disk/read"), 8 * 512);
  EXPECT_EQ(moved.at("disk/written"), 512);
}

TEST_F(Activity, memory_is_the_sum_of_all_controllers_on_all_sockets) {
  write_controller("uncore_imc_0", 30, "cas_count_read", "cas_count_write");
  write_controller("uncore_imc_1", 31, "cas_count_read", "cas_count_write");
  ActivityMeter activity = meter();
  EXPECT_THAT(names(activity.discover()), ElementsAre("memory/read", "memory/written"));
  ASSERT_EQ(kernel.open.size(), 8);  // two events, two controllers, two sockets
  kernel.counts[{0x0304, 0}] = 1'000'000;
  kernel.counts[{0x0304, 28}] = 500'000;
  kernel.counts[{0x0c04, 28}] = 3;
  const auto moved = values(activity);  // a count is a line of 64 bytes
  EXPECT_DOUBLE_EQ(moved.at("memory/read"), 2 * 1'500'000.0 * 64);
  EXPECT_DOUBLE_EQ(moved.at("memory/written"), 2 * 3.0 * 64);
}

TEST_F(Activity, controllers_that_may_not_be_read_are_missing_with_the_command) {
  write_controller("uncore_imc_0", 30, "cas_count_read", "cas_count_write");
  kernel.refuse = EACCES;
  ActivityMeter activity = meter();
  EXPECT_THAT(names(activity.discover()), Not(Contains(StartsWith("memory"))));
  Json missing;
  for (const TraceEvent& event : activity.take_events()) {
    if (event.data["what"] == "memory") missing = event.data;
  }
  EXPECT_THAT(missing["reason"], HasSubstr("Permission denied"));
  EXPECT_THAT(missing["fix"], HasSubstr("setcap cap_perfmon"));
}

TEST_F(Activity, resctrl_stands_in_with_all_its_groups) {
  sys.write("fs/resctrl/mon_data/mon_L3_00/mbm_total_bytes", "1000\n");
  sys.write("fs/resctrl/mon_data/mon_L3_01/mbm_total_bytes", "Unavailable\n");
  sys.write("fs/resctrl/batch/mon_data/mon_L3_00/mbm_total_bytes", "50\n");
  ActivityMeter activity = meter();
  EXPECT_THAT(names(activity.discover()), ElementsAre("memory/total"));
  sys.write("fs/resctrl/batch/mon_data/mon_L3_00/mbm_total_bytes", "650\n");
  EXPECT_EQ(values(activity)["memory/total"], 600);
}

TEST_F(Activity, a_machine_that_tells_nothing_has_no_domain_and_a_reason_for_each) {
  ActivityMeter activity = meter();
  EXPECT_THAT(activity.discover().domains, IsEmpty());
  EXPECT_THAT(read(activity), IsEmpty());
  EXPECT_THAT(kinds(activity),
              ElementsAre("activity_missing", "activity_missing", "activity_missing"));
}

TEST_F(Activity, a_failed_read_leaves_a_gap) {
  add_hardware("block/sda");
  write_disks({{"sda", {1, 1}}});
  ActivityMeter activity = meter();
  activity.discover();
  activity.take_events();
  proc.remove("diskstats");
  EXPECT_THAT(read(activity), IsEmpty());
  EXPECT_THAT(data_of(activity, "sensor_error")["sensor"], "activity/disk");
}

TEST_F(Activity, is_measured_only_where_asked_for) {
  const test::NoNvml none;
  MeterOptions options;
  options.sys_root = sys.root();
  options.proc_root = proc.root();
  const auto has_it = [&] {
    for (const auto& m : discover_meters(options).meters) {
      if (m->name() == "activity") return true;
    }
    return false;
  };
  EXPECT_FALSE(has_it());
  options.activity = true;
  EXPECT_TRUE(has_it());
}

}  // namespace
}  // namespace aieb
