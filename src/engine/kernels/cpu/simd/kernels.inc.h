// The kernels of one instruction set. Included once by each isa_*.cpp, which defines AIEB_ISA (the
// namespace) and AIEB_SIMD_HEADER (its vector type). Every function has that header's target
// attribute and internal linkage: no code of one instruction set can be linked into another.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "engine/kernels/cpu/table.h"

#include AIEB_SIMD_HEADER

namespace aieb::engine::cpu::AIEB_ISA {
namespace {

// clang-format off: attention uses exp of elementwise
#include "engine/kernels/cpu/simd/matvec.inc.h"
#include "engine/kernels/cpu/simd/elementwise.inc.h"
#include "engine/kernels/cpu/simd/attention.inc.h"
// clang-format on

constexpr KernelTable kTable{matvec, normalize, activate, gate, attend_part, highest};

}  // namespace
}  // namespace aieb::engine::cpu::AIEB_ISA
