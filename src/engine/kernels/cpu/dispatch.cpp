// The public functions that forward to the active instruction set.
#include "engine/kernels/cpu/table.h"

namespace aieb::engine::cpu {

void matvec(const Matrix& w, Vectors<const float> x, Vectors<float> y, std::int64_t batch,
            Range rows, Store store) {
  active_table().matvec(w, x, y, batch, rows, store);
}

void normalize(const NormWeights& norm, const float* x, float* y, std::int64_t width) {
  active_table().normalize(norm, x, y, width);
}

void activate(Activation activation, float* x, std::int64_t n) {
  active_table().activate(activation, x, n);
}

void gate(Activation activation, const float* gate, const float* up, float* out, std::int64_t n) {
  active_table().gate(activation, gate, up, out, n);
}

void attend_part(const DecodeAttention& a, const KvView& cache, const float* q,
                 std::int64_t kv_head, Range positions, std::int64_t last, float* part) {
  active_table().attend_part(a, cache, q, kv_head, positions, last, part);
}

float highest(const float* x, std::int64_t n) { return active_table().highest(x, n); }

}  // namespace aieb::engine::cpu
