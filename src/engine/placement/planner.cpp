#include "engine/placement/planner.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <list>
#include <set>

#include "engine/placement/part_sizes.h"

namespace aieb::engine {
namespace {

constexpr double kShareOfOneGpu = 0.9;       // what a single GPU without a limit gives to weights
constexpr double kShareOfQuantized = 0.9;    // of every limit
constexpr double kLargestPartMargin = 1.25;  // of the largest part, on top of an even share

/// Leaves to GPU 0 what GPUs 1 to count - 1 cannot take of the total.
void empty_gpu_0(PlaceLimits& limits, int64_t count, double total) {
  double rest = total;
  for (const PlaceLimit& limit : limits) {
    const bool other = limit.is_gpu() && limit.place != "0" && std::stoll(limit.place) < count;
    if (other) rest -= limit.bytes;
  }
  const auto first = std::ranges::find(limits, "0", &PlaceLimit::place);
  if (first != limits.end()) first->bytes = std::min(std::max(0.0, rest), first->bytes);
}

/// Limits that make GPUs but the last take even shares.
PlaceLimits balanced_limits(const PlacementTask& task, const PartSizes& sizes) {
  PlaceLimits limits = task.limits;
  std::vector<PlaceLimit*> gpus;
  for (PlaceLimit& limit : limits) {
    if (limit.is_gpu() && limit.bytes > 0) gpus.push_back(&limit);
  }
  if (gpus.empty()) return limits;
  const auto count = static_cast<int64_t>(gpus.size());
  const bool low_0 = task.spread == Spread::kBalancedLow0 && count > 1;
  if (count == 1 && !task.limits_from_user) {
    std::ranges::find_if(limits, &PlaceLimit::is_gpu)->bytes *= kShareOfOneGpu;
  }
  const int64_t largest = std::max(sizes.largest_whole(), sizes.largest_own());
  const auto margin = static_cast<int64_t>(kLargestPartMargin * static_cast<double>(largest));
  const auto share = static_cast<double>(sizes.total() / (low_0 ? count - 1 : count) + margin);
  for (PlaceLimit* gpu : gpus) {
    const bool free = gpu == gpus.back() || (low_0 && gpu->place == "0");
    if (!free) gpu->bytes = std::min(share, gpu->bytes);
  }
  if (low_0) empty_gpu_0(limits, count, static_cast<double>(sizes.total()));
  return limits;
}

/// A module, or a tensor that stands by itself (`module` is null).
struct Pending {
  std::string name;
  const ModelPart* module = nullptr;

  [[nodiscard]] bool splits() const {
    return module != nullptr && !module->children.empty() && !module->whole;
  }
};
using Queue = std::list<Pending>;

/// Parameters and children, under full names.
Queue contents(const Pending& part) {
  Queue out;
  for (const PartTensor& tensor : part.module->tensors) {
    if (!tensor.buffer) out.push_back({joined(part.name, tensor.name)});
  }
  for (const ModelPart& child : part.module->children) {
    out.push_back({joined(part.name, child.name), &child});
  }
  return out;
}

/// Whether `name` is `part` or lies below it.
bool is_within(const std::string& name, const std::string& part) {
  return (name + ".").starts_with(part + ".");
}

/// The largest part that cannot be split among those that are still to be placed.
struct LargestPart {
  int64_t bytes = 0;
  std::set<std::string> names;

  void look_at(const Pending& part, const PartSizes& sizes) {
    if (part.splits()) {
      for (const ModelPart& child : part.module->children) {
        look_at({joined(part.name, child.name), &child}, sizes);
      }
      return;
    }
    const int64_t size = sizes.of(part.name);
    if (size > bytes) {
      bytes = size;
      names.clear();
    }
    if (size == bytes) names.insert(part.name);
  }

  void forget(const std::string& part) {
    std::erase_if(names, [&](const std::string& name) { return is_within(name, part); });
  }
};

class Planner {
 public:
  Planner(const PlacementTask& task, const PartSizes& sizes, PlaceLimits limits)
      : task_(task), sizes_(sizes), limits_(std::move(limits)) {
    if (limits_.empty() || limits_.back().place != "disk") limits_.push_back({"disk"});
    limits_.back().bytes = std::numeric_limits<double>::infinity();
    queue_ = contents({"", &task.model});
    for (const PartTensor& tensor : task.model.tensors) {
      if (tensor.buffer) queue_.push_back({tensor.name});
    }
    for (const Pending& part : queue_) largest_.look_at(part, sizes_);
  }

  Placement run() {
    while (!queue_.empty()) place_next();
    return std::move(out_);
  }

