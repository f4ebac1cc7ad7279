#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/text_table.h"
#include "reporters/file_output.h"
#include "runner/verify.h"

namespace aieb::cli {
namespace {

constexpr size_t kShownPrompt = 40;
constexpr const char* kStdout = "-";

struct VerifyArguments {
  VerifyOptions options;
  std::string json;
};

std::string shortened(std::string text) {
  for (char& c : text) c = c == '\n' ? ' ' : c;
  if (text.size() <= kShownPrompt) return text;
  size_t end = kShownPrompt - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string describe(const VerifyReport& report) {
  TextTable table({"prompt", "prompt tokens", "equal tokens", "largest logit difference"});
  for (const VerifiedPrompt& prompt : report.prompts) {
    const char* encoded = !prompt.same_prompt_tokens   ? "no reference"
                          : *prompt.same_prompt_tokens ? "equal"
                                                       : "differ";
    table.add({shortened(prompt.text), encoded,
               fmt::format("{} of {}", prompt.same_tokens, prompt.tokens),
               fmt::format("{:.2g}{}", prompt.largest_logit_difference,
                           prompt.logits_agree ? "" : "  (too large)")});
  }
  return fmt::format(
      "{}\nnative engine on {} beside transformers {} (torch {}), float32, greedy\n\n{}\n{}\n",
      report.model_path, report.device, report.transformers_version, report.torch_version,
      table.text(),
      report.agrees()
          ? "They agree: all tokens are equal and all logits within 2e-4 + 1e-4·|logit|."
          : "They do not agree.");
}

ExitCode verify(const VerifyArguments& arguments) {
  const VerifyReport report = verify_engine(arguments.options);
  const std::string document = to_json(report).dump(2) + "\n";
  if (arguments.json == kStdout) {
    std::fputs(document.c_str(), stdout);
  } else {
    if (!arguments.json.empty()) write_file(arguments.json, document);
    std::fputs(describe(report).c_str(), stdout);
  }
  return report.agrees() ? ExitCode::kOk : ExitCode::kSomePromptsFailed;
}

}  // namespace

Action declare_verify(CLI::App& app) {
  const auto arguments = std::make_shared<VerifyArguments>();
  VerifyOptions& options = arguments->options;
  app.add_option("model", options.model, "Hub id, folder or GGUF file")
      ->type_name("MODEL")
      ->required();
  app.add_option("--prompts", options.prompts,
                 "File, folder or data set with prompts (default: the bundled ones)")
      ->type_name("FILE");
  app.add_option("--column", options.column, "Column of the prompts")->capture_default_str();
  app.add_option("-n,--num", options.num_prompts, "How many prompts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-new-tokens", options.max_new_tokens, "Tokens of each answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--device", options.device, "Device of the native engine: cpu, cuda, cuda:N")
      ->capture_default_str();
  app.add_option("--revision", options.revision, "Branch, tag or commit of a hub model");
  app.add_option("--python", options.python, "Python interpreter that has transformers")
      ->type_name("PATH");
  app.add_option("--json", arguments->json, "Write the comparison to FILE, or to stdout with -")
      ->type_name("FILE");
  return [arguments] { return verify(*arguments); };
}

}  // namespace aieb::cli
