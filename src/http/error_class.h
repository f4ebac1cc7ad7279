#pragma once

#include <string_view>

namespace aieb::http {

/// Why a request has no answer, by what the user looks at next. The names are written into traces
/// and reports (docs/servers.md lists them).
enum class ErrorClass {
  kNone,
  kDns,                ///< the host name is not known
  kConnect,            ///< nothing accepts connections there
  kTls,                ///< handshake, certificate or CA problem
  kTimeoutConnect,     ///< not connected within scenario.timeouts.connect_s
  kTimeoutFirstToken,  ///< no answer text within first_token_s of the request being sent
  kTimeoutTotal,       ///< not finished within total_s
  kHttp3xx,            ///< a redirect, which is not followed
  kHttp4xx,
  kHttp5xx,
  kConnectionLost,       ///< the connection ended before the answer did
  kProtocol,             ///< the server answered something that is not its protocol
  kServerErrorInStream,  ///< an error object inside a 200 response
  kCancelled,            ///< the run was stopped
};

std::string_view to_string(ErrorClass error);

/// The class of an HTTP status; kNone for 2xx.
ErrorClass error_class_of_status(int status);

}  // namespace aieb::http
