#pragma once

#include <filesystem>
#include <optional>

namespace aieb {

/// The folder of the running executable (or of the library that holds this code).
std::filesystem::path program_dir();

/// The repository that the program was built in: the nearest folder above it with configs/ and
/// VERSION.txt. Absent for an installed program.
std::optional<std::filesystem::path> repository_root();

}  // namespace aieb
