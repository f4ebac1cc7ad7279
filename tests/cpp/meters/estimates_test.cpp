#include "meters/estimates.h"

#include <thread>

#include <gmock/gmock.h>

#include "meters/cpu_tdp.h"
#include "meters/fake_tree.h"

namespace aieb {
namespace {

using test::FakeTree;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace aieb
