#pragma once

#include "core/error.h"

namespace aieb {

/// What the native engine cannot do and the transformers engine may. `backend.engine: auto` goes on
/// with the latter.
class EngineLimit : public Error {
 public:
  using Error::Error;
};

}  // namespace aieb
