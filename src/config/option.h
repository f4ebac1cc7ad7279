#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/node.h"
#include "core/json.h"

namespace aieb {

/// Bounds at this magnitude come from the member's type and go unsaid in messages.
constexpr double kLargestInt = std::numeric_limits<int>::max();

enum class OptionType {
  kText,
  kInteger,
  kNumber,
  kBoolean,
  kAutoBoolean,  ///< auto, true or false; kept as that text
  kIntegerList,  ///< a list, one number, or "0,1"
  kTextList,     ///< a list or one text
  kTextMap,      ///< mapping of texts
  kMap,          ///< mapping of anything, replaced as a whole
  kList,         ///< list of anything
  kMapOrText,
};

/// What an option's value must satisfy.
struct Limits {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false;  ///< the minimum itself is not allowed
  std::vector<std::string> choices;
  bool open_choices = false;  ///< other values are warned about: plug-ins may add some
  bool (*also_accepts)(const std::string&) = nullptr;  ///< texts beside the choices
  std::string also_words;                              ///< what these are: "cuda:N"
};

Limits anything();
Limits at_least(double minimum);
Limits above(double minimum);
Limits between(double minimum, double maximum);
Limits one_of(std::vector<std::string> choices);
Limits known(std::vector<std::string> choices);  ///< open choices
/// Choices, and further texts for which `accepts` is true; `words` says what these are.
Limits one_of_or(std::vector<std::string> choices, bool (*accepts)(const std::string&),
                 std::string words);

/// One row of a table of options, without its binding to a struct.
struct OptionFacts {
  std::string key;  ///< dotted
  OptionType type = OptionType::kText;
  Limits limits;
  std::string unit;
  std::string since;  ///< version that brought it
  std::string description;
  /// Known keys of a mapping; others pass, except in a kMapOrText.
  const std::vector<OptionFacts>* members = nullptr;
};

/// A row with its binding to a member of Target.
template <class Target>
struct Option : OptionFacts {
  std::function<void(Target&, const Json&)> set;
  std::function<Json(const Target&)> get;
};

/// Whether `node` is a text in place of a mapping with the member `name`: it is that name.
bool stands_for_a_name(const OptionFacts& facts, const Node& node);

/// What a value must be, as an error message says it: "a whole number of at least 1".
std::string expectation(const OptionFacts& facts);

/// The value with the option's type. Absent if it does not satisfy the option.
/// A value outside open choices is returned: see `is_unlisted_choice`.
std::optional<Json> typed_value(const Node& node, const OptionFacts& facts);

bool is_unlisted_choice(const Json& value, const OptionFacts& facts);

/// "'key' must be …, found 'x' (did you mean 'y'?)".
std::string mismatch_text(const OptionFacts& facts, const Node& found);

namespace option_detail {

template <class Member>
void assign(Member& member, const Json& value) {
  value.get_to(member);
}
template <class Member>
void assign(std::optional<Member>& member, const Json& value) {
  member = value.get<Member>();
}
inline void assign(Json& member, const Json& value) { member = value; }

template <class Member>
Json value_of(const Member& member) {
  return member;
}
template <class Member>
Json value_of(const std::optional<Member>& member) {
  return member ? Json(*member) : Json();
}
inline Json value_of(const std::string& member) { return member.empty() ? Json() : Json(member); }

}  // namespace option_detail

/// Values that the member's type cannot hold are out of the row's range.
template <class Member>
void bound_by_type(Limits& limits) {
  if constexpr (std::is_same_v<Member, int> || std::is_same_v<Member, std::optional<int>> ||
                std::is_same_v<Member, std::vector<int>>) {
    limits.minimum = std::max(limits.minimum, -kLargestInt);
    limits.maximum = std::min(limits.maximum, kLargestInt);
  }
}

/// Binds a row to the member that `access` names, e.g. `[](auto& c) -> auto& { return c.name; }`.
template <class Target, class Access>
Option<Target> option(OptionFacts facts, Access access) {
  using Member = std::remove_reference_t<decltype(access(std::declval<Target&>()))>;
  bound_by_type<Member>(facts.limits);
  return {
      std::move(facts),
      [access](Target& target, const Json& value) { option_detail::assign(access(target), value); },
      [access](const Target& target) { return option_detail::value_of(access(target)); }};
}

}  // namespace aieb
