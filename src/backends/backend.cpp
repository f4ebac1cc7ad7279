#include "backends/backend.h"

namespace aieb {

Json to_json(const BackendInfo& info) {
  return Json{{"type", info.type},
              {"engine", info.engine},
              {"model", info.model},
              {"model_source", info.model_source},
              {"device", info.device},
              {"dtype", info.dtype},
              {"gpu_indices", info.gpu_indices},
              {"in_process", info.in_process},
              {"endpoint", info.endpoint},
              {"details", info.details}};
}

}  // namespace aieb
