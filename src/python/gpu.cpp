#include "meters/gpu_probe.h"
#include "python/bindings.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

nb::object probe() {
  GpuProbe found;
  {
    const nb::gil_scoped_release release;
    found = probe_gpus();
  }
  Json devices = Json::array();
  for (const GpuDevice& d : found.devices) {
    devices.push_back({{"index", d.index},
                       {"name", d.name},
                       {"uuid", d.uuid},
                       {"memory_bytes", d.memory_bytes ? Json(*d.memory_bytes) : Json()}});
  }
  return to_python({{"driver_found", found.driver_found},
                    {"driver_version", found.driver_version},
                    {"cuda_driver_version", found.cuda_driver_version},
                    {"devices", devices},
                    {"problem", found.problem}});
}

}  // namespace

void bind_gpu(nb::module_& module) {
  module.def("probe_gpus", probe, "NVIDIA driver and devices; `problem` is empty when CUDA works.");
}

}  // namespace aieb::python
