#pragma once

#include <string>
#include <vector>

#include "config/node.h"
#include "config/problems.h"
#include "formatters/registry.h"

namespace aieb {

/// Reads the document of reasoning_formats.yaml into a registry.
class RegistryReader {
 public:
  RegistryReader(FormatterRegistry& registry, Problems& problems)
      : registry_(registry), problems_(problems) {}

  void read(const Node& document);

 private:
  void family(const NodeKey& name, const Node& node);
  void fields(const Node& node, ReasoningFormat& format);
  void choices(const Node& node, std::string_view field, bool exact,
               FormatterRegistry::Family& family);
  void top_level(const Node& map, bool exact);
  const ReasoningFormat* format_named(const std::string& family);

  /// Iterates a mapping of mappings, or notes that it is none.
  template <class Each>
  void each_entry(const Node* map, Each each);

  FormatterRegistry& registry_;
  Problems& problems_;
};

}  // namespace aieb
