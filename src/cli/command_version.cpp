#include <cstdio>

#include "cli/command.h"
#include "core/version.h"

namespace aieb::cli {

Action declare_version(CLI::App&) {
  return [] {
    std::printf("aieb %s\n", version());
    return ExitCode::kOk;
  };
}

}  // namespace aieb::cli
