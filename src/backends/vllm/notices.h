#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/events.h"

namespace aieb::server {

/// Things that the user should know and that do not stop the run, each said once: logged, kept in
/// the backend's details and, once a run has begun, in the trace.
class Notices {
 public:
  void add(const std::string& text);

  /// While one lives, notices also go to the trace (event "warning"), those said earlier first.
  class Attached {
   public:
    Attached(Notices& notices, EventSink& sink) : notices_(notices) { notices_.attach(&sink); }
    ~Attached() { notices_.sink_ = nullptr; }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

   private:
    Notices& notices_;
  };

  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  void attach(EventSink* sink);
  void emit(const std::string& text) const;

  std::set<std::string> seen_;
  std::vector<std::string> all_;
  size_t emitted_ = 0;  ///< how many of `all_` are in the trace
  EventSink* sink_ = nullptr;
};

}  // namespace aieb::server
