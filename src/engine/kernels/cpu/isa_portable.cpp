#define AIEB_ISA portable
#define AIEB_SIMD_HEADER "engine/kernels/cpu/simd/portable.h"
#include "engine/kernels/cpu/simd/kernels.inc.h"

namespace aieb::engine::cpu {

const KernelTable& portable_table() { return portable::kTable; }

}  // namespace aieb::engine::cpu
