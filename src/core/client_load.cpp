#include "core/client_load.h"

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::optional<double> number_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

}  // namespace

Json to_json(const Calibration& c) {
  return {{"mode", c.mode},
          {"concurrency", c.concurrency},
          {"request_rate", or_null(c.request_rate)},
          {"measured_s", c.measured_s},
          {"requests", c.requests},
          {"lost", c.lost},
          {"requests_per_s", c.requests_per_s},
          {"tokens_per_s", c.tokens_per_s},
          {"ttft_error_mean_s", c.ttft_error_mean_s},
          {"ttft_error_p99_s", c.ttft_error_p99_s},
          {"itl_s", or_null(c.itl_s)},
          {"itl_std_s", or_null(c.itl_std_s)},
          {"send_lag_p99_s", or_null(c.send_lag_p99_s)},
          {"sending_busy", c.sending_busy},
          {"server_late_mean_s", c.server_late_mean_s}};
}

Calibration calibration_from(const Json& json) {
  Calibration c;
  c.mode = json.at("mode").get<std::string>();
  c.concurrency = json.at("concurrency").get<int64_t>();
  c.request_rate = number_at(json, "request_rate");
  c.measured_s = json.at("measured_s").get<double>();
  c.requests = json.at("requests").get<int64_t>();
  c.lost = json.at("lost").get<int64_t>();
  c.requests_per_s = json.at("requests_per_s").get<double>();
  c.tokens_per_s = json.at("tokens_per_s").get<double>();
  c.ttft_error_mean_s = json.at("ttft_error_mean_s").get<double>();
  c.ttft_error_p99_s = json.at("ttft_error_p99_s").get<double>();
  c.itl_s = number_at(json, "itl_s");
  c.itl_std_s = number_at(json, "itl_std_s");
  c.send_lag_p99_s = number_at(json, "send_lag_p99_s");
  c.sending_busy = json.at("sending_busy").get<double>();
  c.server_late_mean_s = json.at("server_late_mean_s").get<double>();
  return c;
}

Json to_json(const ClientLoad& load) {
  return {{"cpu_cores", or_null(load.cpu_cores)},
          {"sending_busy", or_null(load.sending_busy)},
          {"connections_opened", or_null(load.connections_opened)},
          {"reads_stamped_by_kernel", or_null(load.reads_stamped_by_kernel)},
          {"energy", to_json(load.energy)},
          {"limits", load.limits},
          {"calibration", load.calibration ? to_json(*load.calibration) : Json(nullptr)}};
}

ClientLoad client_load_from(const Json& json) {
  ClientLoad load;
  load.cpu_cores = number_at(json, "cpu_cores");
  load.sending_busy = number_at(json, "sending_busy");
  if (const Json opened = json.value("connections_opened", Json()); opened.is_number()) {
    load.connections_opened = opened.get<int64_t>();
  }
  if (const Json share = json.value("reads_stamped_by_kernel", Json()); share.is_number()) {
    load.reads_stamped_by_kernel = share.get<double>();
  }
  load.limits = json.at("limits").get<std::vector<std::string>>();
  const Json& calibration = json.at("calibration");
  if (!calibration.is_null()) load.calibration = calibration_from(calibration);
  return load;
}

}  // namespace aieb
