#include "meters/locality.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <regex>
#include <set>
#include <string_view>

#include <unistd.h>

#include "meters/listening_sockets.h"
#include "meters/processes.h"

namespace aieb {
namespace {

constexpr const char* kOverride = " (metrics.scope: local says otherwise)";

/// Programs that listen on behalf of another process, often on another machine, by command name.
constexpr std::array<std::string_view, 16> kForwarders{
    "ssh",   "sshd",  "docker-proxy", "rootlessport", "slirp4netns", "pasta", "gvproxy", "kubectl",
    "socat", "nginx", "haproxy",      "envoy",        "traefik",     "caddy", "apache2", "httpd"};

bool forwards(const std::string& command) {
  return std::find(kForwarders.begin(), kForwarders.end(), command) != kForwarders.end();
}

std::vector<IpAddress> addresses_here(const std::vector<IpAddress>& addresses) {
  const std::vector<IpAddress> own = own_addresses();
  std::vector<IpAddress> here;
  std::copy_if(
      addresses.begin(), addresses.end(), std::back_inserter(here), [&](const IpAddress& address) {
        return is_loopback(address) || std::find(own.begin(), own.end(), address) != own.end();
      });
  return here;
}

Locality remote(const std::string& reason) { return {false, {}, reason + kOverride}; }

std::string why_invisible(int port) {
  const std::string who = "the process that listens on port " + std::to_string(port);
  if (::geteuid() == 0) return who + " is not visible: it runs in a container";
  return who +
         " is not visible: it belongs to another user or runs in a container; run as that "
         "user or as root to measure it";
}

Locality of_process(const std::string& proc_root, const std::vector<int>& owners, int port) {
  const auto processes = list_processes(proc_root);
  std::set<int> tree;
  for (const int pid : owners) {
    const auto it = processes.find(pid);
    if (it != processes.end() && forwards(it->second.command)) {
      return remote("port " + std::to_string(port) + " is held by '" + it->second.command +
                    "' (process " + std::to_string(pid) +
                    "), which passes connections on to another place");
    }
    const std::vector<int> members = process_tree(processes, pid, static_cast<int>(::getpid()));
    tree.insert(members.begin(), members.end());
  }
  return {true,
          {tree.begin(), tree.end()},
          "process " + std::to_string(owners.front()) + " on this machine listens on port " +
              std::to_string(port)};
}

}  // namespace

Locality locate_endpoint(const std::string& url, const std::string& proc_root) {
  static const std::regex kUrl(
      R"(^(?:(https?)://)?(?:[^/@]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d{1,5}))?.*$)", std::regex::icase);
  std::smatch parts;
  if (!std::regex_match(url, parts, kUrl) || parts[2].length() == 0) {
    return remote("'" + url + "' names no host");
  }
  const bool secure = parts[1].length() == 5;
  const int port = parts[3].matched ? std::atoi(parts[3].str().c_str()) : secure ? 443 : 80;
  return locate_server(parts[2], port, proc_root);
}

Locality locate_server(const std::string& host, int port, const std::string& proc_root) {
  const std::vector<IpAddress> addresses = addresses_of(host);
  if (addresses.empty()) return remote("the host '" + host + "' does not resolve to an address");
  const std::vector<IpAddress> here = addresses_here(addresses);
  if (here.empty()) {
    return remote("'" + host + "' (" + to_text(addresses.front()) +
                  ") is not an address of this machine");
  }
  const std::vector<ListeningSocket> sockets = listening_sockets(proc_root);
  for (const IpAddress& address : here) {
    const std::vector<uint64_t> inodes = sockets_that_accept(sockets, address, port);
    if (inodes.empty()) continue;
    const std::vector<int> owners = socket_owners(proc_root, inodes);
    return owners.empty() ? remote(why_invisible(port)) : of_process(proc_root, owners, port);
  }
  return remote("nothing in this network namespace listens on port " + std::to_string(port) +
                ": the server runs in a container or behind a port forwarding");
}

}  // namespace aieb
