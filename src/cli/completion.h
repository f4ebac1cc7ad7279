#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace aieb::cli {

/// One candidate with what it means.
struct Candidate {
  std::string word;
  std::string help;
};

/// An option of a command, by all of its spellings.
struct CompletedOption {
  std::vector<std::string> names;  ///< "-o", "--output"
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  ///< known ones; empty: files
};

struct CompletedCommand {
  std::string name;
  std::string help;
  std::vector<CompletedOption> options;
  std::vector<std::string> words;  ///< known arguments besides files
  bool settings = false;           ///< takes key=value
};

/// All that can be completed, from the declared commands and the option table.
std::vector<CompletedCommand> completed_commands(const CLI::App& root);

/// Shells for which there is a script.
std::vector<std::string> completion_shells();

/// The script to be sourced. Throws ConfigError for another shell.
std::string completion_script(const std::string& shell, const CLI::App& root);

}  // namespace aieb::cli
