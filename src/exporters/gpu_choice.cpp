#include "exporters/gpu_choice.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aieb::exporters {
namespace {

using Texts = std::vector<std::string>;

bool holds(const Texts& list, const std::string& text) {
  return !text.empty() && std::find(list.begin(), list.end(), text) != list.end();
}

std::string list_of(const std::vector<Device>& gpus) {
  Texts words;
  for (const Device& gpu : gpus) words.push_back(in_words(gpu));
  return fmt::format("{}", fmt::join(words, ", "));
}

Texts keys_of(const std::vector<Device>& gpus) {
  Texts keys;
  for (const Device& gpu : gpus) keys.push_back(gpu.key);
  return keys;
}

/// Everything is left out, for a reason.
GpuChoice refused(const std::vector<Device>& found, std::string problem, std::string fix) {
  return {keys_of(found), std::move(problem), std::move(fix), ""};
}

Texts not_found(const Texts& wanted, const std::vector<Device>& found) {
  Texts out;
  for (const std::string& name : wanted) {
    const bool there = std::any_of(found.begin(), found.end(), [&](const Device& gpu) {
      return gpu.uuid == name || gpu.gpu == name;
    });
    if (!there) out.push_back(name);
  }
  return out;
}

}  // namespace

std::string in_words(const Device& device) {
  Texts facts;
  for (const std::string& fact : {device.model, device.uuid}) {
    if (!fact.empty()) facts.push_back(fact);
  }
  if (!device.host.empty()) facts.push_back("on " + device.host);
  std::string id = device.gpu;
  if (id.empty() && facts.empty()) {
    id = device.key.substr(0, device.key.find_last_not_of('\n') + 1);
    std::replace(id.begin(), id.end(), '\n', ' ');
  }
  if (facts.empty()) return id;
  return id.empty() ? fmt::format("{}", fmt::join(facts, ", "))
                    : fmt::format("{} ({})", id, fmt::join(facts, ", "));
}

GpuChoice choose(const std::vector<Device>& found, const SourceSpec& spec,
                 const std::vector<std::string>& server_gpus) {
  if (found.empty()) return {};
  const bool named = !spec.gpus.empty();
  const bool tells_uuids =
      std::any_of(found.begin(), found.end(), [](const Device& gpu) { return !gpu.uuid.empty(); });
  const bool known = !server_gpus.empty() && tells_uuids;
  if (named) {
    const Texts absent = not_found(spec.gpus, found);
    if (!absent.empty()) {
      return refused(found,
                     fmt::format("the source '{}' has no GPU {}; it has {}", spec.name,
                                 fmt::join(absent, ", "), list_of(found)),
                     "name one of these in its gpus, or the exporter of the server's host in url");
    }
  }
  GpuChoice choice;
  std::vector<Device> taken;
  for (const Device& gpu : found) {
    const bool wanted = named   ? holds(spec.gpus, gpu.uuid) || holds(spec.gpus, gpu.gpu)
                        : known ? holds(server_gpus, gpu.uuid)
                                : true;
    if (wanted) {
      taken.push_back(gpu);
    } else {
      choice.left_out.push_back(gpu.key);
    }
  }
  const bool foreign = known && std::any_of(taken.begin(), taken.end(), [&](const Device& gpu) {
                         return !holds(server_gpus, gpu.uuid);
                       });
  if (foreign || (known && taken.empty())) {
    return refused(
        found,
        fmt::format("the source '{}' measures other GPUs ({}) than the server computes "
                    "on ({})",
                    spec.name, list_of(named ? taken : found), fmt::join(server_gpus, ", ")),
        "set its url to the exporter of the server's host, or its gpus to these UUIDs");
  }
  if (!named && !known && found.size() > 1) {
    choice.notice = fmt::format(
        "the source '{}' has {} GPUs ({}) and all of them count: if the server computes on fewer, "
        "name them in its gpus",
        spec.name, found.size(), list_of(found));
  } else if (!choice.left_out.empty()) {
    choice.notice =
        fmt::format("of the {} GPUs of the source '{}', {} count{}: {}", found.size(), spec.name,
                    taken.size(), taken.size() == 1 ? "s" : "", list_of(taken));
  }
  return choice;
}

}  // namespace aieb::exporters
