#include "core/version.h"

namespace aieb {

const char* version() { return AIEB_VERSION; }

}  // namespace aieb
