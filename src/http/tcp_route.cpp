#include "http/tcp_route.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <strings.h>

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

bool has_header(const std::vector<std::string>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const std::string& line) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           strncasecmp(line.data(), name.data(), name.size()) == 0;
  });
}

/// Headers with their line ends; as libcurl does, "Name:" without a value sends nothing.
std::string header_lines(const std::vector<std::string>& headers) {
  std::string lines;
  if (!has_header(headers, "Accept")) lines += "Accept: */*\r\n";
  if (!has_header(headers, "Content-Type")) lines += "Content-Type: application/json\r\n";
  for (const std::string& line : headers) {
    const size_t colon = line.find(':');
    const bool has_value =
        colon != std::string::npos && line.find_first_not_of(" \t", colon + 1) != std::string::npos;
    if (has_value) lines += line + "\r\n";
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
  TcpServer& server = servers_[place.authority];
  server.address = parsed->first;
  server.length = parsed->second;
  server.peer = address;
  server.authority = place.authority;
}

void TcpRoutes::learn(const std::string& url, const std::string& peer) {
  if (peer.empty() || url == last_url_) return;
  const std::optional<Place> place = place_of(url);
  if (place && !servers_.contains(place->authority)) add_server(*place, peer);
}

TcpRoute TcpRoutes::make_route(TcpServer& server, const std::string& target) const {
  const std::string host = has_host_ ? "" : fmt::format("Host: {}\r\n", server.authority);
  const std::string tail = fmt::format(" {} HTTP/1.1\r\n{}{}", target, host, headers_);
  return {&server, "GET" + tail + "\r\n", "POST" + tail + "Content-Length: "};
}

const TcpRoute* TcpRoutes::find(const std::string& url) {
  if (last_ != nullptr && url == last_url_) return last_;
  const std::optional<Place> place = place_of(url);
  TcpServer* server = place ? server_of(*place) : nullptr;
  if (server == nullptr) return nullptr;
  last_url_ = url;
  last_ = &routes_.try_emplace(url, make_route(*server, place->target)).first->second;
  return last_;
}

}  // namespace aieb::http
