#pragma once

#include <string>
#include <vector>

namespace aieb {

/// Whether the work of a server happens on this machine, so that its sensors measure it.
struct Locality {
  bool local = false;
  std::vector<int> pids;  ///< local: the server's process tree
  std::string reason;     ///< why it is taken to be local or remote, for people
};

/// Looks for the process that listens at host:port. Local means: the address is this machine's, the
/// listening socket is in this network namespace, its process is visible and does not merely pass
/// connections on (a tunnel, a proxy, a container runtime). Everything else is remote, with the
/// reason. `host` is a name or an address, IPv6 with or without brackets.
Locality locate_server(const std::string& host, int port, const std::string& proc_root = "/proc");

/// The same for the URL of a server, "http://localhost:8000/v1"; ports default to 80 and 443.
Locality locate_endpoint(const std::string& url, const std::string& proc_root = "/proc");

}  // namespace aieb
