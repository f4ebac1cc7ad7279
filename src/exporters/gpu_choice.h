#pragma once

#include <string>
#include <vector>

#include "exporters/source_reader.h"

namespace aieb::exporters {

/// Which of an exporter's GPUs count for a run.
struct GpuChoice {
  std::vector<std::string> left_out;  ///< keys of devices that do not count
  std::string problem;                ///< why not all that is wanted can be measured; empty: it can
  std::string fix;
  std::string notice;  ///< what a reader of the results should know; may be empty
};

/// `gpus` of the source's settings decide; else those that the server is known to compute on
/// (`server_gpus`, UUIDs); else all. Where the two contradict each other, or the exporter has none
/// of the wanted ones, no GPU is taken: counters of other GPUs must not pass for the server's.
GpuChoice choose(const std::vector<Device>& found, const SourceSpec& spec,
                 const std::vector<std::string>& server_gpus);

/// "0 (NVIDIA H100, GPU-12…, on node1)".
std::string in_words(const Device& device);

}  // namespace aieb::exporters
