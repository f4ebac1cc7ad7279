#include "http/curl_transfer.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "http/arrival.h"

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

}  // namespace

CurlTransfer::CurlTransfer(const ClientOptions& options, const curl_slist* headers,
                           CurlShared& curl, TransferShared& shared)
    : Transfer(shared), curl_(curl), easy_(curl_easy_init(), curl_easy_cleanup) {
  if (!easy_) throw EnvironmentError("libcurl could not make a handle: out of memory");
  set_fixed_options(options, headers);
}

void CurlTransfer::set_fixed_options(const ClientOptions& options, const curl_slist* headers) {
  CURL* easy = easy_.get();
  set(easy, CURLOPT_PRIVATE, this);
  set(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  set(easy, CURLOPT_NOSIGNAL, 1L);  // also saves two system calls per read
  set(easy, CURLOPT_NOPROGRESS, 1L);
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // cancelling does not wait for a name that nobody knows
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTPHEADER, headers);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answer is not the server's
  set(easy, CURLOPT_BUFFERSIZE, static_cast<long>(options.receive_buffer_bytes));
  set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
  set(easy, CURLOPT_SOCKOPTFUNCTION, &CurlTransfer::on_new_socket);
  set(easy, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_prerequest);
  set(easy, CURLOPT_PREREQDATA, this);
  set(easy, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(easy, CURLOPT_HEADERDATA, this);
  set(easy, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_write);
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

void CurlTransfer::start(const HttpRequest& request, Exchange& exchange, const Timeouts& timeouts,
                         int address_family) {
  begin_exchange(request, exchange, timeouts);
  content_type_.clear();
  error_text_[0] = '\0';

  CURL* easy = easy_.get();
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts.connect_ns / 1'000'000));
  set(easy, CURLOPT_IPRESOLVE, family_option(address_family));
  if (request.body) {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(easy, CURLOPT_POSTFIELDS,
        request.body->data());  // NOLINT(bugprone-suspicious-stringview-data-usage)
  } else {
    set(easy, CURLOPT_HTTPGET, 1L);
  }
  const CURLMcode code = curl_multi_add_handle(curl_.multi, easy);
  if (code == CURLM_OK) return;
  throw EnvironmentError(fmt::format("libcurl: {}", curl_multi_strerror(code)));
}

void CurlTransfer::stop() {
  long opened = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &opened);
  shared_.counts.connections_opened += opened;
  curl_multi_remove_handle(curl_.multi, easy_.get());
  curl_.unused.push_back(this);
}

const char* CurlTransfer::url() const {
  const char* url = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_EFFECTIVE_URL, &url);
  return url != nullptr ? url : "";
}

Outcome CurlTransfer::verdict(CURLcode code) const {
  if (had_enough() && code == CURLE_WRITE_ERROR) code = CURLE_OK;
  if (code == CURLE_OK) return outcome(ErrorClass::kNone, {});
  std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return outcome(was_sent() ? ErrorClass::kTimeoutTotal : ErrorClass::kTimeoutConnect,
                   std::move(text));
  }
  return outcome(class_of(code), std::move(text));
}

CurlTransfer& CurlTransfer::of(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *reinterpret_cast<CurlTransfer*>(self);
}

int CurlTransfer::on_new_socket(void* /*self*/, curl_socket_t fd, curlsocktype /*purpose*/) {
  ArrivalClock::enable(fd);
  return CURL_SOCKOPT_OK;
}

int CurlTransfer::on_prerequest(void* self, char* peer, char* /*local*/, int /*peer_port*/,
                                int /*local_port*/) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const bool has_address = peer != nullptr && !transfer.unix_socket_;
  return transfer.announce_sent(has_address ? peer : "") ? CURL_PREREQFUNC_OK
                                                         : CURL_PREREQFUNC_ABORT;
}

size_t CurlTransfer::on_header(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::string_view line(bytes, size * count);
  // The first segment is the head's: what follows it in the same read may have come much later.
  transfer.curl_.arrival.first_ns = transfer.curl_.arrival.last_ns;
  transfer.curl_.head_was_read = true;
  if (const auto type = header_value(line, "content-type:")) transfer.content_type_ = *type;
  const bool ends = line == "\r\n" || line == "\n";
  return ends && !transfer.end_head() ? 0 : line.size();
}

/// False: the exchange threw.
bool CurlTransfer::end_head() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return true;  // 100 Continue and its like precede the response
  return announce_response(static_cast<int>(status), content_type_);
}

size_t CurlTransfer::on_write(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  Arrival& arrival = transfer.curl_.arrival;
  const size_t length = size * count;
  const bool more = transfer.announce_body({bytes, length}, arrival);
  arrival.first_ns = arrival.last_ns;  // what else is read in this turn came later
  return more ? length : CURL_WRITEFUNC_ERROR;
}

}  // namespace aieb::http
