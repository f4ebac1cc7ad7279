#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// A report in Boavizta's BoAmps format (schema of model/report_schema.json, April 2026): energies
/// in kWh, one measure for all components. `quality` follows from the uncertainty: high within
/// 10 %, medium within 25 %, else low. Throws DataError when the energy is not known: BoAmps
/// requires a measure. Docs: docs/reports.md.
std::string boamps_report(const Results& results);

}  // namespace aieb
