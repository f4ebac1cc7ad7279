#pragma once

namespace aieb {

/// The release, from VERSION.txt: "1.1.0".
const char* version();

}  // namespace aieb
