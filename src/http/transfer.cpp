#include "http/transfer.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/error.h"
#include "http/arrival.h"
#include "http/event_loop.h"

namespace aieb::http {
namespace {

struct CodeClass {
  CURLcode code;
  ErrorClass error;
};

constexpr CodeClass kClasses[] = {
    {CURLE_OK, ErrorClass::kNone},
    {CURLE_COULDNT_RESOLVE_HOST, ErrorClass::kDns},
    {CURLE_COULDNT_RESOLVE_PROXY, ErrorClass::kDns},
    {CURLE_COULDNT_CONNECT, ErrorClass::kConnect},
    {CURLE_SSL_CONNECT_ERROR, ErrorClass::kTls},
    {CURLE_SSL_CERTPROBLEM, ErrorClass::kTls},
    {CURLE_SSL_CIPHER, ErrorClass::kTls},
    {CURLE_PEER_FAILED_VERIFICATION, ErrorClass::kTls},
    {CURLE_SSL_CACERT_BADFILE, ErrorClass::kTls},
    {CURLE_SSL_ISSUER_ERROR, ErrorClass::kTls},
    {CURLE_USE_SSL_FAILED, ErrorClass::kTls},
    {CURLE_SEND_ERROR, ErrorClass::kConnectionLost},
    {CURLE_RECV_ERROR, ErrorClass::kConnectionLost},
    {CURLE_PARTIAL_FILE, ErrorClass::kConnectionLost},
    {CURLE_GOT_NOTHING, ErrorClass::kConnectionLost},
    {CURLE_HTTP2, ErrorClass::kConnectionLost},
    {CURLE_HTTP2_STREAM, ErrorClass::kConnectionLost},
};

ErrorClass class_of(CURLcode code) {
  const auto* found = std::find_if(std::begin(kClasses), std::end(kClasses),
                                   [&](const CodeClass& c) { return c.code == code; });
  return found == std::end(kClasses) ? ErrorClass::kProtocol : found->error;
}

/// libcurl counts whole seconds of idleness and keeps a connection through the last one: 3 means
/// that one idle for 4 s is not used again. uvicorn, below vLLM, closes after 5.
constexpr long kMaxIdleSeconds = 3;

/// How long a response may stay open after everything was said, so that its connection can be used
/// again.
constexpr int64_t kEndOfBodyNs = 1'000'000'000;

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  throw EnvironmentError(
      fmt::format("libcurl refuses option {}: {}. A libcurl of 7.88 or newer "
                  "with TLS is needed",
                  static_cast<int>(option), curl_easy_strerror(code)));
}

/// The value of a header line when it is `name`, else nothing. `name` in lower case, with colon.
std::optional<std::string_view> header_value(std::string_view line, std::string_view name) {
  if (line.size() < name.size()) return std::nullopt;
  for (size_t i = 0; i < name.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(line[i])) != name[i]) return std::nullopt;
  }
  line.remove_prefix(name.size());
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
    line.remove_suffix(1);
  }
  return line;
}

long family_option(int address_family) {
  if (address_family == 4) return CURL_IPRESOLVE_V4;
  return address_family == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_WHATEVER;
}

int64_t limit_after(int64_t start_ns, int64_t length_ns) {
  return length_ns > 0 ? start_ns + length_ns : kNever;
}

}  // namespace

Transfer::Transfer(const ClientOptions& options, const curl_slist* headers, TransferShared& shared)
    : shared_(shared), easy_(curl_easy_init(), curl_easy_cleanup) {
  if (!easy_) throw EnvironmentError("libcurl could not make a handle: out of memory");
  set_fixed_options(options, headers);
}

void Transfer::set_fixed_options(const ClientOptions& options, const curl_slist* headers) {
  CURL* easy = easy_.get();
  set(easy, CURLOPT_PRIVATE, this);
  set(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  set(easy, CURLOPT_NOSIGNAL, 1L);  // also saves two system calls per read
  set(easy, CURLOPT_NOPROGRESS, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTPHEADER, headers);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answer is not the server's
  set(easy, CURLOPT_BUFFERSIZE, static_cast<long>(options.receive_buffer_bytes));
  set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
  set(easy, CURLOPT_SOCKOPTFUNCTION, &Transfer::on_new_socket);
  set(easy, CURLOPT_PREREQFUNCTION, &Transfer::on_prerequest);
  set(easy, CURLOPT_PREREQDATA, this);
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy, CURLOPT_HEADERDATA, this);
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_write);
  set(easy, CURLOPT_WRITEDATA, this);
  unix_socket_ = !options.unix_socket.empty();
  if (unix_socket_) {
    set(easy, CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  }
  if (options.bypass_proxy) set(easy, CURLOPT_NOPROXY, "*");
  if (!options.tls.ca_bundle.empty()) set(easy, CURLOPT_CAINFO, options.tls.ca_bundle.c_str());
  if (!options.tls.client_certificate.empty()) {
    set(easy, CURLOPT_SSLCERT, options.tls.client_certificate.c_str());
  }
  if (!options.tls.client_key.empty()) set(easy, CURLOPT_SSLKEY, options.tls.client_key.c_str());
}

void Transfer::begin(const HttpRequest& request, Exchange& exchange, const Timeouts& timeouts,
                     int address_family) {
  exchange_ = &exchange;
  timeouts_ = timeouts;
  if (request.total_timeout_ns) timeouts_.total_ns = *request.total_timeout_ns;
  ++generation;
  started_ns_ = now_ns();
  sent_ns_ = 0;
  complete_ns_ = 0;
  sends_ = 0;
  enough_ = false;
  content_type_.clear();
  peer_.clear();
  error_text_[0] = '\0';

  CURL* easy = easy_.get();
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts_.connect_ns / 1'000'000));
  set(easy, CURLOPT_IPRESOLVE, family_option(address_family));
  if (request.body) {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(easy, CURLOPT_POSTFIELDS,
        request.body->data());  // NOLINT(bugprone-suspicious-stringview-data-usage)
  } else {
    set(easy, CURLOPT_HTTPGET, 1L);
  }
}

