#include "http/client.h"

#include <cstdlib>
#include <mutex>
#include <span>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>
#include <malloc.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/stop.h"
#include "http/arrival.h"
#include "http/curl_transfer.h"
#include "http/event_loop.h"
#include "http/headers.h"
#include "http/tcp_route.h"
#include "http/tcp_transfer.h"

namespace aieb::http {
namespace {

/// Largest body that `fetch` keeps; the rest of a longer one is not read.
constexpr size_t kMaxFetchBytes = size_t{32} << 20;

void init_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::string first_variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

HeaderList make_headers(const std::vector<std::string>& extra) {
  curl_slist* list = nullptr;
  list = curl_slist_append(list, "Expect:");  // no round trip before long prompts
  if (!has_header(extra, "Content-Type")) {
    list = curl_slist_append(list, "Content-Type: application/json");
  }
  for (const std::string& line : extra) list = curl_slist_append(list, line.c_str());
  return {list, curl_slist_free_all};
}

/// Whether requests go to the server itself: with a proxy, libcurl knows which do.
bool goes_directly(const ClientOptions& options) {
  if (!options.unix_socket.empty()) return false;
  return options.bypass_proxy || first_variable({"http_proxy", "all_proxy", "ALL_PROXY"}).empty();
}

/// Collects a whole response.
class FetchExchange final : public Exchange {
 public:
  void on_sent(int64_t) override {}
  void on_response(int, std::string_view content_type) override {
    result.content_type = content_type;
  }
  bool on_body(std::string_view bytes, Arrival) override {
    if (result.body.size() + bytes.size() > kMaxFetchBytes) return false;
    result.body.append(bytes);
    return true;
  }
  void on_done(const Outcome& outcome) override {
    result.outcome = outcome;
    done = true;
  }

