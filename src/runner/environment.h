#pragma once

#include "core/json.h"

namespace aieb {

/// Facts of this host that a result depends on, for the trace and every report:
/// host, boot_id, os, kernel, cpu_model, cpu_count (threads), cpu_physical_cores, cpu_sockets,
/// cpu_governor, ram_total_bytes, virtualized, tool_version. Unreadable facts are null.
Json host_environment();

}  // namespace aieb
