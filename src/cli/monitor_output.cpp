#include "cli/monitor_output.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "analysis/footprint.h"
#include "cli/text_table.h"
#include "core/clock.h"
#include "core/version.h"
#include "reporters/csv_format.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

constexpr std::array kCsvColumns = {"time",     "elapsed_s",
                                    "window_s", "component",
                                    "index",    "sensor",
                                    "power_w",  "power_uncertainty_w",
                                    "energy_j", "energy_uncertainty_j",
                                    "source",   "reason"};

Json value_of(const Quantity& q) { return q.known() ? Json(*q.value) : Json(nullptr); }
Json uncertainty_of(const Quantity& q) { return q.known() ? Json(q.uncertainty()) : Json(nullptr); }
Json index_of(const LiveDevice& device) {
  return device.index ? Json(*device.index) : Json(nullptr);
}

std::string csv_row(const MonitorSnapshot& s, const LiveDevice& device) {
  const std::array<Json, kCsvColumns.size()> cells = {iso_utc(s.wall_ns),
                                                      s.reading.elapsed_s,
                                                      s.reading.window_s,
                                                      device.component,
                                                      index_of(device),
                                                      device.name,
                                                      value_of(device.power),
                                                      uncertainty_of(device.power),
                                                      value_of(device.energy),
                                                      uncertainty_of(device.energy),
                                                      to_string(device.energy.source),
                                                      device.energy.reason};
  std::string out;
  for (const Json& cell : cells) out += (out.empty() ? "" : ",") + csv_cell(cell);
  return out + "\n";
}

LiveDevice missing_device(const std::string& component, const std::string& reason) {
  return {component, std::nullopt, "", Quantity::missing("J", reason),
          Quantity::missing("W", reason)};
}

Json device_json(const LiveDevice& device) {
  return {{"component", device.component},
          {"index", index_of(device)},
          {"sensor", device.name.empty() ? Json(nullptr) : Json(device.name)},
          {"power", to_json(device.power)},
          {"energy", to_json(device.energy)}};
}

Quantity emissions(const MonitorSnapshot& s) {
  return emissions_of(s.reading.total.energy, s.carbon);
}

/// Text that may stand between the quotes of a label's value.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

using Labels = std::vector<std::pair<const char*, std::string>>;

/// One metric of the exposition: HELP, TYPE and its samples, none if there is no value.
class MetricText {
 public:
  MetricText(const char* name, const char* type, const char* help)
      : name_(name), head_(fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type)) {}

  void add(const Labels& labels, double value) {
    std::string text;
    for (const auto& [key, label] : labels) {
      text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", key, escaped(label));
    }
    samples_ += text.empty() ? fmt::format("{} {}\n", name_, value)
                             : fmt::format("{}{{{}}} {}\n", name_, text, value);
  }

  [[nodiscard]] std::string text() const { return samples_.empty() ? "" : head_ + samples_; }

 private:
  const char* name_;
  std::string head_;
  std::string samples_;
};

Labels labels_of(const LiveDevice& device, const Quantity& quantity) {
  return {{"component", device.component},
          {"index", device.index ? std::to_string(*device.index) : ""},
          {"sensor", device.name},
          {"source", std::string(to_string(quantity.source))}};
}

struct DeviceMetric {
  const char* name;
  const char* type;
  const char* help;
  Quantity LiveDevice::* quantity;
  bool uncertainty;
};

constexpr std::array kDeviceMetrics = {
    DeviceMetric{"aieb_energy_joules_total", "counter",
                 "Energy used since the exporter began, by device. node is a whole machine and "
                 "must not be added to the others.",
                 &LiveDevice::energy, false},
    DeviceMetric{"aieb_energy_uncertainty_joules", "gauge",
                 "Expanded uncertainty (k=2, 95 %) of aieb_energy_joules_total.",
                 &LiveDevice::energy, true},
    DeviceMetric{"aieb_power_watts", "gauge", "Mean power over the last window, by device.",
                 &LiveDevice::power, false},
    DeviceMetric{"aieb_power_uncertainty_watts", "gauge",
                 "Expanded uncertainty (k=2, 95 %) of aieb_power_watts.", &LiveDevice::power, true},
};

