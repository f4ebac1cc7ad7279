#pragma once

#include <string>

#include "core/request.h"

namespace aieb::server {

/// The request of the next turn: what `before` said, the answer to it, and what `next` adds. The
/// texts for servers without a chat template are put together in the same order, a line each.
Request next_turn(const Request& before, const std::string& answer, const Request& next);

}  // namespace aieb::server
