#include "core/request.h"

namespace aieb {

bool GenerationParams::samples() const {
  if (do_sample) return *do_sample;
  return (temperature && *temperature > 0) || top_p || top_k;
}

}  // namespace aieb