  FetchResult result;
  bool done = false;
};

}  // namespace

TlsOptions tls_options_from_environment() {
  return {
      first_variable({"AIEB_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}),
      first_variable({"AIEB_CLIENT_CERT"}), first_variable({"AIEB_CLIENT_KEY"})};
}

class Client::Impl {
 public:
  explicit Impl(ClientOptions options);
  ~Impl();

  void start(const HttpRequest& request, Exchange& exchange);
  void poll(int64_t until_ns);
  void cancel_all(const char* why);
  void release_buffers();

  EventLoop loop_;
  std::vector<Transfer*> open_;
  int address_family_ = 0;
  TransferShared shared_;

 private:
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket_data);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  CurlTransfer& start_curl(const HttpRequest& request, Exchange& exchange);
  void handle_curl(const epoll_event& event);
  [[nodiscard]] Arrival arrival_of(const epoll_event& event);
  void run_due_timers();
  bool collect_finished();  ///< true: something had finished
  bool collect_curl();
  void trim_deadlines();
  void expire();
  void finish(Transfer& transfer, const Outcome& outcome);

  ClientOptions options_;
  HeaderList headers_;
  size_t started_ = 0;  ///< since the last poll
  int64_t curl_timer_ns_ = kNever;
  CurlShared curl_;
  std::vector<std::unique_ptr<CurlTransfer>> curl_transfers_;
  ArrivalClock arrivals_;
  bool directly_;
  TcpRoutes routes_;
  TcpTransfers tcp_;
};

Client::Impl::Impl(ClientOptions options)
    : options_(std::move(options)),
      headers_(make_headers(options_.headers)),
      directly_(goes_directly(options_)),
      routes_(options_.headers),
      tcp_(loop_, arrivals_, shared_) {
  init_curl_once();
  curl_.multi = curl_multi_init();
  if (curl_.multi == nullptr) throw EnvironmentError("libcurl could not start: out of memory");
  curl_multi_setopt(curl_.multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
  curl_multi_setopt(curl_.multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(curl_.multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
  curl_multi_setopt(curl_.multi, CURLMOPT_TIMERDATA, this);
  // Never close a live one to make room.
  curl_multi_setopt(curl_.multi, CURLMOPT_MAXCONNECTS, 65536L);
}

Client::Impl::~Impl() {
  for (Transfer* transfer : open_) transfer->stop();
  curl_transfers_.clear();
  curl_multi_cleanup(curl_.multi);
}

int Client::Impl::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self,
                            void* /*socket_data*/) {
  auto& impl = *static_cast<Impl*>(self);
  if (what == CURL_POLL_REMOVE) {
    impl.loop_.unwatch(fd);
    return 0;
  }
  try {
    impl.loop_.watch(fd, ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) |
                             ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U));
    return 0;
  } catch (...) {
    impl.shared_.failure = std::current_exception();
    return -1;
  }
}

int Client::Impl::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
  static_cast<Impl*>(self)->curl_timer_ns_ =
      timeout_ms < 0 ? kNever : now_ns() + int64_t{timeout_ms} * 1'000'000;
  return 0;
}

CurlTransfer& Client::Impl::start_curl(const HttpRequest& request, Exchange& exchange) {
  if (curl_.unused.empty()) {
    curl_transfers_.push_back(
        std::make_unique<CurlTransfer>(options_, headers_.get(), curl_, shared_));
    curl_.unused.push_back(curl_transfers_.back().get());
  }
  CurlTransfer& transfer = *curl_.unused.back();
  transfer.start(request, exchange, options_.timeouts, address_family_);
  curl_.unused.pop_back();
  return transfer;
}

void Client::Impl::start(const HttpRequest& request, Exchange& exchange) {
  const TcpRoute* route = directly_ ? routes_.find(request.url) : nullptr;
  Transfer& transfer = route != nullptr ? tcp_.start(*route, request, exchange, options_.timeouts)
                                        : static_cast<Transfer&>(start_curl(request, exchange));
  ++started_;
  transfer.index = open_.size();
  open_.push_back(&transfer);
  transfer.watch_limit();
  trim_deadlines();
  if (route == nullptr) run_due_timers();  // libcurl writes it where a connection is free
}

/// Forgets the deadlines of exchanges that have ended: with limits of minutes and thousands of
/// requests a second they would pile up.
void Client::Impl::trim_deadlines() {
  if (shared_.deadlines.size() <= 1024 + 8 * open_.size()) return;
  shared_.deadlines = {};
  for (Transfer* transfer : open_) transfer->watch_limit();
}

void Client::Impl::run_due_timers() {
  int running = 0;
  // A transfer that was just added is due at once; a step of it may make the next one due.
  for (int round = 0; round < 4 && curl_timer_ns_ <= now_ns(); ++round) {
    curl_timer_ns_ = kNever;
    curl_multi_socket_action(curl_.multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

Arrival Client::Impl::arrival_of(const epoll_event& event) {
  // A look at a broken connection would take the error away from libcurl.
  if ((event.events & (EPOLLIN | EPOLLERR)) != EPOLLIN || !options_.unix_socket.empty()) return {};
  const auto next_read = static_cast<size_t>(options_.receive_buffer_bytes);
  return arrivals_.waiting(event.data.fd, next_read);
}

void Client::Impl::handle_curl(const epoll_event& event) {
  int mask = 0;
  if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) mask |= CURL_CSELECT_IN;
  if ((event.events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
  if ((event.events & EPOLLERR) != 0) mask |= CURL_CSELECT_ERR;
  curl_.arrival = arrival_of(event);
  curl_.head_was_read = false;
  int running = 0;
  curl_multi_socket_action(curl_.multi, event.data.fd, mask, &running);
  if (curl_.head_was_read) arrivals_.expect_other_sizes(event.data.fd);
  curl_.arrival = {};
}

void Client::Impl::poll(int64_t until_ns) {
  run_due_timers();
  // An answer may have come while its request was being written: then there is nothing to wait for.
  int64_t until = collect_finished() ? 0 : std::min(until_ns, curl_timer_ns_);
  if (!shared_.deadlines.empty()) until = std::min(until, shared_.deadlines.top().at_ns);
  const std::span<const epoll_event> events = loop_.wait(until);
  arrivals_.sync();
  // What has come in has the kernel's time and can wait; what the caller planned cannot. But
  // answers must be read as fast as requests are started, or every request opens a connection of
  // its own: a request is an event when it is connected, and some when it is answered.
  const size_t least = 3 * std::exchange(started_, 0) + 1;
  for (size_t i = 0; i < events.size() && (i < least || now_ns() < until_ns); ++i) {
    if (tcp_.owns(events[i].data.fd)) {
      tcp_.handle(events[i], /*late=*/events.size() > 1);  // others came meanwhile
    } else {
      handle_curl(events[i]);
    }
  }
  run_due_timers();
  collect_finished();
  expire();
  if (shared_.failure) std::rethrow_exception(std::exchange(shared_.failure, nullptr));
}

bool Client::Impl::collect_curl() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(curl_.multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CurlTransfer& transfer = CurlTransfer::of(message->easy_handle);
    const Outcome outcome = transfer.verdict(message->data.result);
    if (directly_ && outcome.error == ErrorClass::kNone) {
      routes_.learn(transfer.url(), outcome.peer_address);
    }
    finish(transfer, outcome);
    any = true;
  }
  return any;
}

bool Client::Impl::collect_finished() {
  bool any = collect_curl();
  while (const auto finished = tcp_.take_finished()) {
    finish(*finished->transfer, finished->outcome);
    any = true;
  }
  return any;
}

void Client::Impl::expire() {
  const int64_t now = now_ns();
  while (!shared_.deadlines.empty() && shared_.deadlines.top().at_ns <= now) {
    const Deadline due = shared_.deadlines.top();
    shared_.deadlines.pop();
    Transfer& transfer = *due.transfer;
    const bool open = transfer.index < open_.size() && open_[transfer.index] == &transfer;
    if (!open || transfer.generation != due.generation) continue;
    const Transfer::Limit limit = transfer.limit();
    if (limit.at_ns > now) {
      transfer.watch_limit();
    } else {
      finish(transfer, transfer.limit_outcome(limit.error));
    }
  }
}

void Client::Impl::finish(Transfer& transfer, const Outcome& outcome) {
  Exchange& exchange = transfer.exchange();
  open_[transfer.index] = open_.back();
  open_[transfer.index]->index = transfer.index;
  open_.pop_back();
  transfer.stop();
  exchange.on_done(outcome);
}

void Client::Impl::cancel_all(const char* why) {
  while (!open_.empty()) {
    Transfer& transfer = *open_.back();
    finish(transfer, transfer.outcome(ErrorClass::kCancelled, why));
  }
}

void Client::Impl::release_buffers() {
  if (!open_.empty()) return;
  shared_.deadlines = {};  // those of ended exchanges point to their transfers
  curl_.unused.clear();
  curl_transfers_.clear();
  tcp_.clear();
  malloc_trim(0);  // small pieces that the C library would keep
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

void Client::start(const HttpRequest& request, Exchange& exchange) {
  impl_->start(request, exchange);
}
void Client::poll(int64_t until_ns) { impl_->poll(until_ns); }
void Client::cancel_all(const char* why) { impl_->cancel_all(why); }
void Client::release_buffers() { impl_->release_buffers(); }
void Client::wake() const noexcept { impl_->loop_.wake(); }
const ClientCounts& Client::counts() const { return impl_->shared_.counts; }
size_t Client::in_flight() const { return impl_->open_.size(); }
void Client::prefer_address_family(int family) { impl_->address_family_ = family; }

FetchResult Client::fetch(const HttpRequest& request) {
  const std::stop_token stop = stop_of_thread();
  const std::stop_callback on_stop(stop, [this] { wake(); });
  FetchExchange exchange;
  start(request, exchange);
  while (!exchange.done) {
    if (stop.stop_requested()) {
      cancel_all();
    } else {
      poll(kNever);
    }
  }
  if (exchange.result.outcome.error == ErrorClass::kCancelled) throw Stopped();
  return std::move(exchange.result);
}

}  // namespace aieb::http
