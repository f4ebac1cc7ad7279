#pragma once

#include "engine/kernels/cpu/activation.h"
#include "engine/kernels/cpu/attention.h"
#include "engine/kernels/cpu/matvec.h"
#include "engine/kernels/cpu/norm.h"
#include "engine/kernels/cpu/vector.h"

namespace aieb::engine::cpu {

/// The kernels that exist once per instruction set; each entry has the contract of the public
/// function of its name.
struct KernelTable {
  decltype(&cpu::matvec) matvec;
  decltype(&cpu::normalize) normalize;
  decltype(&cpu::activate) activate;
  decltype(&cpu::gate) gate;
  decltype(&cpu::attend_part) attend_part;
  decltype(&cpu::highest) highest;
};

const KernelTable& portable_table();
const KernelTable& avx2_table();
const KernelTable& avx512_table();

/// The table of active_isa().
const KernelTable& active_table();

}  // namespace aieb::engine::cpu
