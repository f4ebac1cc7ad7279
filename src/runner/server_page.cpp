#include "runner/server_page.h"

#include <utility>

#include "backends/vllm/client_setup.h"
#include "exporters/source_spec.h"
#include "http/url.h"

namespace aieb {
namespace {

/// The page beside the API; a Unix socket stands in the URL.
std::string page_beside(const http::Endpoint& endpoint) {
  if (endpoint.unix_socket().empty()) return endpoint.root_url("/metrics");
  std::string socket;
  for (const char c : endpoint.unix_socket()) socket += c == '/' ? "%2F" : std::string(1, c);
  return "http+unix://" + socket + "/metrics";
}

}  // namespace

std::unique_ptr<exporters::ServerWatch> watch_server(const BenchmarkConfig& config,
                                                     const BackendInfo& info, EventSink& sink) {
  const exporters::ServerPageSpec wanted = exporters::server_page_spec(config.metrics.sources);
  if (info.endpoint.empty() || wanted.url == "off") return nullptr;
  exporters::ServerWatch::Options options;
  options.period_s = wanted.period_s;
  if (wanted.url != "auto") {
    options.url = wanted.url;
    options.asked_for = true;
  } else if (config.backend.type == "vllm") {
    const http::Endpoint endpoint = http::Endpoint::parse(info.endpoint);
    options.url = page_beside(endpoint);
    // The key goes to the server that it is for, and nowhere else.
    options.headers = server::client_options(config.backend, config.scenario.timeouts, endpoint,
                                             server::server_profile(config.backend.type))
                          .headers;
  } else {
    return nullptr;
  }
  return std::make_unique<exporters::ServerWatch>(std::move(options), sink);
}

}  // namespace aieb
