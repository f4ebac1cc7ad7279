#include "core/events.h"

#include <array>
#include <utility>

namespace aieb {
namespace {

template <typename Enum, size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<PhaseKind, 7> kPhaseKinds{{{PhaseKind::kIdle, "idle"},
                                           {PhaseKind::kLoad, "load"},
                                           {PhaseKind::kWarmup, "warmup"},
                                           {PhaseKind::kRamp, "ramp"},
                                           {PhaseKind::kMeasure, "measure"},
                                           {PhaseKind::kDrain, "drain"},
                                           {PhaseKind::kCooldown, "cooldown"}}};

constexpr Names<RequestStatus, 5> kStatuses{{{RequestStatus::kOk, "ok"},
                                             {RequestStatus::kFailed, "failed"},
                                             {RequestStatus::kCancelled, "cancelled"},
                                             {RequestStatus::kLost, "lost"},
                                             {RequestStatus::kNotBegun, "not_begun"}}};

constexpr Names<Component, 7> kComponents{{{Component::kGpu, "gpu"},
                                           {Component::kCpu, "cpu"},
                                           {Component::kDram, "dram"},
                                           {Component::kNode, "node"},
                                           {Component::kDisk, "disk"},
                                           {Component::kNetwork, "network"},
                                           {Component::kClient, "client"}}};

constexpr Names<DomainKind, 3> kDomainKinds{{{DomainKind::kCounter, "counter"},
                                             {DomainKind::kGauge, "gauge"},
                                             {DomainKind::kEstimate, "estimate"}}};

template <typename Enum, size_t N>
std::string_view name_of(const Names<Enum, N>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <typename Enum, size_t N>
std::optional<Enum> value_of(const Names<Enum, N>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(PhaseKind v) { return name_of(kPhaseKinds, v); }
std::string_view to_string(RequestStatus v) { return name_of(kStatuses, v); }
std::string_view to_string(Component v) { return name_of(kComponents, v); }
bool in_total(Component c) {
  return c == Component::kGpu || c == Component::kCpu || c == Component::kDram;
}
std::string_view to_string(DomainKind v) { return name_of(kDomainKinds, v); }
std::optional<PhaseKind> phase_kind_from(std::string_view s) { return value_of(kPhaseKinds, s); }
std::optional<RequestStatus> request_status_from(std::string_view s) {
  return value_of(kStatuses, s);
}
std::optional<Component> component_from(std::string_view s) { return value_of(kComponents, s); }
std::optional<DomainKind> domain_kind_from(std::string_view s) { return value_of(kDomainKinds, s); }

}  // namespace aieb