Transfer::Limit Transfer::limit() const {
  const Limit total{limit_after(started_ns_, timeouts_.total_ns), ErrorClass::kTimeoutTotal};
  Limit stage{kNever, ErrorClass::kTimeoutTotal};
  if (complete_ns_ != 0) {
    stage = {complete_ns_ + kEndOfBodyNs, ErrorClass::kNone};
  } else if (sent_ns_ == 0) {
    stage = {limit_after(started_ns_, timeouts_.connect_ns), ErrorClass::kTimeoutConnect};
  } else if (exchange_->stage() == Exchange::Stage::kWaiting) {
    stage = {limit_after(sent_ns_, timeouts_.first_token_ns), ErrorClass::kTimeoutFirstToken};
  }
  return stage.at_ns <= total.at_ns ? stage : total;
}

void Transfer::watch_limit() {
  const int64_t at_ns = limit().at_ns;
  if (at_ns != kNever) shared_.deadlines.push({at_ns, this, generation});
}

Outcome Transfer::limit_outcome(ErrorClass error) const {
  switch (error) {
    case ErrorClass::kNone:
      return outcome(error, {});
    case ErrorClass::kTimeoutConnect:
      return outcome(error, fmt::format("not connected after {:g} s (scenario.timeouts.connect_s)",
                                        seconds(timeouts_.connect_ns)));
    case ErrorClass::kTimeoutFirstToken:
      return outcome(error, fmt::format("no first token after {:g} s "
                                        "(scenario.timeouts.first_token_s)",
                                        seconds(timeouts_.first_token_ns)));
    default:
      return outcome(error, fmt::format("not finished after {:g} s (scenario.timeouts.total_s)",
                                        seconds(timeouts_.total_ns)));
  }
}

Outcome Transfer::outcome(CURLcode code) const {
  if (enough_ && code == CURLE_WRITE_ERROR) code = CURLE_OK;
  if (code == CURLE_OK) return outcome(ErrorClass::kNone, {});
  std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return outcome(sent_ns_ == 0 ? ErrorClass::kTimeoutConnect : ErrorClass::kTimeoutTotal,
                   std::move(text));
  }
  return outcome(class_of(code), std::move(text));
}

Outcome Transfer::outcome(ErrorClass error, std::string message) const {
  Outcome result;
  result.error = error;
  result.message = std::move(message);
  result.done_ns = now_ns();
  result.resent = std::max(0, sends_ - 1);
  result.peer_address = peer_;
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  result.status = static_cast<int>(status);
  return result;
}

Transfer& Transfer::of(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *reinterpret_cast<Transfer*>(self);
}

/// Runs a part of a callback; an exception is kept for the client and ends the transfer.
template <typename Call>
bool Transfer::guarded(Call&& call) {
  try {
    return call();
  } catch (...) {
    shared_.failure = std::current_exception();
    return false;
  }
}

int Transfer::on_new_socket(void* /*self*/, curl_socket_t fd, curlsocktype /*purpose*/) {
  ArrivalClock::enable(fd);
  return CURL_SOCKOPT_OK;
}

int Transfer::on_prerequest(void* self, char* peer, char* /*local*/, int /*peer_port*/,
                            int /*local_port*/) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.sent_ns_ = now_ns();
  transfer.last_ns_ = transfer.sent_ns_;
  ++transfer.sends_;
  const bool ok = transfer.guarded([&] {
    if (peer != nullptr && !transfer.unix_socket_) transfer.peer_ = peer;
    transfer.exchange_->on_sent(transfer.sent_ns_);
    transfer.watch_limit();
    return true;
  });
  return ok ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

size_t Transfer::on_header(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(bytes, size * count);
  // The first segment is the head's: what follows it in the same read may have come much later.
  transfer.shared_.arrival.first_ns = transfer.shared_.arrival.last_ns;
  transfer.shared_.head_was_read = true;
  const bool ok = transfer.guarded([&] {
    if (const auto type = header_value(line, "content-type:")) transfer.content_type_ = *type;
    if (line == "\r\n" || line == "\n") transfer.announce_response();
    return true;
  });
  return ok ? line.size() : 0;
}

void Transfer::announce_response() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return;  // 100 Continue and its like precede the response
  exchange_->on_response(static_cast<int>(status), content_type_);
}

/// The kernel's time of what is being read. One from before the previous read, or from before the
/// request, is what a step of the wall clock looks like: then now.
Arrival Transfer::time_read() {
  Arrival arrival = shared_.arrival;
  const bool stamped = arrival.first_ns >= last_ns_;
  ++shared_.counts.reads;
  if (stamped) {
    ++shared_.counts.stamped_reads;
    shared_.arrival.first_ns = arrival.last_ns;  // what else is read in this turn came later
  } else {
    arrival = now_ns();
  }
  last_ns_ = arrival.last_ns;
  return arrival;
}

size_t Transfer::on_write(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t length = size * count;
  const Arrival arrival = transfer.time_read();
  const bool more = transfer.guarded([&] {
    if (!transfer.exchange_->on_body({bytes, length}, arrival)) return false;
    if (transfer.complete_ns_ == 0 && transfer.exchange_->stage() == Exchange::Stage::kComplete) {
      transfer.complete_ns_ = arrival.last_ns;
      transfer.watch_limit();
    }
    return true;
  });
  if (more) return length;
  transfer.enough_ = true;
  return CURL_WRITEFUNC_ERROR;
}

}  // namespace aieb::http
