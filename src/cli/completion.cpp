#include "cli/completion.h"

#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/option_table.h"
#include "config/starter.h"
#include "core/error.h"
#include "reporters/reporter.h"

namespace aieb::cli {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> out = {"terminal"};
  for (const Reporter& r : reporters()) out.emplace_back(r.name);
  return out;
}

std::vector<std::string> log_levels() { return {"debug", "info", "warning", "error"}; }

/// What is known of the values of an option or argument, by command and name.
struct KnownValues {
  std::string_view command;
  std::string_view name;
  std::vector<std::string> (*values)();
};
constexpr std::array kKnownValues = {
    KnownValues{"report", "--format", format_names},
    KnownValues{"run", "--log-level", log_levels},
    KnownValues{"init", "backend", starter_backends},
    KnownValues{"completion", "shell", completion_shells},
};

std::vector<std::string> values_of(const std::string& command, const std::string& name) {
  for (const KnownValues& known : kKnownValues) {
    if (known.command == command && known.name == name) return known.values();
  }
  return {};
}

/// First sentence or clause, without what a shell would take for its own.
std::string short_help(const std::string& text) {
  std::string out = text.substr(0, text.find_first_of(";.(\n"));
  std::erase_if(
      out, [](char c) { return std::string_view("'\"`$\\[]:").find(c) != std::string_view::npos; });
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

CompletedOption option_of(const std::string& command, const CLI::Option& option) {
  CompletedOption out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) {
    out.names.push_back("--" + name);
    if (out.values.empty()) out.values = values_of(command, "--" + name);
  }
  out.help = short_help(option.get_description());
  out.takes_value = option.get_items_expected_max() > 0;
  return out;
}

/// Keys of configurations with the values that are known of each.
std::vector<std::pair<std::string, std::vector<std::string>>> settings() {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const ConfigOption& option : option_table()) {
    std::vector<std::string> values = option.limits.choices;
    if (option.type == OptionType::kBoolean) values = {"true", "false"};
    if (option.type == OptionType::kAutoBoolean) values = {"auto", "true", "false"};
    out.emplace_back(option.key, std::move(values));
  }
  return out;
}

std::string setting_words() {
  std::string out;
  for (const auto& [key, values] : settings()) out += (out.empty() ? "" : " ") + key + "=";
  return out;
}

std::string words_of(const CompletedCommand& command) {
  std::vector<std::string> words = command.words;
  for (const CompletedOption& option : command.options) {
    words.insert(words.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::string names_of(const std::vector<CompletedCommand>& commands) {
  std::string out;
  for (const CompletedCommand& c : commands) out += (out.empty() ? "" : " ") + c.name;
  return out;
}

/// case branches "key) values ;;" shared by bash and zsh.
std::string setting_cases() {
  std::string out;
  for (const auto& [key, values] : settings()) {
    if (values.empty()) continue;
    out += fmt::format("    {}) values=\"{}\" ;;\n", key, fmt::join(values, " "));
  }
  return out;
}

std::string option_cases(const std::vector<CompletedCommand>& commands) {
  std::string out;
  for (const CompletedCommand& command : commands) {
    for (const CompletedOption& option : command.options) {
      if (!option.takes_value) continue;
      for (const std::string& name : option.names) {
        out += fmt::format("    {}:{}) takes_value=1; values=\"{}\" ;;\n", command.name, name,
                           fmt::join(option.values, " "));
      }
    }
  }
  return out;
}

std::string command_cases(const std::vector<CompletedCommand>& commands) {
  std::string out;
  for (const CompletedCommand& command : commands) {
    out += fmt::format("    {}) candidates=\"{}\"; settings={} ;;\n", command.name,
                       words_of(command), command.settings ? 1 : 0);
  }
  return out;
}

/// {0} commands, {1} cases of settings, {2} of options, {3} of commands, {4} settings.
constexpr std::string_view kBashScript =
    R"sh(# Completion of aieb for bash: source <(aieb completion bash)
_aieb() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
  local values="" candidates="" settings=0 takes_value=0 key=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{0} --help --version" -- "$cur"))
    return
  fi
  # bash cuts words at "=": key, "=" and value are words of their own
  if [ "$cur" = "=" ]; then key=$prev; cur=""
  elif [ "$prev" = "=" ]; then key=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  case "$key" in
{1}  esac
  if [ -n "$key" ] && [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
    return
  fi
  case "$command:$prev" in
{2}  esac
  if [ "$takes_value" -eq 1 ]; then
    if [ -n "$values" ]; then COMPREPLY=($(compgen -W "$values" -- "$cur"))
    else COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; fi
    return
  fi
  case "$command" in
{3}  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
  if [ "$settings" -eq 1 ] && [[ $cur != -* ]]; then
    COMPREPLY+=($(compgen -W "{4}" -- "$cur"))
    [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
  fi
  [[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- "$cur"))
}}
complete -F _aieb aieb
)sh";

std::string bash_script(const std::vector<CompletedCommand>& commands) {
  return fmt::format(kBashScript, names_of(commands), setting_cases(), option_cases(commands),
                     command_cases(commands), setting_words());
}

/// {0} described commands, and the rest as for bash.
constexpr std::string_view kZshScript = R"sh(#compdef aieb
# Completion of aieb for zsh: source <(aieb completion zsh), after compinit
_aieb() {{
  local cur=${{words[CURRENT]}} prev=${{words[CURRENT-1]}} command=${{words[2]}}
  local values="" settings=0 takes_value=0 key=${{words[CURRENT]%%=*}}
  local candidates=""
  if (( CURRENT == 2 )); then
    local -a commands=(
{0}    )
    _describe command commands
    return
  fi
  if [[ $cur == *=* ]]; then
    case "$key" in
{1}    esac
    compadd -P "$key=" -- ${{=values}}
    return
  fi
  case "$command:$prev" in
{2}  esac
  if (( takes_value )); then
    if [[ -n $values ]]; then compadd -- ${{=values}}; else _files; fi
    return
  fi
  case "$command" in
{3}  esac
  compadd -- ${{=candidates}}
  if (( settings )) && [[ $cur != -* ]]; then compadd -S '' -- {4}; fi
  [[ $cur == -* ]] || _files
}}
compdef _aieb aieb
)sh";

std::string zsh_script(const std::vector<CompletedCommand>& commands) {
  std::string described;
  for (const CompletedCommand& c : commands) {
    described += fmt::format("    '{}:{}'\n", c.name, c.help);
  }
  return fmt::format(kZshScript, described, setting_cases(), option_cases(commands),
                     command_cases(commands), setting_words());
}

std::string fish_option(const CompletedCommand& command, const CompletedOption& option) {
  std::string out =
      fmt::format("complete -c aieb -n '__fish_seen_subcommand_from {}'", command.name);
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) out += option.values.empty() ? " -r -F" : " -x";
  if (!option.values.empty()) out += fmt::format(" -a '{}'", fmt::join(option.values, " "));
  return out + " -d '" + option.help + "'\n";
}

