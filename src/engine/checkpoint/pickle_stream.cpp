#include "engine/checkpoint/pickle_stream.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include <c10/util/Exception.h>

namespace aieb::engine {
namespace {

// Pickle's opcodes: Python's pickletools.
enum Opcode : char {
  kMark = '(',
  kStop = '.',
  kReduce = 'R',
  kBuild = 'b',
  kGlobal = 'c',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kBinUnicode = 'X',
  kLong1 = '\x8a',
};

/// An operation with arguments of a fixed size; kToMark pops to the last mark.
struct Plain {
  char code;
  size_t argument;
  int growth;  ///< of the stack
};
constexpr int kToMark = 100;
constexpr Plain kPlain[] = {
    {'\x80', 1, 0},  // PROTO
    {kBinPut, 1, 0},    {kLongBinPut, 4, 0}, {kBinGet, 1, 1},   {kLongBinGet, 4, 1},
    {kEmptyDict, 0, 1}, {kEmptyTuple, 0, 1}, {']', 0, 1},       {'N', 0, 1},
    {'\x88', 0, 1},     {'\x89', 0, 1},                                       // None, True, False
    {'J', 4, 1},        {'K', 1, 1},         {'M', 2, 1},       {'G', 8, 1},  // numbers
    {'\x85', 0, 0},     {'\x86', 0, -1},     {'\x87', 0, -2},                 // tuples of 1, 2, 3
    {'t', 0, kToMark},  {'u', 0, kToMark},   {'e', 0, kToMark}, {'s', 0, -2},
    {'a', 0, -1},       {kReduce, 0, -1},    {kBuild, 0, -1},   {'Q', 0, 0},  // BINPERSID
};

const Plain* find(char code) {
  for (const auto& plain : kPlain) {
    if (plain.code == code) return &plain;
  }
  return nullptr;
}

class Rewriter {
 public:
  explicit Rewriter(std::string_view in) : in_(in) {}

  std::string run() {
    while (true) {
      const char code = take(1)[0];
      if (code == kStop) break;
      if (code == kReduce && class_ended_ && ordered_) {
        reduce_ordered();
      } else if (code == kBuild) {
        drop_state();
      } else {
        copy(code);
      }
      if (code == kMark) continue;
      reached_.resize(depth_ + 1, 0);
      reached_[depth_] = out_.size();
    }
    out_ += kStop;
    return std::move(out_);
  }

 private:
  std::string_view take(size_t count) {
    TORCH_CHECK(position_ + count <= in_.size(), "the pickle ends early");
    const auto piece = in_.substr(position_, count);
    position_ += count;
    return piece;
  }

  uint32_t number(std::string_view bytes) const {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  void copy(char code) {
    const size_t start = out_.size();
    out_ += code;
    if (code == kGlobal) return copy_global(start);
    if (code == kMark || code == kBinUnicode || code == kLong1) ordered_ = class_ended_ = false;
    if (code == kMark) return marks_.push_back(depth_);
    if (code == kBinUnicode || code == kLong1) {
      const auto size = take(code == kLong1 ? 1 : 4);
      out_ += size;
      out_ += take(number(size));
      return push(1);
    }
    const Plain* plain = find(code);
    TORCH_CHECK(plain != nullptr, "operation ", static_cast<int>(code), " in the pickle");
    const auto argument = take(plain->argument);
    out_ += argument;
    note_class(code, argument, start);
    if (plain->growth != kToMark) return push(plain->growth);
    TORCH_CHECK(!marks_.empty(), "a mark is missing in the pickle");
    depth_ = marks_.back() + (code == 't' ? 1 : 0);
    marks_.pop_back();
  }

  void copy_global(size_t start) {
    const size_t module_end = in_.find('\n', position_);
    const size_t end = module_end == in_.npos ? in_.npos : in_.find('\n', module_end + 1);
    TORCH_CHECK(end != in_.npos, "the pickle ends early");
    const auto name = take(end + 1 - position_);
    out_ += name;
    push(1);
    begin_class(name == "collections\nOrderedDict\n", start);
  }

  /// Follows "class, empty tuple", with what memoises either in between.
  void note_class(char code, std::string_view argument, size_t start) {
    const bool put = code == kBinPut || code == kLongBinPut;
    if (put) {
      if (ordered_ && !class_ended_) ordered_memos_.insert(number(argument));
    } else if (code == kBinGet || code == kLongBinGet) {
      begin_class(ordered_memos_.contains(number(argument)), start);
    } else {
      class_ended_ = ordered_ && code == kEmptyTuple && !class_ended_;
      ordered_ = class_ended_;
    }
  }

  void begin_class(bool ordered, size_t start) {
    ordered_ = ordered;
    class_ended_ = false;
    class_start_ = start;
  }

  void push(int growth) {
    TORCH_CHECK(static_cast<int64_t>(depth_) + growth >= 0, "the pickle's stack runs empty");
    depth_ += growth;
  }

  void reduce_ordered() {
    out_.resize(class_start_);
    out_ += kEmptyDict;
    ordered_ = class_ended_ = false;
    push(-1);
  }

  /// What was written since the object below was complete is its state.
  void drop_state() {
    push(-1);
    out_.resize(reached_.at(depth_));
    ordered_ = class_ended_ = false;
  }

  std::string_view in_;
  size_t position_ = 0;
  std::string out_;
  size_t depth_ = 0;
  std::vector<size_t> marks_;
  std::vector<size_t> reached_;  ///< by depth: where the output last reached it
  std::set<uint32_t> ordered_memos_;
  bool ordered_ = false;      ///< what was last pushed is the class OrderedDict
  bool class_ended_ = false;  ///< … and an empty tuple
  size_t class_start_ = 0;
};

}  // namespace

std::string with_plain_dictionaries(std::string_view pickle) { return Rewriter(pickle).run(); }

}  // namespace aieb::engine
