#include "meters/estimates.h"

#include <map>
#include <thread>

#include <gmock/gmock.h>

#include "meters/cpu_tdp.h"
#include "meters/device_estimates.h"
#include "meters/fake_tree.h"

namespace aieb {
namespace {

using test::FakeTree;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string cpuinfo(const std::string& model, int threads, int sockets, const std::string& flags) {
  std::string text;
  for (int i = 0; i < threads; ++i) {
    text += "processor\t: " + std::to_string(i) + "\nmodel name\t: " + model +
            "\nphysical id\t: " + std::to_string(i % sockets) + "\nflags\t\t: fpu " + flags +
            "\n\n";
  }
  return text;
}

std::optional<double> next_value(Meter& meter) {
  std::vector<Sample> samples;
  meter.read(samples);
  if (samples.empty()) return std::nullopt;
  return samples.at(0).value;
}

class CpuEstimate : public ::testing::Test {
 protected:
  CpuEstimate() { set_ticks(1000, 9000); }

  void set_ticks(int busy, int idle) {
    // user nice system idle iowait irq softirq steal guest guest_nice
    proc.write("stat", "cpu  " + std::to_string(busy - 3) + " 1 2 " + std::to_string(idle - 100) +
                           " 100 0 0 0 55 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  }
  FakeTree proc;
};

TEST_F(CpuEstimate, follows_the_cubic_load_model) {
  proc.write("cpuinfo", cpuinfo("Intel(R) Xeon(R) Platinum 8480+", 224, 2, "vme"));
  CpuEstimateMeter meter(proc.root(), "");
  EXPECT_DOUBLE_EQ(meter.tdp_w(), 700);
  set_ticks(1000 + 60, 9000 + 40);
  EXPECT_NEAR(next_value(meter).value(), 700 * (0.1 + 0.9 * 0.6 * 0.6 * 0.6), 1e-9);
}

TEST_F(CpuEstimate, an_idle_cpu_takes_a_tenth_and_a_full_one_all_of_its_tdp) {
  proc.write("cpuinfo", cpuinfo("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", 12, 1, "vme"));
  for (const auto& [busy, idle, watts] : {std::tuple{0, 100, 6.5}, std::tuple{100, 0, 65.0}}) {
    set_ticks(1000, 9000);
    CpuEstimateMeter meter(proc.root(), "");
    set_ticks(1000 + busy, 9000 + idle);
    EXPECT_NEAR(next_value(meter).value(), watts, 1e-9);
  }
}

TEST_F(CpuEstimate, without_elapsed_ticks_there_is_no_value_and_then_the_last_one) {
  proc.write("cpuinfo", cpuinfo("AMD EPYC 9354 32-Core Processor", 64, 1, "vme"));
  CpuEstimateMeter meter(proc.root(), "");
  EXPECT_FALSE(next_value(meter).has_value());
  set_ticks(1000, 9100);
  EXPECT_NEAR(next_value(meter).value(), 28, 1e-9);
  set_ticks(1001, 9100);  // one tick later: too short an interval to say "100 % busy"
  EXPECT_NEAR(next_value(meter).value(), 28, 1e-9);
}

TEST_F(CpuEstimate, unknown_models_take_four_watts_a_thread_and_unknown_cpus_85) {
  proc.write("cpuinfo", cpuinfo("Example CPU of the year 2040", 6, 1, "vme"));
  EXPECT_DOUBLE_EQ(CpuEstimateMeter(proc.root(), "").tdp_w(), 24);
  proc.write("cpuinfo", "");
  EXPECT_DOUBLE_EQ(CpuEstimateMeter(proc.root(), "").tdp_w(), 85);
}

TEST_F(CpuEstimate, a_virtual_machine_is_not_charged_for_the_whole_package) {
  proc.write("cpuinfo", cpuinfo("AMD EPYC 9354 32-Core Processor", 4, 1, "vme hypervisor"));
  CpuEstimateMeter meter(proc.root(), "no RAPL in a virtual machine");
  EXPECT_DOUBLE_EQ(meter.tdp_w(), 16);
  const Domain domain = meter.discover().domains.at(0);
  EXPECT_THAT(domain.note, HasSubstr("the host's share is unknown"));
  EXPECT_THAT(domain.note, HasSubstr("not measured: no RAPL in a virtual machine"));
  EXPECT_EQ(domain.kind, DomainKind::kEstimate);
}

TEST_F(CpuEstimate, a_busy_thread_has_its_share_of_the_tdp) {
  proc.write("cpuinfo", cpuinfo("x", 6, 1, ""));
  const ThreadPower thread = thread_power(proc.root());
  EXPECT_DOUBLE_EQ(thread.watts, 4);
  EXPECT_THAT(thread.basis, HasSubstr("unknown model: 6 threads at 4 W"));
  EXPECT_DOUBLE_EQ(thread.uncertainty,
                   CpuEstimateMeter(proc.root(), "").discover().domains.at(0).gain_uncertainty);
}

TEST_F(CpuEstimate, the_stated_uncertainty_covers_the_errors_that_codecarbon_reports) {
  proc.write("cpuinfo", cpuinfo("x", 1, 1, ""));
  const double k2 = CpuEstimateMeter(proc.root(), "").discover().domains.at(0).gain_uncertainty;
  for (const double deviation : {-0.60, 1.90}) {  // (estimate − truth) / truth
    const double truth_over_estimate = 1 / (1 + deviation);
    EXPECT_LE(std::abs(truth_over_estimate - 1), k2);
  }
}

TEST_F(CpuEstimate, a_machine_that_hides_its_load_is_missing) {
  proc.remove("stat");
  EXPECT_EQ(CpuEstimateMeter(proc.root(), "").discover().missing.size(), 1);
}

TEST(CpuTdp, names_are_matched_whatever_the_kernel_adds_to_them) {
  EXPECT_EQ(normalized_cpu_name("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz"),
            "intel xeon e5-2690 v4");
  EXPECT_EQ(cpu_tdp_w("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz"), 135);
  EXPECT_EQ(cpu_tdp_w("13th Gen Intel(R) Core(TM) i9-13900K"), 125);
  EXPECT_EQ(cpu_tdp_w("AMD EPYC 7763 64-Core Processor"), 280);
  EXPECT_EQ(cpu_tdp_w("AMD Ryzen Threadripper PRO 5975WX 32-Cores"), 280);
  EXPECT_EQ(cpu_tdp_w("AMD EPYC 7763 64-Core Processor               "), 280);
}

TEST(CpuTdp, nothing_is_guessed_from_a_similar_name) {
  EXPECT_FALSE(cpu_tdp_w("AMD EPYC").has_value());
  EXPECT_FALSE(cpu_tdp_w("AMD EPYC 77630 64-Core Processor").has_value());
  EXPECT_FALSE(cpu_tdp_w("Intel(R) Xeon(R) Processor").has_value());
  EXPECT_FALSE(cpu_tdp_w("").has_value());
}

TEST(RamEstimate, grows_with_the_number_of_dimms_and_not_with_their_size) {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  EXPECT_DOUBLE_EQ(ram_power_w(1 * kGib, false), 10);
  EXPECT_DOUBLE_EQ(ram_power_w(16 * kGib, false), 10);
  EXPECT_DOUBLE_EQ(ram_power_w(64 * kGib, false), 20);
  EXPECT_DOUBLE_EQ(ram_power_w(128 * kGib, false), 38);
  EXPECT_DOUBLE_EQ(ram_power_w(1024 * kGib, false), 38);
  EXPECT_DOUBLE_EQ(ram_power_w(1 * kGib, true), 3);
}

TEST(RamEstimate, reads_the_size_of_memory_from_proc) {
  const FakeTree proc;
  proc.write("meminfo", "MemTotal:       65536000 kB\nMemFree: 1 kB\n");
  RamEstimateMeter meter(proc.root(), "");
  EXPECT_DOUBLE_EQ(next_value(meter).value(), 20);
  proc.remove("meminfo");
  EXPECT_EQ(RamEstimateMeter(proc.root(), "").discover().missing.size(), 1);
}

class DeviceEstimate : public ::testing::Test {
 protected:
  DeviceEstimate() { proc.write("cpuinfo", "processor\t: 0\nflags\t\t: fpu\n"); }

  void add_disk(const std::string& name, int rotational, const std::string& size = "1000") {
    sys.write("block/" + name + "/device/model", "x");
    sys.write("block/" + name + "/size", size);
    sys.write("block/" + name + "/queue/rotational", std::to_string(rotational));
  }
  void add_port(const std::string& name, const std::string& mbit_per_s,
                const std::string& state = "up") {
    sys.write("class/net/" + name + "/device/vendor", "0x8086");
    sys.write("class/net/" + name + "/operstate", state + "\n");
    sys.write("class/net/" + name + "/speed", mbit_per_s + "\n");
  }
  /// Watts by component; what is not estimated is not in it.
  std::map<Component, double> watts() {
    DeviceEstimateMeter meter(sys.root(), proc.root());
    std::vector<Sample> samples;
    meter.read(samples);
    domains = meter.discover().domains;
    std::map<Component, double> out;
    for (const Sample& s : samples) {
      out[domains.at(static_cast<size_t>(s.domain_id)).component] = s.value;
    }
    return out;
  }

  FakeTree sys;
  FakeTree proc;
  std::vector<Domain> domains;
};

TEST_F(DeviceEstimate, adds_up_the_disks_by_their_kind) {
  add_disk("sda", 1);
  add_disk("sdb", 1);
  add_disk("nvme0n1", 0);
  EXPECT_THAT(watts(), ElementsAre(Pair(Component::kDisk, 2 * 6.5 + 6)));
  ASSERT_EQ(domains.size(), 1);
  EXPECT_EQ(domains[0].kind, DomainKind::kEstimate);
  EXPECT_DOUBLE_EQ(domains[0].gain_uncertainty, 1);
  EXPECT_EQ(domains[0].note,
            "constant power: 2 hard disk(s) at 6.5 W, 1 solid state disk(s) at 6 W");
}

TEST_F(DeviceEstimate, counts_neither_loop_devices_nor_drives_without_a_medium) {
  sys.write("block/loop0/size", "1000");
  sys.write("block/dm-0/size", "1000");
  add_disk("sr0", 1, "0");
  add_disk("mmcblk0boot0", 0);
  add_disk("nvme0c0n1", 0);
  sys.write("block/nvme0c0n1/hidden", "1");
  EXPECT_THAT(watts(), IsEmpty());
  EXPECT_THAT(domains, IsEmpty());
}

TEST_F(DeviceEstimate, takes_a_port_by_the_rate_of_its_link) {
  for (const auto& [rate, expected] :
       {std::pair{"100", 2.0}, {"1000", 2.0}, {"10000", 5.0}, {"25000", 10.0}, {"400000", 10.0}}) {
    add_port("eth0", rate);
    EXPECT_THAT(watts(), ElementsAre(Pair(Component::kNetwork, expected))) << rate;
  }
}

TEST_F(DeviceEstimate, counts_only_ports_with_hardware_that_are_not_down) {
  add_port("eth0", "10000");
  add_port("eth1", "10000", "down");
  add_port("eth0v0", "10000");
  sys.write("class/net/eth0v0/device/physfn/vendor", "0x8086");
  add_port("eth0_0", "10000");
  sys.write("class/net/eth0_0/phys_port_name", "pf0vf1");
  sys.write("class/net/lo/operstate", "unknown");
  sys.write("class/net/docker0/operstate", "up");
  sys.write("class/net/docker0/speed", "10000");
  EXPECT_THAT(watts(), ElementsAre(Pair(Component::kNetwork, 5)));
}

TEST_F(DeviceEstimate, says_what_it_does_not_know_of_a_virtual_machine) {
  proc.write("cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor\n");
  add_port("eth0", "-1");
  EXPECT_THAT(watts(), ElementsAre(Pair(Component::kNetwork, 5)));
  EXPECT_THAT(domains.at(0).note, HasSubstr("eth0 (rate not told, as if 10 Gb/s) at 5 W"));
  EXPECT_THAT(domains.at(0).note, HasSubstr("may be shared"));
}

}  // namespace
}  // namespace aieb
