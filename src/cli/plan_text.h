#pragma once

#include <string>

#include "runner/planner.h"

namespace aieb {

/// The plan as `--dry-run` prints it.
std::string describe_plan(const Plan& plan);

}  // namespace aieb
