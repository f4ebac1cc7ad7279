#include "exporters/page_fetcher.h"

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"

namespace aieb::exporters {
namespace {

constexpr int64_t kConnectTimeoutNs = 3'000'000'000;
constexpr int64_t kTimeoutNs = 5'000'000'000;
constexpr size_t kMaxBytes = size_t{32} << 20;
constexpr size_t kShownBytes = 200;
constexpr std::string_view kMetricsPage = "/metrics";

class PageExchange final : public http::Exchange {
 public:
  void on_sent(int64_t t_ns) override { page.sent_ns = t_ns; }
  void on_response(int, std::string_view content_type) override {
    page.content_type = content_type;
    page.received_ns = now_ns();
  }
  bool on_body(std::string_view bytes, http::Arrival) override {
    if (page.body.size() + bytes.size() > kMaxBytes) return false;
    page.body.append(bytes);
    return true;
  }
  void on_done(const http::Outcome& result) override {
    outcome = result;
    done = true;
  }

  Page page;
  http::Outcome outcome;
  bool done = false;
};

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), kShownBytes));
}

http::ClientOptions options_for(const http::Endpoint& endpoint, const std::string& token_variable,
                                const std::vector<std::string>& headers) {
  http::ClientOptions options;
  options.timeouts = {kConnectTimeoutNs, 0, kTimeoutNs};
  options.tls = http::tls_options_from_environment();
  options.unix_socket = endpoint.unix_socket();
  options.bypass_proxy = endpoint.is_loopback();
  options.headers = headers;
  const char* token = token_variable.empty() ? nullptr : std::getenv(token_variable.c_str());
  if (token != nullptr && *token != '\0') {
    options.headers.push_back(fmt::format("Authorization: Bearer {}", token));
  }
  return options;
}

std::string reason_of(const http::Outcome& outcome) {
  switch (outcome.error) {
    case http::ErrorClass::kTimeoutConnect:
    case http::ErrorClass::kTimeoutFirstToken:
    case http::ErrorClass::kTimeoutTotal:
      return "no answer within 5 s";
    default:
      return outcome.message;
  }
}

}  // namespace

PageFetcher::PageFetcher(const std::string& url, const std::string& token_variable,
                         const std::vector<std::string>& headers)
    : endpoint_(http::Endpoint::parse(url)),
      names_metrics_(url.substr(0, url.find('?')).ends_with(kMetricsPage)),
      client_(std::make_unique<http::Client>(options_for(endpoint_, token_variable, headers))) {}

PageFetcher::~PageFetcher() = default;

Page PageFetcher::get(std::string_view path) {
  const std::string url = endpoint_.root_url(path);
  PageExchange exchange;
  if (!stopped_) {
    client_->start({url, {}, {}}, exchange);
    while (!exchange.done) {
      client_->poll(now_ns() + kTimeoutNs);
      if (stopped_) client_->cancel_all();
    }
  }
  if (stopped_) throw SourceError("stopped");
  const http::Outcome& outcome = exchange.outcome;
  if (outcome.error != http::ErrorClass::kNone) {
    throw SourceError(fmt::format("GET {}: {}", url, reason_of(outcome)));
  }
  if (outcome.status != 200) {
    throw SourceError(
        fmt::format("GET {}: HTTP {} {}", url, outcome.status, first_line(exchange.page.body)));
  }
  return std::move(exchange.page);
}

std::string_view PageFetcher::page_or(std::string_view otherwise) const {
  if (names_metrics_) return kMetricsPage;
  const std::string url = endpoint_.root_url("");
  const size_t host = url.find("://") + 3;
  const bool has_path = url.substr(0, url.find('?')).find('/', host) != std::string::npos;
  return has_path ? "" : otherwise;
}

void PageFetcher::stop() {
  stopped_ = true;
  client_->wake();
}

}  // namespace aieb::exporters
