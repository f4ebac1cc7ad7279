#include "backends/vllm/server_backend.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "backends/vllm/client_setup.h"
#include "backends/vllm/load_driver.h"
#include "backends/vllm/notices.h"
#include "backends/vllm/profile.h"
#include "backends/vllm/server_probe.h"
#include "core/clock.h"
#include "core/error.h"
#include "http/client.h"
#include "http/url.h"

namespace aieb {
namespace {

using server::api_key;
using server::client_options;
using server::Dialect;
using server::ServerProfile;

/// Descriptors beside one a stream: trace, logs, sensors, the event loop.
constexpr rlim_t kOtherDescriptors = 256;

/// Raises the soft limit of open files so that every stream can have its own connection.
void allow_descriptors(const LoadConfig& load) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  // How many an open loop or the stages of a closed one need shows only as they go.
  const bool open_loop =
      (load.mode != "sequential" && load.mode != "closed") || !load.stages.is_null();
  const rlim_t needed = static_cast<rlim_t>(std::max(1, load.concurrency)) + kOtherDescriptors;
  if (!open_loop && limit.rlim_cur >= needed) return;
  if (needed > limit.rlim_max) {
    throw EnvironmentError(fmt::format(
        "scenario.load.concurrency {} needs {} open files, and this machine allows {}. Raise the "
        "hard limit (as root: ulimit -Hn {}) or lower the concurrency",
        load.concurrency, needed, limit.rlim_max, needed));
  }
  limit.rlim_cur = open_loop ? limit.rlim_max : needed;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Dialect first_dialect(const ScenarioConfig& scenario) {
  Dialect dialect;
  dialect.api =
      scenario.use_chat_template == "false" ? server::Api::kCompletions : server::Api::kChat;
  dialect.api_is_forced = scenario.use_chat_template != "auto";
  if (scenario.add_special_tokens != "auto") {
    dialect.add_special_tokens = scenario.add_special_tokens == "true";
  }
  return dialect;
}

class ServerBackend final : public Backend {
 public:
  ServerBackend(const BackendConfig& backend, const ScenarioConfig& scenario)
      : config_(backend),
        load_(scenario.load),
        breaker_failures_(scenario.circuit_breaker.consecutive_failures),
        address_(server::server_address(backend)),
        profile_(address_.profile),
        endpoint_(address_.endpoint),
        client_(client_options(backend, scenario.timeouts, endpoint_, profile_)),
        dialect_(first_dialect(scenario)) {
    const bool plain = endpoint_.scheme() == "http" && !endpoint_.is_loopback();
    if (plain && !api_key(config_, profile_).empty()) {
      notices_.add(
          fmt::format("The API key travels unencrypted to {}: use https", endpoint_.host()));
    }
  }

  [[nodiscard]] BackendInfo info() const override {
    BackendInfo info;
    info.type = config_.type;
    info.engine = "server";
    info.model = config_.model;
    info.model_source = "server";
    info.device = endpoint_.display();
    info.endpoint = config_.endpoint;
    info.details["api"] = server::name_of(dialect_.api, profile_);
    info.details["notices"] = notices_.all();
    if (!facts_) return info;
    info.details["served_models"] = facts_->models;
    info.details["address"] = facts_->address;
    if (!facts_->version.empty()) info.details["server_version"] = facts_->version;
    if (facts_->max_model_len) info.details["max_model_len"] = *facts_->max_model_len;
    return info;
  }

  void validate() override {
    facts_ = server::probe_server(client_, endpoint_, profile_, config_.model, notices_);
    if (endpoint_.host() == "localhost" && !facts_->address.empty()) {
      client_.prefer_address_family(facts_->address.find(':') == std::string::npos ? 4 : 6);
    }
  }

  void load() override { allow_descriptors(load_); }

  void run(const Workload& workload, RunContext& context) override {
    server::LoadDriver driver(client_, {profile_, endpoint_, config_.model, breaker_failures_},
                              dialect_, notices_);
    driver.run(workload, context);
  }

  void unload() override {}

 private:
  BackendConfig config_;
  LoadConfig load_;
  int breaker_failures_;
  server::ServerAddress address_;
  const ServerProfile& profile_;
  const http::Endpoint& endpoint_;
  http::Client client_;
  Dialect dialect_;
  server::Notices notices_;
  std::optional<server::ServerFacts> facts_;
};

}  // namespace

std::unique_ptr<Backend> make_server_backend(const BackendConfig& backend,
                                             const ScenarioConfig& scenario) {
  return std::make_unique<ServerBackend>(backend, scenario);
}

bool server_answers(const BackendConfig& backend) {
  const http::Endpoint endpoint = http::Endpoint::parse(backend.endpoint);
  http::ClientOptions options;
  options.unix_socket = endpoint.unix_socket();
  options.bypass_proxy = endpoint.is_loopback();
  options.tls = http::tls_options_from_environment();
  http::Client client(options);
  return client.fetch({endpoint.api_url("/models"), {}, nanoseconds(1)}).outcome.status != 0;
}

}  // namespace aieb
