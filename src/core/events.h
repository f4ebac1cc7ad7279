#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace aieb {

enum class PhaseKind { kIdle, kLoad, kWarmup, kRamp, kMeasure, kDrain, kCooldown };
std::string_view to_string(PhaseKind kind);
std::optional<PhaseKind> phase_kind_from(std::string_view name);

struct Phase {
  int64_t id = 0;
  PhaseKind kind = PhaseKind::kMeasure;
  int repeat = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;  ///< 0 while open; a reader closes it at the last known time
};

enum class RequestStatus {
  kOk,
  kFailed,
  kCancelled,  ///< begun, and stopped with the run
  kLost,       ///< begun, and the recorder never heard of it again
  kNotBegun,   ///< planned, and the run was stopped before; `done_ns` is when
};
std::string_view to_string(RequestStatus status);
std::optional<RequestStatus> request_status_from(std::string_view name);

/// Tokens that arrived together.
struct TokenArrival {
  int64_t t_ns = 0;
  int count = 1;
};

/// Everything known of one request. Times are CLOCK_MONOTONIC ns; absent ones did not happen.
struct RequestRecord {
  int64_t id = 0;
  int prompt_index = 0;
  int repeat = 0;
  std::string session;
  std::optional<int64_t> planned_ns;
  std::optional<int64_t> queued_ns;
  std::optional<int64_t> sent_ns;
  std::optional<int64_t> first_token_ns;
  std::optional<int64_t> last_token_ns;
  std::optional<int64_t> done_ns;
  RequestStatus status = RequestStatus::kLost;
  std::string error_class;  ///< e.g. timeout, http_5xx, connect, out_of_memory
  std::string error;
  std::optional<int64_t> prompt_tokens;
  std::optional<int64_t> cached_tokens;
  std::optional<int64_t> output_tokens;
  std::optional<int64_t> reasoning_tokens;
  std::string finish_reason;  ///< stop | length | …
  std::string text;
  Json extra = Json::object();  ///< token_ids, last_logits and other backend-specific facts
  std::vector<TokenArrival> token_times;
};

enum class Component { kGpu, kCpu, kDram, kNode, kDisk, kNetwork, kClient };
/// Whether the energy of a run counts it: gpu, cpu and dram. The others are shown beside the total.
bool in_total(Component component);
std::string_view to_string(Component component);
std::optional<Component> component_from(std::string_view name);

enum class DomainKind {
  kCounter,   ///< monotone joules
  kGauge,     ///< watts (or another unit for state: celsius, percent, hertz, bytes)
  kEstimate,  ///< watts from a model, not from a sensor
};
std::string_view to_string(DomainKind kind);
std::optional<DomainKind> domain_kind_from(std::string_view name);

/// One thing a meter measures.
struct Domain {
  int id = 0;  ///< unique in the trace; set by the sampler
  std::string meter;
  Component component = Component::kCpu;
  int index = 0;
  std::string name;  ///< e.g. "package-0", "NVIDIA H100 80GB HBM3"
  DomainKind kind = DomainKind::kCounter;
  std::string unit;              ///< "J", "W", "degC", "%", "MHz", "B"
  double resolution = 0;         ///< one step of the value, in `unit`
  int64_t update_period_ns = 0;  ///< how often the sensor changes; 0: at every read
  double gain_uncertainty = 0;   ///< relative, k = 2: 0.05 means ±5 % of the value
  std::string note;
  int64_t averaging_ns = 0;  ///< a gauge's value is the mean over this long before it; 0: momentary
};

struct Sample {
  int domain_id = 0;
  int64_t t_ns = 0;
  double value = 0;
};

/// A component that cannot be measured, and why; becomes `missing` with this reason.
struct MissingComponent {
  Component component = Component::kCpu;
  std::string meter;
  std::string reason;
  std::string fix;  ///< a command or setting; empty if there is none
};

struct ClockPair {
  int64_t mono_ns = 0;
  int64_t wall_ns = 0;
  int64_t uncertainty_ns = 0;
};

/// Throttling, self-checks, retries, warnings, calibration.
struct TraceEvent {
  int64_t t_ns = 0;
  std::string kind;
  Json data = Json::object();
};

/// Key of `RequestRecord::extra`: when the first token of the answer itself came, after reasoning.
constexpr const char* kFirstAnswerNs = "first_answer_ns";

/// Receives everything that happens in a run. Implementations are thread-safe and never block the
/// caller on I/O.
class EventSink {
 public:
  virtual ~EventSink() = default;

  /// The request left the client (or entered the engine). Kept as `lost` until it is finished.
  virtual void request_started(const RequestRecord& record) = 0;
  /// Tokens arrived; for progress only, the times travel in the finished record.
  virtual void tokens_arrived(int count) = 0;
  virtual void request_finished(RequestRecord record) = 0;

  virtual void phase_begin(const Phase& phase) = 0;
  virtual void phase_end(const Phase& phase) = 0;
  virtual void domain(const Domain& domain) = 0;
  virtual void samples(const std::vector<Sample>& samples) = 0;
  virtual void event(TraceEvent event) = 0;
};

}  // namespace aieb
