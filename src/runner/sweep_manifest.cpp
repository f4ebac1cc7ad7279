#include "runner/sweep_manifest.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

constexpr int kSchemaVersion = 1;

Json to_json(const SweepSettings& settings) {
  Json out = Json::object();
  for (const SweepSetting& s : settings) out[s.key] = s.value;
  return out;
}

SweepSettings settings_from(const Json& json) {
  SweepSettings out;
  for (const auto& [key, value] : json.items()) out.push_back({key, value.get<std::string>()});
  return out;
}

Json to_json(const std::vector<SweepAxis>& axes) {
  Json out = Json::object();
  for (const SweepAxis& axis : axes) out[axis.key] = axis.values;
  return out;
}

Json to_json(const std::optional<SweepSearch>& search) {
  if (!search) return nullptr;
  const SearchRange& r = search->range;
  return {{"key", r.key},
          {"low", r.low},
          {"high", r.high},
          {"whole_numbers", r.whole},
          {"tolerance", r.tolerance},
          {"max_points", r.max_probes},
          {"target", search->target}};
}

std::optional<SweepSearch> search_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  SweepSearch out;
  json.at("key").get_to(out.range.key);
  json.at("low").get_to(out.range.low);
  json.at("high").get_to(out.range.high);
  json.at("whole_numbers").get_to(out.range.whole);
  json.at("tolerance").get_to(out.range.tolerance);
  json.at("max_points").get_to(out.range.max_probes);
  json.at("target").get_to(out.target);
  return out;
}

Json entry_json(const SweepEntry& entry, const fs::path& folder) {
  const Json trace = entry.trace.empty()
                         ? Json(nullptr)
                         : Json(fs::path(entry.trace).lexically_proximate(folder).string());
  return {{"settings", to_json(entry.settings)},
          {"state", entry.measured() ? "measured" : "failed"},
          {"reason", entry.measured() ? Json(nullptr) : Json(entry.failure)},
          {"exit_code", entry.exit_code},
          {"trace", trace},
          {"met_target", entry.met ? Json(*entry.met) : Json(nullptr)}};
}

SweepEntry entry_from(const Json& json, const fs::path& folder) {
  SweepEntry out;
  out.settings = settings_from(json.at("settings"));
  if (json.at("state") != "measured") json.at("reason").get_to(out.failure);
  json.at("exit_code").get_to(out.exit_code);
  if (const Json& trace = json.at("trace"); trace.is_string()) {
    out.trace = (folder / trace.get<std::string>()).lexically_normal().string();
  }
  if (const Json& met = json.at("met_target"); met.is_boolean()) out.met = met.get<bool>();
  return out;
}

/// What makes a sweep that sweep.
Json identity_json(const SweepManifest& m) {
  return {{"config", m.config}, {"grid", to_json(m.axes)}, {"search", to_json(m.search)}};
}

SweepManifest read(const Json& json, const fs::path& folder) {
  if (json.at("schema") != kSchemaVersion) {
    throw DataError(fmt::format("the manifest has schema {}, this version reads {}",
                                json.at("schema").dump(), kSchemaVersion));
  }
  SweepManifest out;
  json.at("name").get_to(out.name);
  out.config = json.at("config");
  for (const auto& [key, values] : json.at("grid").items()) {
    out.axes.push_back({key, values.get<std::vector<std::string>>()});
  }
  out.search = search_from(json.at("search"));
  for (const Json& entry : json.at("points")) out.entries.push_back(entry_from(entry, folder));
  return out;
}

}  // namespace

bool SweepManifest::same_sweep(const SweepManifest& other) const {
  return identity_json(*this) == identity_json(other);
}

const SweepEntry* SweepManifest::find(const SweepSettings& settings) const {
  const auto found = std::ranges::find(entries, settings, &SweepEntry::settings);
  return found == entries.end() ? nullptr : &*found;
}

void SweepManifest::record(SweepEntry entry) {
  const auto old = std::ranges::find(entries, entry.settings, &SweepEntry::settings);
  if (!search && old != entries.end()) {
    *old = std::move(entry);
  } else {
    entries.push_back(std::move(entry));
  }
}

std::vector<SearchProbe> SweepManifest::probes() const {
  std::vector<SearchProbe> out;
  for (const SweepEntry& e : entries) {
    if (e.measured() && e.met) out.push_back({std::stod(e.settings.front().value), *e.met});
  }
  return out;
}

std::string sweep_fingerprint(const SweepManifest& manifest) {
  // FNV-1a (Fowler, Noll, Vo), 32 bits.
  uint32_t hash = 2166136261U;
  for (const char c : identity_json(manifest).dump()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return fmt::format("{:08x}", hash);
}

Json to_json(const SweepManifest& manifest, const std::string& folder) {
  Json points = Json::array();
  for (const SweepEntry& entry : manifest.entries) points.push_back(entry_json(entry, folder));
  return {{"schema", kSchemaVersion},           {"name", manifest.name},
          {"config", manifest.config},          {"grid", to_json(manifest.axes)},
          {"search", to_json(manifest.search)}, {"points", points}};
}

SweepManifest manifest_from_json(const Json& json, const std::string& folder) {
  try {
    return read(json, folder);
  } catch (const Json::exception& error) {
    throw DataError(std::string("the manifest has another shape: ") + error.what());
  }
}

}  // namespace aieb
