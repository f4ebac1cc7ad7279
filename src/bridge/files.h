#pragma once

#include <filesystem>
#include <string>

namespace aieb::bridge {

/// The whole file. Throws ModelError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace aieb::bridge
