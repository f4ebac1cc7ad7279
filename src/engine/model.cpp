#include "engine/model.h"

#include <algorithm>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "core/error.h"
#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu_ops.h"
#include "engine/spec/families.h"

namespace aieb::engine {

namespace {

/// A multimodal configuration may tie the head outside of its text part, which then does not say
/// so. Believed where the files have no head.
bool ties_outside(const Checkpoint& checkpoint, const ModelSpec& spec) {
  const Json& config = checkpoint.config();
  return config.contains("text_config") && config.value("tie_word_embeddings", false) &&
         std::ranges::none_of(spec.names->heads, [&checkpoint](std::string_view head) {
           return checkpoint.contains(std::string(head) + ".weight");
         });
}

/// Devices that a model could use beside those of its plan: those of the machine, or the stand-ins
/// of a test.
std::vector<Lane> usable_lanes(const PlacementWish& wish) {
  std::vector<Lane> lanes;
  if (wish.device_of) {
    for (const int gpu : wish.gpus) {
      const Place place = std::to_string(gpu);
      lanes.push_back({place, wish.device_of(place)});
    }
  } else if (wish.device.is_cuda()) {
    const auto count = c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount();
    for (c10::DeviceIndex gpu = 0; gpu < count; ++gpu) {
      lanes.push_back({std::to_string(gpu), {at::kCUDA, gpu}});
    }
  }
  lanes.push_back({});
  return lanes;
}

bool stores_packed(const Checkpoint& checkpoint) {
  const auto names = checkpoint.names();
  return std::ranges::any_of(
      names, [&checkpoint](const std::string& name) { return checkpoint.is_packed(name); });
}

void refuse_packing_on_disk(const DevicePlan& plan) {
  const auto on_disk = [](const Site& site) { return site.keep == Keep::kOnDisk; };
  if (std::ranges::none_of(plan.layers, on_disk)) return;
  throw ConfigError(
      "backend.load_in_8bit and load_in_4bit pack weights when they are loaded, and the device map "
      "leaves layers on disk, which are loaded for every token; raise backend.max_memory, map them "
      "to the CPU, or use a checkpoint that is stored quantised");
}

}  // namespace

Model load_model(const std::string& path, const ModelOptions& options) {
  Model model;
  model.checkpoint = open_checkpoint(path);
  ModelSpec spec = read_spec(model.checkpoint->config(), path);
  spec.tied_head = spec.tied_head || ties_outside(*model.checkpoint, spec);
  const auto dtype = options.dtype.value_or(natural_dtype(*model.checkpoint));
  const Outline outline = outline_of(*model.checkpoint, spec, dtype, options.quantisation);
  const bool packed = options.quantisation || stores_packed(*model.checkpoint);
  const DevicePlan plan = plan_devices(outline, spec, packed, options.placement);
  if (options.quantisation) refuse_packing_on_disk(plan);
  // cuDNN's attention compiles a plan for every new length of a prompt: on an H100 that makes a
  // first token wait 74 ms instead of 9.
  const at::Device main = plan.lanes.front().device;
  if (main.is_cuda()) at::globalContext().setSDPUseCuDNN(false);
  model.fit =
      std::make_unique<FitCheck>(*model.checkpoint, spec, dtype, options.quantisation, outline,
                                 plan, usable_lanes(options.placement), options.placement.free);
  MemoryDemand demand = options.demand;
  if (spec.max_position > 0) demand.positions = std::min(demand.positions, spec.max_position);
  model.fit->require_weights(demand);
  Weights weights = load_weights(*model.checkpoint, spec, dtype, plan, options.quantisation);
  std::unique_ptr<Ops> step_ops;
  if (options.own_kernels && CpuOps::supports(spec, dtype, main)) {
    step_ops = std::make_unique<CpuOps>(at::get_num_threads());
  }
  model.decoder = std::make_unique<Decoder>(std::move(spec), std::move(weights),
                                            std::make_unique<AtenOps>(), std::move(step_ops));
  model.decoder->set_cache_check([fit = model.fit.get()](int64_t batch, int64_t capacity) {
    fit->require_cache({batch, capacity});
  });
  return model;
}

}  // namespace aieb::engine
