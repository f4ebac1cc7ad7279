#include "hub/client.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/stop.h"
#include "core/text.h"

namespace aieb::hub {
namespace {

constexpr int kAttempts = 4;
constexpr int kRedirects = 5;

/// W/"abc" or "abc" → abc; must be usable as a file name.
std::string normalized_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  const bool safe = !etag.empty() && etag.front() != '.' &&
                    std::all_of(etag.begin(), etag.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                    });
  return safe ? etag : std::string();
}

bool is_safe_name(const std::string& name) {
  return !name.empty() && name.front() != '/' && name.find('\\') == std::string::npos &&
         ("/" + name + "/").find("/../") == std::string::npos;
}

bool may_pass(long status) { return status == 429 || status >= 500; }

std::optional<int64_t> number(const std::string& text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(),
                                   [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return std::nullopt;
  }
  return std::stoll(text);
}

const char* web_folder(RepoKind kind) { return kind == RepoKind::kDataset ? "datasets/" : ""; }

const char* noun(RepoKind kind) { return kind == RepoKind::kDataset ? "dataset" : "model"; }

template <typename... Args>
[[noreturn]] void throw_for(const Repo& repo, fmt::format_string<Args...> text, Args&&... args) {
  const std::string message = fmt::format(text, std::forward<Args>(args)...);
  if (repo.kind == RepoKind::kDataset) throw DataError(message);
  throw ModelError(message);
}

std::optional<int64_t> listed_size(const Json& entry) {
  const auto it = entry.find("size");
  if (it == entry.end() || !it->is_number_integer()) return std::nullopt;
  return it->get<int64_t>();
}

}  // namespace

bool Listing::has(const std::string& name) const {
  return std::any_of(files.begin(), files.end(),
                     [&](const RemoteFile& file) { return file.name == name; });
}

HttpRequest HubClient::get(const std::string& url) const {
  HttpRequest request;
  request.url = url;
  request.connect_timeout_s = settings_.connect_timeout_s;
  request.stall_timeout_s = settings_.stall_timeout_s;
  request.stop = settings_.stop;
  request.headers = {"Accept-Encoding: identity"};
  if (!settings_.token.empty() && origin(url) == origin(settings_.endpoint)) {
    request.headers.push_back("Authorization: Bearer " + settings_.token);
  }
  return request;
}

std::string HubClient::file_url(const Repo& repo, const std::string& file) const {
  return fmt::format("{}/{}{}/resolve/{}/{}", settings_.endpoint, web_folder(repo.kind), repo.id,
                     percent_encoded(repo.revision), percent_encoded(file, "/"));
}

HttpResponse HubClient::perform(const HttpRequest& request) {
  double delay_s = settings_.retry_delay_s;
  for (int attempt = 1;; ++attempt) {
    try {
      HttpResponse response = connection_.perform(request);
      if (!may_pass(response.status)) return response;
      if (attempt == kAttempts) {
        throw HubUnreachable(fmt::format("{} answers with HTTP {}; try again later",
                                         settings_.endpoint, response.status));
      }
    } catch (const NetworkError& e) {
      if (!e.reached() || attempt == kAttempts) {
        throw HubUnreachable(fmt::format(
            "the Hugging Face hub cannot be reached at {} ({}). Check the network, the proxy "
            "(https_proxy) or HF_ENDPOINT; a folder with the files can be named instead.",
            settings_.endpoint, e.what()));
      }
    }
    sleep_unless_stopped(delay_s, settings_.stop);
    throw_if_stopped(settings_.stop);
    delay_s *= 2;
  }
}

