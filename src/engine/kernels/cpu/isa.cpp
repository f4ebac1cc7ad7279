#include "engine/kernels/cpu/isa.h"

#include <algorithm>

#include "core/error.h"
#include "engine/kernels/cpu/table.h"

namespace aieb::engine::cpu {
namespace {

std::vector<Isa> detect() {
  std::vector<Isa> found{Isa::kPortable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c")) {
    found.push_back(Isa::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      found.push_back(Isa::kAvx512);
  }
#endif
  return found;
}

const KernelTable& table_of(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return avx512_table();
  if (isa == Isa::kAvx2) return avx2_table();
#endif
  static_cast<void>(isa);
  return portable_table();
}

struct Active {
  Isa isa = supported_isas().back();
  const KernelTable* table = &table_of(isa);
};

Active& active() {
  static Active instance;
  return instance;
}

void activate(Isa isa) { active() = {isa, &table_of(isa)}; }

}  // namespace

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kPortable:
      break;
  }
  return "portable";
}

const std::vector<Isa>& supported_isas() {
  static const std::vector<Isa> isas = detect();
  return isas;
}

Isa active_isa() { return active().isa; }

const KernelTable& active_table() { return *active().table; }

ForcedIsa::ForcedIsa(Isa isa) : previous_(active_isa()) {
  if (std::ranges::count(supported_isas(), isa) == 0)
    throw EnvironmentError(std::string("this processor has no ") + to_string(isa));
  activate(isa);
}

ForcedIsa::~ForcedIsa() { activate(previous_); }

}  // namespace aieb::engine::cpu
