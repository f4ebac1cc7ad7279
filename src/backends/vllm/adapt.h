#pragma once

#include "backends/vllm/chunk.h"
#include "backends/vllm/notices.h"
#include "backends/vllm/request_body.h"

namespace aieb::server {

/// A server refused a request that was written in `used`. Changes `dialect` if another way of
/// writing it is known to help, and says so. True: the request is worth writing again, in
/// `dialect`.
bool adapt(Dialect& dialect, const Dialect& used, int status, const ServerFault& fault,
           Notices& notices);

}  // namespace aieb::server
