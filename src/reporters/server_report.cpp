#include "reporters/server_report.h"

#include <array>

#include "reporters/text_format.h"

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T>
void read(const Json& json, const char* key, std::optional<T>& out) {
  const auto it = json.find(key);
  if (it != json.end() && !it->is_null()) out = it->get<T>();
}

/// One row a number that stands for itself in JSON.
struct NumberRow {
  const char* key;
  std::optional<double> ServerTruth::* member;
};
constexpr std::array kNumbers = {
    NumberRow{"mean_running", &ServerTruth::mean_running},
    NumberRow{"max_running", &ServerTruth::max_running},
    NumberRow{"mean_waiting", &ServerTruth::mean_waiting},
    NumberRow{"max_waiting", &ServerTruth::max_waiting},
    NumberRow{"mean_kv_usage", &ServerTruth::mean_kv_usage},
    NumberRow{"max_kv_usage", &ServerTruth::max_kv_usage},
    NumberRow{"prefix_hit_rate", &ServerTruth::prefix_hit_rate},
    NumberRow{"draft_acceptance", &ServerTruth::draft_acceptance},
};
struct CountRow {
  const char* key;
  std::optional<int64_t> ServerTruth::* member;
};
constexpr std::array kCounts = {
    CountRow{"prompt_tokens", &ServerTruth::prompt_tokens},
    CountRow{"output_tokens", &ServerTruth::output_tokens},
    CountRow{"finished_requests", &ServerTruth::finished_requests},
    CountRow{"preemptions", &ServerTruth::preemptions},
};

std::string percent(double share) { return number_text(100 * share) + " %"; }

std::string tokens_text(const std::optional<int64_t>& tokens, const char* direction) {
  return tokens ? count_text(*tokens) + " " + direction : "";
}

void add_load(const ServerTruth& s, std::vector<ServerRow>& rows) {
  if (s.mean_running) {
    std::string note = "at most " + number_text(*s.max_running);
    if (s.mean_waiting) {
      note +=
          "; waiting " + number_text(*s.mean_waiting) + ", at most " + number_text(*s.max_waiting);
    }
    rows.push_back({"running", number_text(*s.mean_running) + " requests", note});
  }
  if (s.max_kv_usage) {
    std::string note = "at most";
    if (s.preemptions) note += "; " + count_text(*s.preemptions) + " preemptions";
    rows.push_back({"KV cache", percent(*s.max_kv_usage), note});
  }
}

void add_tokens(const ServerTruth& s, const Results& r, std::vector<ServerRow>& rows) {
  const std::string out = tokens_text(s.output_tokens, "out");
  const std::string in = tokens_text(s.prompt_tokens, "in");
  if (out.empty() && in.empty()) return;
  const std::string ours_out = tokens_text(r.output_tokens, "out");
  const std::string ours_in = tokens_text(r.prompt_tokens, "in");
  const auto both = [](const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? a + b : a + ", " + b;
  };
  rows.push_back({"tokens", both(out, in), "in the answers: " + both(ours_out, ours_in)});
}

void add_latencies(const ServerTruth& s, std::vector<ServerRow>& rows) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kLabels = {
      {{"ttft_s", "TTFT"}, {"itl_s", "inter-token"}, {"e2e_s", "latency"}, {"queue_s", "queued"}}};
  for (const auto& [key, label] : kLabels) {
    const auto it = s.latencies.find(key);
    if (it == s.latencies.end()) continue;
    std::string note;
    if (it->second.p50_s) note = "p50 about " + duration_text(*it->second.p50_s);
    if (it->second.p99_s) note += ", p99 about " + duration_text(*it->second.p99_s);
    rows.push_back({label, "mean " + duration_text(it->second.mean_s), note});
  }
}

}  // namespace

std::vector<ServerRow> server_rows(const Results& results) {
  std::vector<ServerRow> rows;
  if (!results.server) return rows;
  const ServerTruth& s = *results.server;
  add_load(s, rows);
  add_tokens(s, results, rows);
  if (s.prefix_hit_rate) {
    rows.push_back({"prefix cache", percent(*s.prefix_hit_rate), "of prompt tokens found in it"});
  }
  if (s.draft_acceptance) {
    rows.push_back({"drafts", percent(*s.draft_acceptance), "of drafted tokens accepted"});
  }
  add_latencies(s, rows);
  return rows;
}

Json server_to_json(const Results& results) {
  if (!results.server) return nullptr;
  const ServerTruth& s = *results.server;
  Json out = {{"engine", s.engine}, {"url", s.url}, {"readings", s.readings}};
  for (const NumberRow& row : kNumbers) out[row.key] = or_null(s.*row.member);
  for (const CountRow& row : kCounts) out[row.key] = or_null(s.*row.member);
  out["our_prompt_tokens"] = or_null(results.prompt_tokens);
  out["our_output_tokens"] = or_null(results.output_tokens);
  Json latencies = Json::object();
  for (const auto& [key, l] : s.latencies) {
    latencies[key] = {{"count", l.count},
                      {"mean_s", l.mean_s},
                      {"p50_s", or_null(l.p50_s)},
                      {"p90_s", or_null(l.p90_s)},
                      {"p99_s", or_null(l.p99_s)}};
  }
  out["latencies"] = std::move(latencies);
  out["series"] = {{"t_s", s.t_s}, {"running", s.running}, {"waiting", s.waiting}};
  return out;
}

std::optional<ServerTruth> server_from_json(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  ServerTruth out;
  out.engine = json.value("engine", "");
  out.url = json.value("url", "");
  out.readings = json.value("readings", int64_t{0});
  for (const NumberRow& row : kNumbers) read(json, row.key, out.*row.member);
  for (const CountRow& row : kCounts) read(json, row.key, out.*row.member);
  for (const auto& [key, l] : json.at("latencies").items()) {
    ServerTruth::Latency& latency = out.latencies[key];
    latency.count = l.at("count").get<int64_t>();
    latency.mean_s = l.at("mean_s").get<double>();
    read(l, "p50_s", latency.p50_s);
    read(l, "p90_s", latency.p90_s);
    read(l, "p99_s", latency.p99_s);
  }
  json.at("series").at("t_s").get_to(out.t_s);
  json.at("series").at("running").get_to(out.running);
  json.at("series").at("waiting").get_to(out.waiting);
  return out;
}

}  // namespace aieb