std::string fish_script(const std::vector<CompletedCommand>& commands) {
  std::string out = "# Completion of aieb for fish: aieb completion fish | source\n";
  for (const CompletedCommand& command : commands) {
    out += fmt::format("complete -c aieb -f -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                       command.help);
    for (const CompletedOption& option : command.options) out += fish_option(command, option);
    const std::string when =
        fmt::format("complete -c aieb -n '__fish_seen_subcommand_from {}' -a ", command.name);
    if (!command.words.empty()) out += when + fmt::format("'{}'\n", fmt::join(command.words, " "));
    if (!command.settings) continue;
    for (const auto& [key, values] : settings()) {
      if (values.empty()) out += when + key + "=\n";
      for (const std::string& value : values) out += when + "'" + key + "=" + value + "'\n";
    }
  }
  return out;
}

struct Shell {
  const char* name;
  std::string (*script)(const std::vector<CompletedCommand>&);
};
constexpr std::array kShells = {
    Shell{"bash", bash_script},
    Shell{"zsh", zsh_script},
    Shell{"fish", fish_script},
};

}  // namespace

std::vector<CompletedCommand> completed_commands(const CLI::App& root) {
  std::vector<CompletedCommand> out;
  for (const CLI::App* app : root.get_subcommands({})) {
    CompletedCommand command{app->get_name(), short_help(app->get_description()), {}, {}, false};
    command.settings =
        command.name == "run" || command.name == "sweep" || command.name == "validate";
    for (const CLI::Option* option : app->get_options()) {
      if (option->nonpositional()) {
        command.options.push_back(option_of(command.name, *option));
        continue;
      }
      const std::vector<std::string> words = values_of(command.name, option->get_name());
      command.words.insert(command.words.end(), words.begin(), words.end());
    }
    out.push_back(std::move(command));
  }
  return out;
}

std::vector<std::string> completion_shells() {
  std::vector<std::string> out;
  for (const Shell& shell : kShells) out.emplace_back(shell.name);
  return out;
}

std::string completion_script(const std::string& shell, const CLI::App& root) {
  for (const Shell& known : kShells) {
    if (shell == known.name) return known.script(completed_commands(root));
  }
  throw ConfigError(fmt::format("there is no completion for '{}' (known: {})", shell,
                                fmt::join(completion_shells(), ", ")));
}

}  // namespace aieb::cli
