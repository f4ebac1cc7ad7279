#include "meters/listening_sockets.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr const char* kListen = "0A";

IpAddress mapped(const void* four_bytes) {
  IpAddress address{};
  std::copy(kMapped.begin(), kMapped.end(), address.begin());
  std::memcpy(address.data() + kMapped.size(), four_bytes, 4);
  return address;
}

std::optional<IpAddress> from_sockaddr(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    return mapped(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  IpAddress result{};
  std::memcpy(result.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
  return result;
}

/// "0100007F": the kernel prints each 32-bit word of the address as a number of this machine.
std::optional<IpAddress> from_hex(const std::string& hex) {
  std::array<uint32_t, 4> words{};
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  for (size_t i = 0; i * 8 < hex.size(); ++i) {
    words.at(i) = static_cast<uint32_t>(std::strtoul(hex.substr(i * 8, 8).c_str(), nullptr, 16));
  }
  if (hex.size() == 8) return mapped(words.data());
  IpAddress address{};
  std::memcpy(address.data(), words.data(), address.size());
  return address;
}

/// A line of /proc/net/tcp: sl local_address rem_address st tx:rx tr:when retr uid timeout inode …
std::optional<ListeningSocket> from_line(const std::string& line) {
  std::istringstream words(line);
  std::array<std::string, 10> word;
  for (std::string& w : word) {
    if (!(words >> w)) return std::nullopt;
  }
  const size_t colon = word[1].find(':');
  if (word[3] != kListen || colon == std::string::npos) return std::nullopt;
  const std::optional<IpAddress> address = from_hex(word[1].substr(0, colon));
  if (!address) return std::nullopt;
  const auto port = static_cast<int>(std::strtol(word[1].c_str() + colon + 1, nullptr, 16));
  return ListeningSocket{*address, port, std::strtoull(word[9].c_str(), nullptr, 10)};
}

}  // namespace

bool is_ipv4(const IpAddress& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

bool is_loopback(const IpAddress& address) {
  IpAddress v6_loopback{};
  v6_loopback[15] = 1;
  return address == v6_loopback || (is_ipv4(address) && address[12] == 127);
}

std::string to_text(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_ipv4(address);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? kMapped.size() : 0), text.data(),
              text.size());
  return text.data();
}

std::vector<IpAddress> addresses_of(const std::string& host) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  std::vector<IpAddress> addresses;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (const auto address = from_sockaddr(entry->ai_addr)) addresses.push_back(*address);
  }
  ::freeaddrinfo(list);
  return addresses;
}

std::vector<IpAddress> own_addresses() {
  std::vector<IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto address = from_sockaddr(entry->ifa_addr)) addresses.push_back(*address);
  }
  ::freeifaddrs(list);
  return addresses;
}

std::vector<ListeningSocket> listening_sockets(const std::string& proc_root) {
  std::vector<ListeningSocket> sockets;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    std::istringstream lines(read_file(proc_root + table).text.value_or(""));
    for (std::string line; std::getline(lines, line);) {
      if (const auto socket = from_line(line)) sockets.push_back(*socket);
    }
  }
  return sockets;
}

std::vector<uint64_t> sockets_that_accept(const std::vector<ListeningSocket>& sockets,
                                          const IpAddress& target, int port) {
  const std::array<uint8_t, 4> any_v4{};
  std::vector<IpAddress> bound_to{target};
  if (is_ipv4(target)) bound_to.push_back(mapped(any_v4.data()));
  bound_to.push_back(IpAddress{});
  for (const IpAddress& address : bound_to) {
    std::vector<uint64_t> inodes;
    for (const ListeningSocket& socket : sockets) {
      if (socket.port == port && socket.address == address) inodes.push_back(socket.inode);
    }
    if (!inodes.empty()) return inodes;
  }
  return {};
}

}  // namespace aieb
