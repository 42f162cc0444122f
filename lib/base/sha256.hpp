// SHA-256 (FIPS 180-4): names the catalogue and price documents that an answer rests on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsk {

class Sha256 {
public:
  void update(std::string_view bytes);
  /// 64 lower-case hexadecimal digits. The object is spent afterwards.
  std::string hex();

private:
  void block(const unsigned char* bytes);

  std::array<std::uint32_t, 8> state_{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                                      0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  std::array<unsigned char, 64> pending_{};
  std::uint64_t length_ = 0;
};

std::string sha256_hex(std::string_view bytes);

} // namespace dsk
