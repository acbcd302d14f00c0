#include "src/checkpoint/hashing.hpp"

#include <fstream>
#include <string_view>
#include <vector>

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::checkpoint {

std::string hash_file(const std::filesystem::path& path, ByteProgress& progress) {
  constexpr std::size_t kBlockBytes = std::size_t{1} << 22;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(kBlockBytes);
  Sha256 hash;
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    hash.update({block.data(), count});
    progress.advance(static_cast<std::int64_t>(count));
  }
  if (!file.eof()) throw_input("{} cannot be read", path.string());
  return hash.hex();
}

}  // namespace recpo::checkpoint
