#include "http/error_class.h"

#include <array>
#include <cstddef>

namespace aieb::http {

std::string_view to_string(ErrorClass error) {
  constexpr std::array<std::string_view, 14> kNames = {"",
                                                       "dns",
                                                       "connect",
                                                       "tls",
                                                       "timeout_connect",
                                                       "timeout_first_token",
                                                       "timeout_total",
                                                       "http_3xx",
                                                       "http_4xx",
                                                       "http_5xx",
                                                       "connection_lost",
                                                       "protocol",
                                                       "server_error_in_stream",
                                                       "cancelled"};
  return kNames.at(static_cast<size_t>(error));
}

ErrorClass error_class_of_status(int status) {
  if (status >= 200 && status < 300) return ErrorClass::kNone;
  if (status >= 300 && status < 400) return ErrorClass::kHttp3xx;
  if (status >= 400 && status < 500) return ErrorClass::kHttp4xx;
  return status >= 500 && status < 600 ? ErrorClass::kHttp5xx : ErrorClass::kProtocol;
}

}  // namespace aieb::http
