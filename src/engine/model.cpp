#include "engine/model.h"

#include <ATen/Parallel.h>

#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu_ops.h"
#include "engine/spec/families.h"

namespace aieb::engine {

Model load_model(const std::string& path, const ModelOptions& options) {
  Model model;
  model.checkpoint = open_checkpoint(path);
  ModelSpec spec = read_spec(model.checkpoint->config(), path);
  const auto dtype = options.dtype.value_or(natural_dtype(*model.checkpoint));
  Weights weights = load_weights(*model.checkpoint, spec, dtype, options.device);
  std::unique_ptr<Ops> step_ops;
  if (options.own_kernels && CpuOps::supports(spec, dtype, options.device)) {
    step_ops = std::make_unique<CpuOps>(at::get_num_threads());
  }
  model.decoder = std::make_unique<Decoder>(std::move(spec), std::move(weights),
                                            std::make_unique<AtenOps>(), std::move(step_ops));
  return model;
}

}  // namespace aieb::engine
