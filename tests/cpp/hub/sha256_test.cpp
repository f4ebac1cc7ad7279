#include "hub/sha256.h"

#include <random>

#include <gtest/gtest.h>

namespace aieb::hub {
namespace {

std::string sha256(const std::string& text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}

// Vectors of FIPS 180-4 and NIST's examples.
TEST(Sha256, gives_the_published_digests) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, does_not_depend_on_how_the_bytes_arrive) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string text(1000 + random() % 1000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  Sha256 hash;
  for (size_t at = 0; at < text.size();) {
    const size_t count = std::min<size_t>(random() % 130, text.size() - at);
    hash.update(std::string_view(text).substr(at, count));
    at += count;
  }
  EXPECT_EQ(hash.finish(), sha256(text));
}

}  // namespace
}  // namespace aieb::hub
