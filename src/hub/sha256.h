#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace aieb::hub {

/// SHA-256 (FIPS 180-4) of a stream of bytes.
class Sha256 {
 public:
  void update(std::string_view bytes);
  /// 64 lower-case hex digits. Ends the stream.
  std::string finish();

 private:
  void block(const unsigned char* data);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  size_t pending_size_ = 0;
  uint64_t total_ = 0;
};

}  // namespace aieb::hub
