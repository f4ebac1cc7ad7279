#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// An IP address; IPv4 in its IPv6-mapped form ::ffff:a.b.c.d.
using IpAddress = std::array<uint8_t, 16>;

bool is_ipv4(const IpAddress& address);
bool is_loopback(const IpAddress& address);
std::string to_text(const IpAddress& address);

/// Addresses of a host: a name (resolved by the system), an IPv4 or an IPv6 address, the last with
/// or without brackets. Empty when it does not resolve.
std::vector<IpAddress> addresses_of(const std::string& host);

/// Addresses of this machine's network interfaces.
std::vector<IpAddress> own_addresses();

/// A TCP socket in state LISTEN.
struct ListeningSocket {
  IpAddress address{};  ///< all zero: any IPv6 (and IPv4) address; ::ffff:0.0.0.0: any IPv4 one
  int port = 0;
  uint64_t inode = 0;
};

/// From <proc_root>/net/tcp and tcp6: those of this network namespace.
std::vector<ListeningSocket> listening_sockets(const std::string& proc_root);

/// Inodes of the sockets that get connections to `target`:`port`: those bound to this very address
/// if there are any, else those bound to any address of its family, else those bound to any at all.
std::vector<uint64_t> sockets_that_accept(const std::vector<ListeningSocket>& sockets,
                                          const IpAddress& target, int port);

}  // namespace aieb
