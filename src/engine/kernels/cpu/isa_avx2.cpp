#define AIEB_ISA avx2
#define AIEB_SIMD_HEADER "engine/kernels/cpu/simd/avx2.h"
#include "engine/kernels/cpu/simd/kernels.inc.h"

namespace aieb::engine::cpu {

const KernelTable& avx2_table() { return avx2::kTable; }

}  // namespace aieb::engine::cpu
