#include "http/tcp_route.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "http/headers.h"

namespace aieb::http {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr int kDefaultPort = 80;

/// An address as text, IPv4 or IPv6 without brackets.
std::optional<std::pair<sockaddr_storage, socklen_t>> parse_address(const std::string& text,
                                                                    int port) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    return std::pair(storage, static_cast<socklen_t>(sizeof *v4));
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) != 1) return std::nullopt;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(static_cast<uint16_t>(port));
  return std::pair(storage, static_cast<socklen_t>(sizeof *v6));
}

/// Headers with their line ends; as libcurl has it, "Name:" sends nothing and "Name;" an empty one.
/// How long the body is and how it is sent is not for the user to say.
std::string header_lines(const std::vector<std::string>& headers) {
  std::string lines;
  if (!has_header(headers, "Accept")) lines += "Accept: */*\r\n";
  if (!has_header(headers, "Content-Type")) lines += "Content-Type: application/json\r\n";
  for (const std::string& line : headers) {
    if (has_header({line}, "Content-Length") || has_header({line}, "Transfer-Encoding")) continue;
    const size_t end = line.find_first_of(":;");
    if (end == std::string::npos) continue;
    const bool has_value = line.find_first_not_of(" \t", end + 1) != std::string::npos;
    if (line[end] == ':' && has_value) lines += line + "\r\n";
    if (line[end] == ';' && !has_value) lines += line.substr(0, end) + ":\r\n";
  }
  return lines;
}

}  // namespace

TcpRoutes::TcpRoutes(const std::vector<std::string>& headers)
    : headers_(header_lines(headers)), has_host_(has_header(headers, "Host")) {}

std::optional<TcpRoutes::Place> TcpRoutes::place_of(const std::string& url) {
  if (!url.starts_with(kScheme)) return std::nullopt;
  // What needs decoding, credentials and fragments are for libcurl.
  const bool simple = std::all_of(
      url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f && c != '@' && c != '#'; });
  if (!simple) return std::nullopt;
  const size_t start = kScheme.size();
  const size_t end = std::min(url.find_first_of("/?", start), url.size());
  Place place;
  place.authority = url.substr(start, end - start);
  place.target = fmt::format("{}{}", url[end] == '/' ? "" : "/", url.substr(end));
  const size_t bracket = place.authority.rfind(']');
  const size_t colon = place.authority.find(':', bracket == std::string::npos ? 0 : bracket);
  place.host = place.authority.substr(0, colon);
  if (place.host.starts_with('[') && place.host.ends_with(']')) {
    place.host = place.host.substr(1, place.host.size() - 2);
  }
  place.port = kDefaultPort;
  if (colon == std::string::npos) return place;
  const char* digits = place.authority.data() + colon + 1;
  const char* last = place.authority.data() + place.authority.size();
  const auto [stop, error] = std::from_chars(digits, last, place.port);
  const bool valid = error == std::errc() && stop == last && place.port > 0 && place.port < 65536;
  return valid ? std::optional(place) : std::nullopt;
}

TcpServer* TcpRoutes::server_of(const Place& place) {
  const auto known = servers_.find(place.authority);
  if (known != servers_.end()) return &known->second;
  if (!parse_address(place.host, place.port)) return nullptr;
  add_server(place, place.host);
  return &servers_.at(place.authority);
}

void TcpRoutes::add_server(const Place& place, const std::string& address) {
  const auto parsed = parse_address(address, place.port);
  if (!parsed) return;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(parsed->first);
  // Such an address says nothing without its interface, which libcurl keeps to itself.
  if (v6.sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return;
  TcpServer& server = servers_[place.authority];
  server.address = parsed->first;
  server.length = parsed->second;
  server.peer = address;
  server.authority = place.authority;
  server.by_name = address != place.host;
  server.in_doubt = false;
}

void TcpRoutes::learn(const std::string& url, const std::string& peer) {
  const std::optional<Place> place = peer.empty() ? std::nullopt : place_of(url);
  if (!place) return;
  const auto known = servers_.find(place->authority);
  if (known == servers_.end() || known->second.in_doubt) add_server(*place, peer);
}

TcpRoute TcpRoutes::make_route(TcpServer& server, const std::string& target) const {
  std::string_view authority = server.authority;
  if (authority.ends_with(":80")) authority.remove_suffix(3);  // as libcurl has it
  const std::string host = has_host_ ? "" : fmt::format("Host: {}\r\n", authority);
  const std::string tail = fmt::format(" {} HTTP/1.1\r\n{}{}", target, host, headers_);
  return {&server, "GET" + tail + "\r\n", "POST" + tail + "Content-Length: "};
}

const TcpRoute* TcpRoutes::find(const std::string& url) {
  if (last_ == nullptr || url != last_url_) {
    const auto known = routes_.find(url);
    if (known == routes_.end()) {
      const std::optional<Place> place = place_of(url);
      TcpServer* server = place ? server_of(*place) : nullptr;
      if (server == nullptr) return nullptr;
      last_ = &routes_.emplace(url, make_route(*server, place->target)).first->second;
    } else {
      last_ = &known->second;
    }
    last_url_ = url;
  }
  return last_->server->in_doubt ? nullptr : last_;
}

}  // namespace aieb::http