std::string carbon_metrics(const MonitorSnapshot& s) {
  const Labels place = {{"country", s.carbon.country_iso_code},
                        {"region", s.carbon.region},
                        {"assumed", s.carbon.assumed ? "true" : "false"}};
  MetricText intensity("aieb_carbon_intensity_grams_per_kwh", "gauge",
                       "Grid carbon intensity that emissions are computed with.");
  if (s.carbon.unknown.empty()) intensity.add(place, s.carbon.g_per_kwh);
  MetricText spread("aieb_carbon_intensity_uncertainty_grams_per_kwh", "gauge",
                    "Expanded uncertainty (k=2, 95 %) of aieb_carbon_intensity_grams_per_kwh.");
  const bool stated = s.carbon.uncertainty_g_per_kwh > 0;
  if (s.carbon.unknown.empty() && stated) spread.add(place, s.carbon.uncertainty_g_per_kwh);
  MetricText grams("aieb_emissions_grams_total", "counter",
                   "CO2 equivalents of gpu + cpu + dram, PUE applied.");
  MetricText error("aieb_emissions_uncertainty_grams", "gauge",
                   "Expanded uncertainty (k=2, 95 %) of aieb_emissions_grams_total.");
  const Quantity emitted = emissions(s);
  if (emitted.known()) {
    grams.add(place, *emitted.value);
    error.add(place, emitted.uncertainty());
  }
  return intensity.text() + spread.text() + grams.text() + error.text();
}

std::string missing_metrics(const MonitorSnapshot& s) {
  MetricText missing("aieb_component_missing_info", "gauge",
                     "1 for every component that cannot be measured, with the reason.");
  for (const auto& [component, reason] : s.reading.missing) {
    missing.add({{"component", component}, {"reason", reason}}, 1);
  }
  return missing.text();
}

/// The total of the table is not the sum of its rows where one of them is not part of it.
bool beside_total(const LiveDevice& device) {
  const std::optional<Component> component = component_from(device.component);
  return component && !in_total(*component);
}

std::string device_name(const LiveDevice& device) {
  return device.index ? fmt::format("{} {}", device.component, *device.index) : device.component;
}

std::string known_text(const Quantity& quantity, const char* unit) {
  return quantity.known() ? quantity_text(quantity, unit) : "unknown";
}

Quantity in_wh(const Quantity& energy) {
  return energy.known() ? energy.scaled(1 / kJoulesPerWh, "Wh") : energy;
}

std::vector<std::string> table_row(const MonitorSnapshot& s, const LiveDevice& d, bool mean) {
  const bool has_mean = d.energy.known() && s.reading.elapsed_s > 0;
  const Quantity power = !mean ? d.power
                               : (has_mean ? d.energy.scaled(1 / s.reading.elapsed_s, "W")
                                           : Quantity::missing("W", ""));
  std::string source = d.energy.known() ? std::string(to_string(d.energy.source)) : d.energy.reason;
  if (!d.name.empty()) source += " (" + d.name + ")";
  if (beside_total(d)) source += ", beside the total";
  return {"  " + device_name(d), known_text(power, "W"), known_text(in_wh(d.energy), "Wh"), source};
}

std::string place_text(const CarbonFactor& c) {
  if (!c.unknown.empty()) return c.unknown;
  std::string out = number_text(c.g_per_kwh) + " g/kWh";
  if (!c.country_iso_code.empty()) out += ", " + c.country_iso_code;
  if (!c.region.empty()) out += " (" + c.region + ")";
  if (c.year > 0) out += ", " + std::to_string(c.year);
  return out + (c.assumed ? ", assumed: set --country" : "");
}

}  // namespace

