#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/completion.h"
#include "reporters/text_format.h"

namespace aieb::cli {

Action declare_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, joined(completion_shells(), ", "))
      ->type_name("SHELL")
      ->required();
  app.footer(
      "bash: source <(aieb completion bash)   zsh: source <(aieb completion zsh)\n"
      "fish: aieb completion fish | source");
  return [shell, &app] {
    std::fputs(completion_script(*shell, *app.get_parent()).c_str(), stdout);
    return ExitCode::kOk;
  };
}

}  // namespace aieb::cli
