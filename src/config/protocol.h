#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/option.h"

namespace aieb {

/// How a measurement is taken: `metrics.protocol`, resolved. docs/protocols.md has the fields and
/// the named protocols.
struct Protocol {
  std::string name;  ///< empty: none was named
  double idle_s = 5;
  int warmup_prompts = 1;           ///< answered in one round of warm-up
  std::optional<double> warmup_cv;  ///< stable at or below this coefficient of variation; absent:
                                    ///< one round, and nothing is checked
  int warmup_window = 5;            ///< rounds over which it is taken
  int max_warmup_rounds = 30;
  std::optional<double> cooldown_c;  ///< °C that every GPU must have fallen to before a repeat
  double cooldown_timeout_s = 300;
  double min_window_s = 0;
  std::string short_window = "flag";  ///< flag | extend | refuse
  std::string window = "measure";     ///< measure | steady_state: what min_window_s is about
  int repeats = 1;
  double pause_s = 0;                ///< longest random pause before a repeat begins
  std::optional<int> samples;        ///< prompts of a repeat; absent: scenario.num_samples
  std::string energy = "total";      ///< total | gpu: what outliers are looked for in
  std::vector<std::string> changed;  ///< fields in which it is not the named protocol any more

  [[nodiscard]] bool is_set() const { return !name.empty() || repeats > 1 || min_window_s > 0; }
};

/// The fields of `metrics.protocol` for the parser.
const std::vector<OptionFacts>& protocol_members();

/// Names of the protocols that need no fields.
std::vector<std::string> protocol_names();

/// The protocol of a configuration: its own fields, else those of the named protocol, else
/// `metrics.idle_s`, `metrics.warmup_prompts` and the defaults. Throws ConfigError.
Protocol protocol_of(const MetricsConfig& metrics);

/// Writes what the protocol says of the number of prompts, the idle time and the warm-up into the
/// settings of that name. Doing it twice changes nothing.
void apply_protocol(BenchmarkConfig& config);

/// Every field by its name, null where it is not set; and `changed`.
Json to_json(const Protocol& protocol);

}  // namespace aieb
