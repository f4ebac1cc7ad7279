#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// Header and one row of CodeCarbon 3.x's emissions.csv: its 38 columns in its order and units
/// (kWh, kg CO2e, kg/s, W, L; GB are 1024³ bytes). As there, PUE multiplies energies and powers,
/// and water is WUE times the energy after PUE. What is unknown is an empty cell.
std::string codecarbon_report(const Results& results);

}  // namespace aieb
