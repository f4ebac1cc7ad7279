#pragma once

namespace aieb {

/// Physical cores that this process may run on (its affinity, hyper-threads counted once); at
/// least 1. Decoding is bound by memory, which the second thread of a core does not widen.
int physical_cores();

}  // namespace aieb
