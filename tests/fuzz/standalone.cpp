// Runs a fuzz target without libFuzzer, so that any compiler tests it: each file of the folders
// given, every prefix of it, and a fixed set of one-byte changes. libFuzzer's own flags (-runs=0)
// are ignored.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// A heap copy of the exact size, so that a sanitizer sees a read past the end.
void run(const std::string& text) {
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  bytes.shrink_to_fit();
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// Long inputs are sampled: a target of this size must stay within seconds without optimisation.
void run_variants(const std::string& text) {
  run(text);
  const std::size_t step = text.size() / 256 + 1;
  for (std::size_t cut = 0; cut < text.size(); cut += step)
    run(text.substr(0, cut));
  for (std::size_t at = 0; at < text.size(); at += step)
    for (const char with : {'\0', '"', '9', '-', '}', '\xff'}) {
      std::string changed = text;
      changed[at] = with;
      run(changed);
    }
}

} // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      run_variants({std::istreambuf_iterator<char>(in), {}});
      ++files;
    }
  }
  std::printf("%zu corpus files\n", files);
  return files == 0 ? 1 : 0;
}