 private:
  void place_next() {
    const Pending part = queue_.front();
    queue_.pop_front();
    largest_.forget(part.name);
    if (largest_.names.empty()) find_largest();
    const double room = limits_[at_].bytes - reserve() - used_;
    const int64_t size = sizes_.of(part.name);
    const std::vector<Queue::iterator> tied = tied_parts(part.name);
    int64_t size_with_tied = size;
    for (const auto& other : tied) size_with_tied += sizes_.of(other->name);

    if (static_cast<double>(size_with_tied) <= room) {
      put(part, tied, size_with_tied);
    } else if (!tied.empty() && static_cast<double>(size) <= room && split_one(tied)) {
      queue_.push_front(part);
      find_largest();
    } else if (part.splits()) {
      queue_.splice(queue_.begin(), contents(part));
      find_largest();
    } else {
      used_ = 0;
      ++at_;
      queue_.push_front(part);
    }
  }

  /// The first GPU and the CPU keep room for an offloaded part to run in.
  [[nodiscard]] double reserve() const {
    const bool keeps = at_ == 0 ? limits_[0].place != "disk" : limits_[at_].place == "cpu";
    return keeps ? static_cast<double>(largest_.bytes) : 0;
  }

  void find_largest() {
    largest_ = {};
    for (const Pending& part : queue_) {
      if (part.module != nullptr) largest_.look_at(part, sizes_);
    }
  }

  /// Waiting parts with a parameter that is one with a parameter of this part.
  std::vector<Queue::iterator> tied_parts(const std::string& name) {
    std::vector<Queue::iterator> parts;
    for (const TiedNames& group : task_.tied) {
      const auto inside = [&](const std::string& tensor) { return is_within(tensor, name); };
      if (std::ranges::none_of(group, inside)) continue;
      for (const std::string& tensor : group) {
        if (inside(tensor)) continue;
        const auto holder = std::ranges::find_if(
            queue_, [&](const Pending& part) { return tensor.starts_with(part.name + "."); });
        if (holder == queue_.end()) continue;
        if (std::ranges::find(parts, holder) == parts.end()) parts.push_back(holder);
      }
    }
    return parts;
  }

  bool split_one(const std::vector<Queue::iterator>& tied) {
    const auto found = std::ranges::find_if(tied, [](const auto& part) { return part->splits(); });
    if (found == tied.end()) return false;
    queue_.splice(*found, contents(**found));
    queue_.erase(*found);
    return true;
  }

  void put(const Pending& part, const std::vector<Queue::iterator>& tied, int64_t bytes) {
    const Place& place = limits_[at_].place;
    out_.places[part.name] = place;
    for (const auto& other : tied) {
      out_.places[other->name] = place;
      queue_.erase(other);
    }
    used_ += static_cast<double>(bytes);
    out_.bytes[place] += bytes;
  }

  const PlacementTask& task_;
  const PartSizes& sizes_;
  PlaceLimits limits_;
  Queue queue_;
  LargestPart largest_;
  size_t at_ = 0;    ///< the place that is being filled
  double used_ = 0;  ///< bytes on it
  Placement out_;
};

/// Names whose parts all lie on one place stand for them.
void merge(std::map<std::string, Place>& places, const std::string& module) {
  const std::string prefix = module.empty() ? "" : module + ".";
  std::set<Place> found;
  std::set<std::string> children;
  size_t count = 0;
  for (auto it = places.lower_bound(prefix); it != places.end() && it->first.starts_with(prefix);
       ++it) {
    found.insert(it->second);
    ++count;
    children.insert(it->first.substr(0, it->first.find('.', prefix.size())));
  }
  if (found.size() == 1 && count > 1) {
    std::erase_if(places, [&](const auto& entry) { return entry.first.starts_with(prefix); });
    places[module] = *found.begin();
    return;
  }
  for (const std::string& child : children) merge(places, child);
}

}  // namespace

Placement plan_placement(const PlacementTask& task) {
  const PartSizes sizes(task.model, task.tied);
  PlaceLimits limits =
      task.spread == Spread::kSequential ? task.limits : balanced_limits(task, sizes);
  if (task.quantized) {
    for (PlaceLimit& limit : limits) limit.bytes *= kShareOfQuantized;
  }
  Placement out = Planner(task, sizes, std::move(limits)).run();
  merge(out.places, "");
  return out;
}

Place place_of(const Placement& placement, const std::string& name) {
  std::string part = name;
  while (true) {
    const auto found = placement.places.find(part);
    if (found != placement.places.end()) return found->second;
    if (part.empty()) return "";
    const size_t dot = part.rfind('.');
    part = dot == std::string::npos ? "" : part.substr(0, dot);
  }
}

}  // namespace aieb::engine
