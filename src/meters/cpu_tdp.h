#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aieb {

/// A CPU's name as /proc/cpuinfo writes it, reduced to what identifies the model: without trade
/// marks, "CPU", "Processor", core counts, clock and graphics; lower case, single spaces.
/// "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz" → "intel xeon e5-2690 v4".
std::string normalized_cpu_name(std::string_view name);

/// Thermal design power of one package in watts, from data/cpu_tdp.csv; absent when the table has
/// no CPU of exactly this normalised name. Where the table names one CPU twice, the higher figure.
std::optional<double> cpu_tdp_w(std::string_view name);

}  // namespace aieb
