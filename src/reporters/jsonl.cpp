#include "reporters/jsonl.h"

#include "reporters/results_json.h"

namespace aieb {

std::string jsonl_report(const Results& results) {
  std::string out;
  for (const RequestResult& request : results.requests) {
    out += prompt_json(request).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return out;
}

}  // namespace aieb
