#pragma once

namespace aieb {

/// While it lives, the kernel lets the calling thread run soon after it wakes instead of waiting
/// for the end of another thread's slice: for loops that keep to a schedule of microseconds and
/// sleep in between. Needs no privilege and gives the thread no more time than before. Only Linux
/// 6.12 and later know the request; elsewhere it has no effect.
class ShortSlices {
 public:
  ShortSlices() noexcept;
  ~ShortSlices();
  ShortSlices(const ShortSlices&) = delete;
  ShortSlices& operator=(const ShortSlices&) = delete;
};

/// Lets every other thread go before the calling one, which still gets a tenth of a core where all
/// are busy: for work that may be late. Lasts as long as the thread; raising it again needs rights.
void yield_to_others() noexcept;

}  // namespace aieb
