#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/config_choice.h"
#include "cli/monitor_output.h"
#include "http/text_server.h"
#include "runner/monitor.h"

namespace aieb::cli {

/// What the command line of `aieb monitor` says.
struct MonitorArguments {
  std::vector<std::string> words;
  std::vector<std::string> command;  ///< after "--"; empty: the machine is watched
  ConfigArguments config;            ///< a file and settings before the "--"
  std::string csv;
  std::string json;
  std::string prometheus;
  std::string trace;
  std::string name;
  std::string output_dir;
  std::string country;
  std::string region;
  double interval_s = 1;
  std::optional<double> duration_s;
  std::optional<double> idle_s;
  bool quiet = false;
};

/// The configuration of a recording: defaults, the file, environment, settings, then the options.
/// Of a file only what is about metrics matters.
BenchmarkConfig monitor_config(const MonitorArguments& arguments);

/// A stream of rows to a file or, for "-", to stdout; every row is there when `write` returns.
class RowFile {
 public:
  /// Throws EnvironmentError when the file cannot be made. An existing one is replaced.
  explicit RowFile(const std::string& path);
  /// Throws EnvironmentError (disk full).
  void write(const std::string& text);

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

/// The sensors and the outputs of one `aieb monitor`.
class MonitorSession {
 public:
  /// Opens the outputs and the exporter's port. `json_rows`: `--json` is a stream of readings.
  MonitorSession(const MonitorArguments& arguments, MonitorOptions options, bool json_rows);

  [[nodiscard]] Monitor& monitor() { return monitor_; }

  /// Takes a reading and, if it holds news or is the final one, writes it wherever it was asked
  /// for.
  MonitorSnapshot tick(bool final = false);

  /// Where the exporter listens; empty without one.
  [[nodiscard]] std::string exporter_url() const { return server_ ? server_->url() : ""; }

 private:
  void open_exporter(const std::string& address);

  Monitor monitor_;
  LiveIntensityMean intensity_;
  std::optional<RowFile> csv_;
  std::optional<RowFile> json_;
  std::mutex mutex_;
  MonitorSnapshot latest_;
  std::unique_ptr<http::TextServer> server_;
};

}  // namespace aieb::cli
