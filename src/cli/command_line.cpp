#include "cli/command_line.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "config/suggest.h"
#include "core/error.h"
#include "core/version.h"

namespace aieb::cli {
namespace {

constexpr const char* kDescription =
    "Measures how many joules each answer of a language model costs, how sure that is, and what "
    "it\n"
    "means in carbon and latency.";
constexpr const char* kFooter =
    "aieb COMMAND --help explains a command. Exit codes: 0 all prompts answered, 1 some failed,\n"
    "2 usage or configuration, 3 environment, 4 model or data, 5 server, 130 interrupted.";

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string guess = nearest(word, known);
  return guess.empty() ? "" : " (did you mean '" + guess + "'?)";
}

/// CLI11 would complain about a missing command; naming the wrong word helps more.
void refuse_unknown_command(const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (word == command.name) return;
    names.emplace_back(command.name);
  }
  std::string message = "unknown command '" + word + "'" + did_you_mean(word, names);
  if (word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json")) {
    message = "'" + word + "' is not a command (did you mean: aieb run " + word + "?)";
  }
  throw ConfigError(message + ". aieb --help lists the commands.");
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

[[noreturn]] void refuse_arguments(const CLI::App& command, const CLI::ParseError& error) {
  const std::string help = " See: aieb " + command.get_name() + " --help";
  for (const std::string& word : command.remaining()) {
    if (!word.starts_with('-')) continue;
    throw ConfigError("unknown option '" + word + "'" + did_you_mean(word, option_names(command)) +
                      "." + help);
  }
  throw ConfigError(std::string(error.what()) + "." + help);
}

/// The whole tree of commands; lives until its action has run, since actions hold its options.
struct CommandTree {
  CLI::App app{kDescription, "aieb"};
  std::map<const CLI::App*, Action> actions;

  CommandTree() {
    app.footer(kFooter);
    app.set_version_flag("--version", std::string("aieb ") + version());
    app.require_subcommand(0, 1);
    for (const Command& command : commands()) {
      CLI::App* sub = app.add_subcommand(command.name, command.summary);
      actions[sub] = command.declare(*sub);
    }
  }

  [[nodiscard]] const CLI::App* chosen() const {
    const auto subcommands = app.get_subcommands();
    return subcommands.empty() ? nullptr : subcommands.front();
  }
};

/// The words after the program's name, those of another program marked.
std::vector<std::string> words_of(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto named = [&](const Command& command) { return words.front() == command.name; };
  const auto known = std::ranges::find_if(commands(), named);
  if (known == commands().end() || !known->raw_words) return words;
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end()) return words;
  for (auto it = dashes + 1; it != words.end(); ++it) it->insert(it->begin(), kRawWord);
  words.erase(dashes);  // the marks say it; to CLI11 it would end a list that has begun before
  return words;
}

Action print(std::string text, ExitCode code) {
  return [text = std::move(text), code] {
    std::fputs(text.c_str(), stdout);
    return code;
  };
}

}  // namespace

Action parse_command_line(int argc, const char* const* argv) {
  const auto tree = std::make_shared<CommandTree>();
  if (argc < 2) return print(tree->app.help(), ExitCode::kUsage);
  if (argv[1][0] != '-') refuse_unknown_command(argv[1]);
  try {
    std::vector<std::string> words = words_of(argc, argv);
    std::ranges::reverse(words);  // CLI11 takes them from the end
    tree->app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return print(tree->app.help(), ExitCode::kOk);  // of the chosen command, if there is one
  } catch (const CLI::CallForVersion& version) {
    return print(std::string(version.what()) + "\n", ExitCode::kOk);
  } catch (const CLI::ParseError& error) {
    refuse_arguments(tree->chosen() ? *tree->chosen() : tree->app, error);
  }
  const CLI::App* sub = tree->chosen();
  if (!sub) return print(tree->app.help(), ExitCode::kUsage);
  return [tree, sub] { return tree->actions.at(sub)(); };
}

}  // namespace aieb::cli
