#include "reporters/write.h"

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "reporters/file_output.h"
#include "reporters/sqlite.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

/// What a bug report needs, without prompts and answers.
std::string debug_info(const Results& results) {
  const Json info = {{"run_id", results.run_id},
                     {"written", iso_utc(wall_ns())},
                     {"tool_version", results.tool_version},
                     {"backend", results.backend_info},
                     {"environment", results.environment},
                     {"config", results.config},
                     {"protocol", results.protocol},
                     {"warnings", results.warnings},
                     {"files", results.files}};
  return info.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

constexpr Reporter kDebugInfo = {"debug_info", ".json", WriteMode::kReplace,
                                 "configuration, machine and warnings of a run", debug_info};

/// A file to write, and how the list of files names it.
struct Output {
  std::string label;
  std::string path;
  Reporter reporter;
};

/// `path`, or with -2, -3 … before the extension when it exists.
std::string unused_path(const fs::path& path) {
  fs::path candidate = path;
  for (int n = 2; fs::exists(candidate); ++n) {
    candidate = path;
    candidate.replace_filename(path.stem().string() + "-" + std::to_string(n) +
                               path.extension().string());
  }
  return candidate.string();
}

std::string unused_label(const std::vector<Output>& outputs, std::string_view name) {
  size_t same = 1;
  for (const Output& output : outputs) same += output.label.starts_with(name) ? 1 : 0;
  return std::string(name) + (same == 1 ? "" : "_" + std::to_string(same));
}

std::vector<Output> plan_outputs(const BenchmarkConfig& config, int64_t started_wall_ns) {
  std::vector<Output> out;
  for (const ReporterConfig& entry : config.reporters) {
    const Reporter& reporter = find_reporter(entry.type);
    out.push_back({unused_label(out, reporter.name), entry.output_file, reporter});
  }
  if (config.metrics.enabled && config.metrics.type == "codecarbon") {
    const fs::path dir = config.metrics.output_dir;
    out.push_back({"emissions", (dir / "emissions.csv").string(), find_reporter("codecarbon")});
    Reporter own = find_reporter("codecarbon");
    own.mode = WriteMode::kReplace;
    const fs::path path = dir / ("emissions_" + compact_utc(started_wall_ns) + ".csv");
    out.push_back({"emissions_run", unused_path(path), own});
  }
  const fs::path debug = fs::path(config.output_dir) / "debug_info.json";
  out.push_back({"debug_info", debug.string(), kDebugInfo});
  return out;
}

std::vector<OtherOutput> places_of(const std::vector<Output>& outputs) {
  std::vector<OtherOutput> places;
  for (const Output& output : outputs) places.push_back({output.label, output.path});
  return places;
}

/// The second would replace the first, or add its row once more.
void refuse_shared_files(const std::vector<OtherOutput>& files) {
  for (size_t i = 0; i < files.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!name_one_file(files[i].path, files[j].path)) continue;
      throw ConfigError("the outputs " + files[j].label + " and " + files[i].label +
                        " would be written to one file, " + files[i].path +
                        ": give each its own (reporter.output_file of a report)");
    }
  }
}

}  // namespace

void write_report(const Reporter& reporter, const Results& results, const std::string& path) {
  const std::string bytes = reporter.serialize(results);
  if (reporter.companion) {
    const fs::path beside = fs::path(path).replace_filename(reporter.companion->file_name);
    write_file(beside.string(), reporter.companion->serialize(results));
  }
  switch (reporter.mode) {
    case WriteMode::kReplace:
      return write_file(path, bytes);
    case WriteMode::kAddToDatabase:
      return fs::is_regular_file(path) ? add_to_database(path, bytes) : write_file(path, bytes);
    case WriteMode::kAppendRows:
      if (const auto backup = append_rows(path, bytes)) {
        log::warning(path + " had other columns; it is kept as " + *backup);
      }
  }
}

Json write_reports(Results& results, const BenchmarkConfig& config, const std::string& trace_path) {
  const std::vector<Output> outputs = plan_outputs(config, results.started_wall_ns);
  Json& files = results.files;
  if (!files.is_object()) files = Json::object();
  for (const Output& output : outputs) files[output.label] = output.path;
  if (!trace_path.empty()) files["trace"] = trace_path;
  std::string failures;
  for (const Output& output : outputs) {
    try {
      write_report(output.reporter, results, output.path);
    } catch (const Error& e) {
      failures += (failures.empty() ? "" : "\n") + std::string(e.what());
      files.erase(output.label);
    }
  }
  if (!failures.empty()) {
    throw EnvironmentError(failures + "\nThe run itself is kept in " + trace_path +
                           "; write a report again with: aieb report " + trace_path +
                           " --format csv -o FILE");
  }
  return files;
}

void require_reports_writable(const BenchmarkConfig& config,
                              const std::vector<OtherOutput>& others) {
  const std::vector<Output> outputs = plan_outputs(config, wall_ns());
  std::vector<OtherOutput> files = places_of(outputs);
  files.insert(files.end(), others.begin(), others.end());
  refuse_shared_files(files);
  for (const OtherOutput& file : files) require_writable(file.path);
  for (const Output& output : outputs) {
    const bool adds = output.reporter.mode == WriteMode::kAddToDatabase;
    if (adds && fs::is_regular_file(output.path)) require_database(output.path);
  }
}

void refuse_shared_reports(const BenchmarkConfig& config) {
  refuse_shared_files(places_of(plan_outputs(config, wall_ns())));
}

}  // namespace aieb
