#include <array>

#include "cli/command.h"

namespace aieb::cli {
namespace {

constexpr std::array kCommands = {
    Command{"run", "Run a benchmark and report what it cost", declare_run},
    Command{"sweep", "Run a grid of settings, or find the highest load that meets the SLO",
            declare_sweep},
    Command{"validate", "Check a configuration file without running it", declare_validate},
    Command{"list", "List the runs that were recorded", declare_list},
    Command{"show", "Show one run in detail", declare_show},
    Command{"report", "Write a report of a recorded run again, in any format", declare_report},
    Command{"compare", "Compare runs with the first and say whether they differ", declare_compare},
    Command{"verify", "Compare the native engine with transformers on a model", declare_verify},
    Command{"monitor", "Measure this machine, or any command: aieb monitor -- COMMAND",
            declare_monitor, true},
    Command{"calibrate", "Measure what the load client itself adds to latencies",
            declare_calibrate},
    Command{"carbon", "Show the carbon intensities of places, with their sources", declare_carbon},
    Command{"doctor", "Check what can be measured on this machine", declare_doctor},
    Command{"init", "Write a commented configuration to begin with", declare_init},
    Command{"completion", "Print a shell's completion script", declare_completion},
    Command{"version", "Print the version", declare_version},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace aieb::cli
