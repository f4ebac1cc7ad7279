#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <vector>

#include "config/document.h"
#include "core/error.h"

namespace aieb {
namespace {

/// Reads characters and tells how many have been read, from which line numbers come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    *furthest_ = std::max(*furthest_, at_);
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

/// Builds nodes from nlohmann's events; its own values would drop duplicate keys silently.
class JsonReader final : public nlohmann::json_sax<Json> {
 public:
  JsonReader(std::string_view text, const std::string& place, const ReadContext& context)
      : text_(text), place_(place), context_(context), furthest_(text.data()) {}

  Node read() {
    const char* end = text_.data() + text_.size();
    Json::sax_parse(CountingIterator(text_.data(), &furthest_), CountingIterator(end, &furthest_),
                    this);
    return std::move(root_);
  }

  bool null() override { return add(Node::of(Node::Kind::kNull, here())); }
  bool boolean(bool value) override { return add_plain(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return add_plain(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return add_plain(std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override { return add_plain(text); }
  bool string(string_t& text) override {
    return add(expanded_scalar(std::move(text), true, here(), context_));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Node::of(Node::Kind::kMapping, here())); }
  bool start_array(std::size_t) override { return open(Node::of(Node::Kind::kSequence, here())); }
  bool key(string_t& text) override {
    open_.back().key = {std::move(text), here()};
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    std::string message = error.what();
    if (const size_t at = message.find("] "); at != std::string::npos) message.erase(0, at + 2);
    throw ConfigError(to_text(here()) + ": JSON syntax error: " + message);
  }

 private:
  struct Open {
    Node node;
    NodeKey key;
  };

  /// The parser reads at most one character past a token, which may be the end of its line.
  [[nodiscard]] Origin here() const {
    const char* last = std::max(text_.data(), furthest_ - 1);
    return {place_, 1 + static_cast<int>(std::count(text_.data(), last, '\n'))};
  }

  bool add_plain(std::string text) { return add(Node::scalar(std::move(text), false, here())); }

  bool open(Node node) {
    constexpr size_t kDeepest = 64;
    if (open_.size() >= kDeepest) {
      throw ConfigError(to_text(here()) + ": nested deeper than 64 levels");
    }
    open_.push_back({std::move(node), {}});
    return true;
  }

  bool close() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    return add(std::move(done));
  }

  bool add(Node value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& parent = open_.back(); parent.node.is_sequence()) {
      parent.node.items.push_back(std::move(value));
    } else if (parent.node.find(parent.key.text)) {
      context_.problems.error(parent.key.origin, "duplicate key '" + parent.key.text + "'");
    } else {
      parent.node.put(parent.key, std::move(value));
    }
    return true;
  }

  std::string_view text_;
  const std::string& place_;
  const ReadContext& context_;
  const char* furthest_;
  std::vector<Open> open_;
  Node root_;
};

}  // namespace

Node parse_json(std::string_view text, const std::string& place, const ReadContext& context) {
  return JsonReader(text, place, context).read();
}

}  // namespace aieb
