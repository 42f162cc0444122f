// Byte-exact outputs under tests/golden. With DSK_GOLDEN_UPDATE=1 in the environment a test writes
// its file instead, for a person to review in the diff.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

inline void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(DSK_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("DSK_GOLDEN_UPDATE")) std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  const std::string wanted{std::istreambuf_iterator<char>(in), {}};
  INFO("golden file ", name);
  CHECK(text == wanted);
}
