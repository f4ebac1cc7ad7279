#include "backends/vllm/server_probe.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "backends/vllm/chunk.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"

namespace aieb::server {
namespace {

using http::ErrorClass;
using http::FetchResult;

constexpr int64_t kProbeTimeoutNs = 30'000'000'000;
constexpr size_t kListedModels = 20;

std::string last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::string replaced(std::string text, std::string_view what, const std::string& with) {
  const size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

/// One probe of one server: the steps share what they were given.
class Probe {
 public:
  Probe(http::Client& client, const http::Endpoint& endpoint, const ServerProfile& profile,
        const std::string& model, Notices& notices)
      : client_(client), endpoint_(endpoint), profile_(profile), model_(model), notices_(notices) {}

  ServerFacts run() {
    check_health();
    read_models();
    choose_model();
    read_version();
    return std::move(facts_);
  }

 private:
  FetchResult get(const std::string& url) {
    FetchResult result = client_.fetch({url, {}, kProbeTimeoutNs});
    if (result.outcome.error != ErrorClass::kNone) unreachable(url, result);
    facts_.address = result.outcome.peer_address;
    return result;
  }

  void check_health() {
    if (profile_.health_path.empty()) return;
    const std::string url = endpoint_.root_url(profile_.health_path);
    const FetchResult result = get(url);
    const int status = result.outcome.status;
    check_access(url, result);
    if (status == 404) {
      notices_.add(
          fmt::format("{} does not exist: this may not be a vLLM server. backend.type "
                      "openai fits every compatible server",
                      url));
    } else if (status >= 500) {
      throw ServerError(
          fmt::format("The server at {} is not healthy: GET {} gives HTTP {}{}. It may "
                      "still be loading the model; wait, or look at its log",
                      endpoint_.display(), url, status, said(result)));
    }
  }

  void read_models() {
    const std::string url = endpoint_.api_url(profile_.ollama_api ? "/tags" : "/models");
    const FetchResult result = get(url);
    check_access(url, result);
    if (result.outcome.status == 404 && profile_.type == "ollama") {
      throw ServerError(
          fmt::format("{} is not Ollama's API: GET {} gives HTTP 404. Check the path of "
                      "backend.endpoint (it ends with /v1 or /api)",
                      endpoint_.display(), url));
    }
    if (result.outcome.status == 404) {
      notices_.add(
          fmt::format("{} does not exist: whether the server has the model '{}' could not "
                      "be checked",
                      url, model_));
      return;
    }
    const Json json = Json::parse(result.body, nullptr, false);
    const char* list = profile_.ollama_api ? "models" : "data";
    const bool is_list = json.is_object() && json.contains(list) && json[list].is_array();
    if (result.outcome.status != 200 || !is_list) {
      throw ServerError(fmt::format(
          "{} is not {}: GET {} gives HTTP {}{}. Check "
          "backend.endpoint (its path usually ends with /v1{})",
          endpoint_.display(), profile_.ollama_api ? "Ollama's API" : "an OpenAI-compatible API",
          url, result.outcome.status, said(result), profile_.type == "ollama" ? " or /api" : ""));
    }
    const char* name = profile_.ollama_api ? "name" : "id";
    for (const Json& entry : json[list]) {
      if (!entry.is_object() || !entry.value(name, Json()).is_string()) continue;
      facts_.models.push_back(entry[name]);
      if (facts_.models.back() == model_ && entry.value("max_model_len", Json()).is_number()) {
        facts_.max_model_len = entry["max_model_len"];
      }
    }
  }

  void choose_model() {
    if (facts_.models.empty()) return;
    const auto served = [&](const std::string& name) {
      return std::find(facts_.models.begin(), facts_.models.end(), name) != facts_.models.end();
    };
    if (served(model_)) return;
    const std::string tagged = model_ + std::string(profile_.implied_tag);
    if (!profile_.implied_tag.empty() && served(tagged)) return;
    mismatch();
  }

  [[noreturn]] void mismatch() const {
    const std::string nearest = most_like(model_, facts_.models);
    std::string list;
    const size_t shown = std::min(facts_.models.size(), kListedModels);
    for (size_t i = 0; i < shown; ++i) {
      const bool mark = facts_.models[i] == nearest;
      list +=
          fmt::format("\n  {}{}", printable(facts_.models[i]), mark ? "   <- most like it" : "");
    }
    if (shown < facts_.models.size()) {
      list += fmt::format("\n  … and {} more", facts_.models.size() - shown);
      if (list.find("   <-") == std::string::npos) {
        list += fmt::format("\n  {}   <- most like it", printable(nearest));
      }
    }
    throw ServerError(
        fmt::format("The server at {} does not serve '{}'. It serves:{}\nSet "
                    "backend.model (or BENCHMARK_MODEL) to one of these, or start the "
                    "server with your model{}",
                    endpoint_.display(), model_, list, start_hint()));
  }

  void read_version() {
    if (profile_.version_path.empty()) return;
    const FetchResult result =
        client_.fetch({endpoint_.root_url(profile_.version_path), {}, kProbeTimeoutNs});
    const Json json = Json::parse(result.body, nullptr, false);
    if (json.is_object() && json.contains("version") && json["version"].is_string()) {
      facts_.version = json["version"];
    }
  }

  void check_access(const std::string& url, const FetchResult& result) const {
    const int status = result.outcome.status;
    if (status != 401 && status != 403) return;
    throw ServerError(
        fmt::format("The server at {} refuses access: GET {} gives HTTP {}{}. Set {} (or {}) to "
                    "its API key, or an "
                    "Authorization header in backend.headers",
                    endpoint_.display(), url, status, said(result), profile_.key_variables[0],
                    profile_.key_variables[1]));
  }

  [[noreturn]] void unreachable(const std::string& url, const FetchResult& result) const {
    throw ServerError(fmt::format(
        "No server answers at {} (GET {}: {} [{}]).\nStart one{}\nor set backend.endpoint "
        "(VLLM_ENDPOINT) to where it listens{}",
        endpoint_.display(), url, result.outcome.message, http::to_string(result.outcome.error),
        start_hint(), remedy(result.outcome.error) + proxy_hint()));
  }

  /// ": vllm serve …", or nothing where there is no single command.
  [[nodiscard]] std::string start_hint() const {
    if (profile_.start_command.empty()) return {};
    const std::string command = replaced(std::string(profile_.start_command), "{model}", model_);
    return ":\n  " + replaced(command, "{port}", std::to_string(endpoint_.port()));
  }

  [[nodiscard]] std::string remedy(ErrorClass error) const {
    switch (error) {
      case ErrorClass::kDns:
        return endpoint_.display().find("host.docker.internal") == std::string::npos
                   ? ".\nThe name is not known here: check its spelling, or give the address"
                   : ".\nIn a container on Linux that name must be made: docker run --add-host "
                     "host.docker.internal:host-gateway … (docker-compose.poc.yml does it), or run "
                     "with --network host and name localhost";
      case ErrorClass::kTls:
        return ".\nA private certificate authority is given by SSL_CERT_FILE; a server without TLS "
               "is "
               "reached by http://";
      case ErrorClass::kTimeoutConnect:
        return std::string(
                   ".\nscenario.timeouts.connect_s is the limit that was reached; a firewall may "
                   "drop the packets") +
               (endpoint_.scheme() == "https" ? ", or the port does not speak TLS: try http://"
                                              : "");
      default:
        return {};
    }
  }

  /// libcurl reads the variables itself; no_proxy is not looked at here, so that it may not apply.
  [[nodiscard]] std::string proxy_hint() const {
    if (endpoint_.is_loopback()) return {};
    std::vector<const char*> names = {"http_proxy"};
    if (endpoint_.scheme() == "https") names = {"https_proxy", "HTTPS_PROXY"};
    names.insert(names.end(), {"all_proxy", "ALL_PROXY"});
    for (const char* name : names) {
      const char* value = std::getenv(name);
      if (value == nullptr || *value == '\0') continue;
      return fmt::format(
          ".\n{} is set: requests go through that proxy unless no_proxy names {}; check it, too",
          name, endpoint_.host());
    }
    return {};
  }

  static std::string said(const FetchResult& result) {
    const std::string text = read_fault(result.body).message;
    return text.empty() ? "" : fmt::format(" ({})", text.substr(0, 300));
  }

  http::Client& client_;
  const http::Endpoint& endpoint_;
  const ServerProfile& profile_;
  const std::string& model_;
  Notices& notices_;
  ServerFacts facts_;
};

}  // namespace

ServerFacts probe_server(http::Client& client, const http::Endpoint& endpoint,
                         const ServerProfile& profile, const std::string& model, Notices& notices) {
  return Probe(client, endpoint, profile, model, notices).run();
}

std::string most_like(const std::string& wanted, const std::vector<std::string>& names) {
  const std::string want = lower_case(wanted);
  const auto rank = [&](const std::string& name) {
    const std::string have = lower_case(name);
    const bool inside = have.find(last_part(want)) != std::string::npos ||
                        want.find(last_part(have)) != std::string::npos;
    return std::tuple(have != want, last_part(have) != last_part(want), !inside,
                      edit_distance(want, have));
  };
  const auto best = std::min_element(
      names.begin(), names.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return best == names.end() ? std::string() : *best;
}

}  // namespace aieb::server
