#pragma once

#include <memory>

#include "backends/backend.h"
#include "config/config.h"
#include "core/events.h"
#include "exporters/server_watch.h"

namespace aieb {

/// Begins to read the metrics page of the server that a run measures, as the entry of type
/// server_metrics in `metrics.sources` says.
/// Null where there is none to read: no server, "off", or "auto" with a type that has no such page.
std::unique_ptr<exporters::ServerWatch> watch_server(const BenchmarkConfig& config,
                                                     const BackendInfo& info, EventSink& sink);

}  // namespace aieb
