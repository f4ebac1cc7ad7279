#define AIEB_ISA avx512
#define AIEB_SIMD_HEADER "engine/kernels/cpu/simd/avx512.h"
#include "engine/kernels/cpu/simd/kernels.inc.h"

namespace aieb::engine::cpu {

const KernelTable& avx512_table() { return avx512::kTable; }

}  // namespace aieb::engine::cpu
