#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace aieb::http {

/// Where connections go, and those that wait to be used again.
struct TcpServer {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string peer;       ///< the address as text
  std::string authority;  ///< for messages and the Host header: host:port
  bool by_name = false;   ///< the address is that of a name, which may get another one
  bool in_doubt = false;  ///< it did not accept a connection: libcurl has to find out
  std::vector<int> idle;  ///< descriptors; the one that was used last is at the end
};

/// What stays the same between requests to one URL.
struct TcpRoute {
  TcpServer* server = nullptr;
  std::string get;   ///< a whole request without body
  std::string post;  ///< a request's head up to the digits of Content-Length
};

/// How URLs are asked for without libcurl: http:// without credentials, on hosts whose address is
/// known. Addresses come from libcurl: numeric hosts aside, it fetches the first answer of a host.
class TcpRoutes {
 public:
  /// `headers`: "Name: value", of every request; they replace those that would be sent by default.
  explicit TcpRoutes(const std::vector<std::string>& headers);

  /// Null where libcurl has to ask. Valid as long as this object.
  [[nodiscard]] const TcpRoute* find(const std::string& url);

  /// An exchange with `url` was answered by this address (numeric).
  void learn(const std::string& url, const std::string& peer);

 private:
  struct Place {  ///< the parts of a URL
    std::string authority;
    std::string host;
    int port = 0;
    std::string target;
  };
  static std::optional<Place> place_of(const std::string& url);
  TcpServer* server_of(const Place& place);
  void add_server(const Place& place, const std::string& address);
  TcpRoute make_route(TcpServer& server, const std::string& target) const;

  std::string headers_;
  bool has_host_;                             ///< among the headers
  std::map<std::string, TcpServer> servers_;  ///< by authority
  std::map<std::string, TcpRoute> routes_;    ///< by URL
  std::string last_url_;
  const TcpRoute* last_ = nullptr;  ///< of last_url_
};

}  // namespace aieb::http
