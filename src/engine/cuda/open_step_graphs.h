#pragma once

#include <string>

#include "engine/decoder/step_graph.h"

namespace aieb::engine {

struct StepGraphs {
  StepGraphMaker make;  ///< empty: there are none
  std::string problem;  ///< why not
};

/// Opens libaieb_pytorch_cuda.so beside this library (or program). Precondition: libtorch_cuda.so
/// is open. The library stays open.
StepGraphs open_step_graphs();

}  // namespace aieb::engine
