#include "bridge/files.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "core/error.h"

namespace aieb::bridge {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) throw ModelError(path.string() + ": cannot be read");
  return std::move(content).str();
}

}  // namespace aieb::bridge
