#pragma once

#include "core/results.h"

namespace aieb {

/// Cost of the measured energy and of the GPUs' time at `config.metrics.price`.
/// Energy is paid for as it enters the data centre: IT energy × PUE. GPU hours are those of the
/// measure phases, times the number of GPUs that were measured. Prices are taken as exact.
Cost cost_of(const Results& results);

}  // namespace aieb
