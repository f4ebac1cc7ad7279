#include "engine/kernels/cpu/huge_pages.h"

#include <cstdint>
#include <string>

#include <sys/mman.h>

#include "core/error.h"

namespace aieb::engine::cpu {

std::shared_ptr<std::byte> allocate_huge(std::size_t bytes) {
  constexpr std::size_t kPage = std::size_t{2} << 20;
  const std::size_t length = (bytes + kPage - 1) / kPage * kPage + kPage;  // room to align
  void* const map =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED)
    throw EnvironmentError("cannot reserve " + std::to_string(bytes >> 20) +
                           " MiB for the model's weights; free memory or choose a smaller model");
  const auto address = reinterpret_cast<std::uintptr_t>(map);
  auto* const aligned = reinterpret_cast<std::byte*>((address + kPage - 1) / kPage * kPage);
  madvise(aligned, length - kPage, MADV_HUGEPAGE);  // refused: small pages do as well, slower
  return {aligned, [map, length](std::byte*) { munmap(map, length); }};
}

}  // namespace aieb::engine::cpu
