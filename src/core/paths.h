#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace aieb {

/// The folder of the running executable (or of the library that holds this code).
std::filesystem::path program_dir();

/// The repository that the program was built in: the nearest folder above it with configs/ and
/// VERSION.txt. Absent for an installed program.
std::optional<std::filesystem::path> repository_root();

/// Where Python packages that this program uses may be installed, best first: the folders of
/// `set_python_package_folders`, $AIEB_VENV, the repository's .aieb/venv, the active environment,
/// the one this program is installed in.
std::vector<std::filesystem::path> python_package_folders();

/// The folders that the interpreter around this library imports from. Its packages come first: two
/// copies of one library in a process do not get along. Thread-safe.
void set_python_package_folders(std::vector<std::filesystem::path> folders);

}  // namespace aieb
