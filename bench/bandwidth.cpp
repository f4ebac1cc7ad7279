// bandwidth [--threads N] [--mib N] [--passes N]
//
// How fast this machine's threads can read memory: the limit of batch-1 decoding, which reads every
// weight once per token. Prints one JSON object; README.md says how it is used.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/json.h"
#include "engine/kernels/cpu/huge_pages.h"
#include "engine/kernels/cpu/range.h"
#include "engine/kernels/cpu/thread_pool.h"

namespace {

using namespace aieb::engine::cpu;

struct Options {
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  std::int64_t mib = 512;
  int passes = 15;
};

Options parse(std::span<char*> arguments) {
  Options options;
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::string name = arguments[i];
    const int value = std::stoi(arguments[i + 1]);
    if (name == "--threads")
      options.threads = value;
    else if (name == "--mib")
      options.mib = value;
    else if (name == "--passes")
      options.passes = value;
    else
      throw std::invalid_argument("unknown option " + name);
  }
  return options;
}

/// Reads every byte. Eight independent sums keep more loads in flight than memory can serve.
std::uint64_t read_all(const std::uint64_t* words, Range range) {
  constexpr int kSums = 8;
  std::uint64_t sums[kSums] = {};
  for (std::int64_t i = range.begin; i < range.end; i += kSums)
    for (int s = 0; s < kSums; ++s) sums[s] ^= words[i + s];
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all ^= sum;
  return all;
}

aieb::Json measure(const Options& options) {
  constexpr int kPageWords = 4096 / sizeof(std::uint64_t);
  const std::int64_t bytes = options.mib << 20;
  const std::int64_t words = bytes / static_cast<std::int64_t>(sizeof(std::uint64_t));
  const auto memory = allocate_huge(static_cast<std::size_t>(bytes));
  std::memset(memory.get(), 1, static_cast<std::size_t>(bytes));
  const auto* data = reinterpret_cast<const std::uint64_t*>(memory.get());

  ThreadTeam team(options.threads);
  std::vector<std::uint64_t> results(static_cast<std::size_t>(options.threads));
  std::vector<double> rates;
  for (int pass = 0; pass < options.passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    team.run([&](int rank) {
      results[rank] = read_all(data, slice(words, rank, team.size(), kPageWords));
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    rates.push_back(static_cast<double>(bytes) / took.count() * 1e-9);
  }
  std::ranges::sort(rates);
  return {{"threads", options.threads},
          {"mib", options.mib},
          {"passes", options.passes},
          {"best_gb_per_s", rates.back()},
          {"median_gb_per_s", rates[rates.size() / 2]},
          {"checksum", results.front()}};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::cout << measure(parse({argv, static_cast<std::size_t>(argc)})).dump() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\nusage: bandwidth [--threads N] [--mib N] [--passes N]\n";
    return 2;
  }
}
