#pragma once

#include <string>

namespace aieb {

/// "cuda:3"
bool is_numbered_device(const std::string& text);

/// A device that everything is put on, as `device_map` may name it: "cpu", "cuda:1", "1".
bool is_device(const std::string& text);

}  // namespace aieb
