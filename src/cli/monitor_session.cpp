#include "cli/monitor_session.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "config/parser.h"
#include "core/clock.h"
#include "core/error.h"

namespace aieb::cli {
namespace {

int leave_open(std::FILE*) { return 0; }

}  // namespace

BenchmarkConfig monitor_config(const MonitorArguments& a) {
  LoadedConfig loaded = load_config({.path = a.config.path, .overrides = a.config.overrides});
  if (!a.quiet) {
    for (const std::string& text : loaded.warnings) {
      std::fprintf(stderr, "warning: %s\n", text.c_str());
    }
  }
  BenchmarkConfig& config = loaded.config;
  config.name = a.name;
  config.output_dir = a.output_dir;
  config.metrics.enabled = true;
  if (a.idle_s) config.metrics.idle_s = *a.idle_s;
  if (!a.country.empty()) {
    config.metrics.country_iso_code = a.country;
    config.metrics.region.clear();
  }
  if (!a.region.empty()) config.metrics.region = a.region;
  config.metrics.location_given |= !a.country.empty() || !a.region.empty();
  return std::move(config);
}

RowFile::RowFile(const std::string& path)
    : path_(path),
      file_(path == "-" ? stdout : std::fopen(path.c_str(), "we"),
            path == "-" ? leave_open : std::fclose) {
  if (!file_) {
    throw EnvironmentError("cannot write " + path + ": " + std::strerror(errno) +
                           ". Choose another file or make its folder.");
  }
}

void RowFile::write(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
  if (written && std::fflush(file_.get()) == 0) return;
  throw EnvironmentError("cannot write " + path_ + ": " + std::strerror(errno) + ".");
}

MonitorSession::MonitorSession(const MonitorArguments& a, MonitorOptions options, bool json_rows)
    : monitor_(monitor_config(a), std::move(options)) {
  if (!a.csv.empty()) csv_.emplace(a.csv);
  if (!a.json.empty() && json_rows) json_.emplace(a.json);
  if (csv_) csv_->write(monitor_csv_header());
  latest_.carbon = intensity_.add(monitor_.carbon(), latest_.reading, wall_ns());
  if (!a.prometheus.empty()) open_exporter(a.prometheus);
}

void MonitorSession::open_exporter(const std::string& address) {
  http::TextServer::Page page;
  page.content_type = kPrometheusContentType;
  page.text = [this] {
    const std::lock_guard lock(mutex_);
    return monitor_prometheus(latest_);
  };
  server_ = std::make_unique<http::TextServer>(address, std::move(page));
}

MonitorSnapshot MonitorSession::tick(bool final) {
  MonitorSnapshot now{monitor_.read(), {}, 0, false};
  now.wall_ns = wall_ns() - (now_ns() - now.reading.t_ns);
  now.carbon = intensity_.add(monitor_.carbon(), now.reading, now.wall_ns);
  now.news = now.reading.window_s > 0 && now.reading.t_ns != latest_.reading.t_ns;
  {
    const std::lock_guard lock(mutex_);
    latest_ = now;
  }
  if (!now.news && !final) return now;
  if (csv_) csv_->write(monitor_csv_rows(now));
  if (json_) json_->write(monitor_json(now, final).dump() + "\n");
  return now;
}

}  // namespace aieb::cli