CarbonFactor LiveIntensityMean::add(CarbonFactor factor, const LiveReading& reading,
                                    int64_t wall_ns) {
  if (!factor.series) return factor;
  if (unknown_.empty()) unknown_ = uncovered(factor, wall_ns, wall_ns);
  factor.unknown = unknown_;
  if (!unknown_.empty()) return factor;
  const CarbonInterval now = *std::ranges::find_if(
      factor.series->intervals, [&](const CarbonInterval& i) { return i.to_ns > wall_ns; });
  if (parts_.empty() || parts_.back().interval.from_ns != now.from_ns) parts_.push_back({now});
  const double energy_j = reading.total.energy.value.value_or(energy_j_);
  parts_.back().energy_j += std::max(0.0, energy_j - energy_j_);
  energy_j_ = energy_j;
  if (energy_j_ > 0) return averaged(std::move(factor), parts_);
  factor.g_per_kwh = now.g_per_kwh;  // nothing was used yet
  factor.uncertainty_g_per_kwh = now.uncertainty_g_per_kwh;
  return factor;
}

std::string monitor_csv_header() { return fmt::format("{}\n", fmt::join(kCsvColumns, ",")); }

std::string monitor_csv_rows(const MonitorSnapshot& s) {
  std::string out;
  for (const LiveDevice& device : s.reading.devices) out += csv_row(s, device);
  for (const auto& [component, reason] : s.reading.missing) {
    out += csv_row(s, missing_device(component, reason));
  }
  return out + csv_row(s, s.reading.total);
}

Json monitor_json(const MonitorSnapshot& s, bool final) {
  Json devices = Json::array();
  for (const LiveDevice& device : s.reading.devices) devices.push_back(device_json(device));
  for (const auto& [component, reason] : s.reading.missing) {
    devices.push_back(device_json(missing_device(component, reason)));
  }
  return {{"schema_version", 1},
          {"final", final},
          {"time", iso_utc(s.wall_ns)},
          {"elapsed_s", s.reading.elapsed_s},
          {"window_s", s.reading.window_s},
          {"devices", devices},
          {"total", device_json(s.reading.total)},
          {"emissions", to_json(emissions(s))},
          {"carbon", to_json(s.carbon)}};
}

std::string monitor_prometheus(const MonitorSnapshot& s) {
  std::string out;
  for (const DeviceMetric& metric : kDeviceMetrics) {
    MetricText text(metric.name, metric.type, metric.help);
    for (const LiveDevice& device : s.reading.devices) {
      const Quantity& q = device.*metric.quantity;
      if (q.known())
        text.add(labels_of(device, q), metric.uncertainty ? q.uncertainty() : *q.value);
    }
    out += text.text();
  }
  MetricText elapsed("aieb_monitored_seconds_total", "counter", "Time that the energy belongs to.");
  elapsed.add({}, s.reading.elapsed_s);
  MetricText build("aieb_build_info", "gauge", "1, with the version of aieb.");
  build.add({{"version", version()}}, 1);
  return out + carbon_metrics(s) + missing_metrics(s) + elapsed.text() + build.text();
}

std::string monitor_table(const MonitorSnapshot& s, bool mean) {
  TextTable table({"  component", mean ? "mean power" : "power", "energy", "source"});
  for (const LiveDevice& device : s.reading.devices) table.add(table_row(s, device, mean));
  for (const auto& [component, reason] : s.reading.missing) {
    table.add(table_row(s, missing_device(component, reason), mean));
  }
  LiveDevice total = s.reading.total;
  if (!s.reading.missing.empty()) total.name = "without what is unknown";
  table.add(table_row(s, total, mean));
  const Quantity emitted = emissions(s);
  table.add({"  emissions", "", known_text(emitted, "g"), place_text(s.carbon)});
  return table.text();
}

std::string monitor_line(const MonitorSnapshot& s) {
  const LiveReading& r = s.reading;
  std::string parts;
  for (const LiveDevice& d : r.devices) {
    if (beside_total(d) && d.power.source == Source::kEstimated) continue;
    parts +=
        fmt::format("{}{} {}", parts.empty() ? "" : ", ", device_name(d), known_text(d.power, "W"));
    if (d.power.source == Source::kEstimated) parts += " estimated";
  }
  for (const auto& [component, reason] : r.missing) {
    parts += fmt::format("{}{} unknown", parts.empty() ? "" : ", ", component);
  }
  return fmt::format("{}: {}, {} ({})", duration_text(r.elapsed_s), known_text(r.total.power, "W"),
                     known_text(in_wh(r.total.energy), "Wh"), parts);
}

}  // namespace aieb::cli
