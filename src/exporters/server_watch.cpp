#include "exporters/server_watch.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include "core/clock.h"
#include "core/log.h"
#include "exporters/server_metrics.h"

namespace aieb::exporters {
namespace {

constexpr int kTriesAtEnd = 10;
constexpr auto kPauseAtEnd = std::chrono::milliseconds(50);

}  // namespace

ServerWatch::ServerWatch(Options options, EventSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      marks_(options_.url, "", options_.headers),
      ticks_(options_.url, "", options_.headers) {
  try {
    read_page(marks_, true);
    works_ = true;
  } catch (const SourceError& error) {
    tell(error.what());
    if (options_.asked_for) {
      const std::string text = fmt::format("the server's metrics are not read: {}", error.what());
      log::warning(text);
      sink_.event({now_ns(), "warning", Json{{"text", text}}});
    }
    return;
  }
  thread_ = std::jthread([this] { run(); });
}

ServerWatch::~ServerWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  ticks_.stop();
}

double ServerWatch::read_page(PageFetcher& fetcher, bool whole) {
  const Page page = fetcher.get(fetcher.page_or("/metrics"));
  std::optional<ServerMetrics> metrics;
  try {
    metrics = server_metrics(parse_exposition(page.body, exposition_format(page.content_type)));
  } catch (const ExpositionError& error) {
    throw SourceError(
        fmt::format("{} is not in Prometheus' text format: {}", options_.url, error.what()));
  }
  if (!metrics) {
    throw SourceError(fmt::format("{} has no metric of vLLM, SGLang or llama.cpp", options_.url));
  }
  Json data = to_json(*metrics, whole);
  data["url"] = options_.url;
  sink_.event({page.middle_ns(), "server_metrics", std::move(data)});
  const auto running = metrics->values.find("running");
  return running == metrics->values.end() ? 0 : running->second;
}

void ServerWatch::begin_measure() { mark(false); }
void ServerWatch::end_measure() { mark(true); }

void ServerWatch::mark(bool settled) {
  if (!works_) return;
  try {
    for (int i = 1; read_page(marks_, true) > 0 && settled && i < kTriesAtEnd; ++i) {
      std::this_thread::sleep_for(kPauseAtEnd);
    }
  } catch (const SourceError& error) {
    tell(error.what());
  }
}

void ServerWatch::tell(const std::string& problem) {
  sink_.event({now_ns(), "server_metrics_error", Json{{"url", options_.url}, {"error", problem}}});
}

void ServerWatch::run() {
  ::pthread_setname_np(::pthread_self(), "aieb-server");
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const auto period = std::chrono::nanoseconds(nanoseconds(options_.period_s));
  auto next = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    next = std::max(next + period, std::chrono::steady_clock::now());
    if (wake_.wait_until(lock, next, [this] { return stopping_; })) return;
    lock.unlock();
    try {
      read_page(ticks_, false);
      failing_ = false;
    } catch (const SourceError& error) {
      if (!std::exchange(failing_, true)) tell(error.what());
    }
    lock.lock();
  }
}

}  // namespace aieb::exporters