void HubClient::refuse(const HttpResponse& response, const Repo& repo, const std::string& file) {
  const std::string code = response.header("x-error-code");
  const std::string page = settings_.endpoint + "/" + web_folder(repo.kind) + repo.id;
  if (code == "GatedRepo" || response.status == 403) {
    throw_for(repo,
              "access to the {} '{}' is restricted. Open {} , accept its conditions, and put an "
              "access token ({}/settings/tokens) into HF_TOKEN{}.",
              noun(repo.kind), repo.id, page, settings_.endpoint,
              settings_.token.empty() ? "" : "; the token that is set now is not enough");
  }
  if (code == "RevisionNotFound") {
    throw_for(repo, "the {} '{}' has no revision '{}' on {}", noun(repo.kind), repo.id,
              repo.revision, settings_.endpoint);
  }
  if (code == "EntryNotFound") {
    throw_for(repo, "the {} '{}' has no file '{}' at revision '{}'", noun(repo.kind), repo.id, file,
              repo.revision);
  }
  if (response.status == 401 || response.status == 404) {
    const auto near = similar(repo);
    throw_for(repo,
              "there is no {} '{}' on {}, or it is private{}. Private and restricted ones need an "
              "access token in HF_TOKEN{}.",
              noun(repo.kind), repo.id, settings_.endpoint,
              near.empty() ? "" : fmt::format(" (did you mean {}?)", fmt::join(near, " or ")),
              settings_.token.empty() ? "" : "; the one that is set now was sent");
  }
  throw EnvironmentError(fmt::format("{} refused the {} '{}' with HTTP {}{}", settings_.endpoint,
                                     noun(repo.kind), repo.id, response.status,
                                     file.empty() ? "" : " for " + file));
}

std::vector<std::string> HubClient::similar(const Repo& repo) {
  const std::string name = repo.id.substr(repo.id.find('/') + 1);
  std::vector<std::string> ids;
  try {
    const HttpResponse response =
        connection_.perform(get(fmt::format("{}/api/{}?search={}&limit=3", settings_.endpoint,
                                            repo.api_folder(), percent_encoded(name))));
    if (!response.ok()) return ids;
    const Json answer = Json::parse(response.body);
    for (const Json& entry : answer) {
      ids.push_back(entry.at("id").get<std::string>());
    }
  } catch (const NetworkError&) {  // only a courtesy
  } catch (const Json::exception&) {
  }
  return ids;
}

Listing HubClient::list(const Repo& repo) {
  const HttpResponse response =
      perform(get(fmt::format("{}/api/{}/{}/revision/{}?blobs=true", settings_.endpoint,
                              repo.api_folder(), repo.id, percent_encoded(repo.revision))));
  if (!response.ok()) refuse(response, repo, "");
  Listing listing;
  try {
    const Json answer = Json::parse(response.body);
    listing.commit = answer.at("sha").get<std::string>();
    for (const Json& entry : answer.at("siblings")) {
      const auto name = entry.at("rfilename").get<std::string>();
      if (is_safe_name(name)) listing.files.push_back({name, listed_size(entry)});
    }
  } catch (const Json::exception& e) {
    throw HubUnreachable(
        fmt::format("{} does not answer like the Hugging Face hub ({}); check "
                    "HF_ENDPOINT and the proxy",
                    settings_.endpoint, e.what()));
  }
  if (!is_commit(listing.commit)) {
    throw HubUnreachable(settings_.endpoint + " names no commit; check HF_ENDPOINT");
  }
  return listing;
}

FileFacts HubClient::facts(const Repo& repo, const std::string& file) {
  std::string url = file_url(repo, file);
  for (int hop = 0; hop < kRedirects; ++hop) {
    HttpRequest request = get(url);
    request.head = true;
    const HttpResponse response = perform(request);
    const bool redirect = response.status >= 300 && response.status < 400;
    if (!response.ok() && !redirect) refuse(response, repo, file);
    std::string location = redirect ? response.header("location") : url;
    if (location.starts_with("/")) location = origin(url) + location;
    const std::string linked = response.header("x-linked-etag");
    FileFacts facts;
    facts.etag = normalized_etag(linked.empty() ? response.header("etag") : linked);
    facts.location = location;
    const auto size = number(response.header(response.header("x-linked-size").empty() && !redirect
                                                 ? "content-length"
                                                 : "x-linked-size"));
    facts.size = size.value_or(0);
    if (!facts.etag.empty() && size) return facts;
    if (!redirect || origin(location) != origin(url)) break;
    url = location;  // a renamed repository
  }
  throw HubUnreachable(
      fmt::format("{} does not say the size and the etag of {}; check HF_ENDPOINT "
                  "and the proxy",
                  settings_.endpoint, file));
}

}  // namespace aieb::hub
