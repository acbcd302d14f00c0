// An import holds what it keeps of a log, never its text: the resident peak of a process that imports a compressed file
// of hundreds of MB.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
constexpr std::size_t kReviews = 30000, kUsers = 1000, kGames = 500, kTextBytes = 8000;

// The process's resident peak in bytes.
std::size_t peak() {
  std::ifstream status("/proc/self/status");
  std::string line;
  std::size_t kib = 0;
  while (std::getline(status, line))
    if (std::sscanf(line.c_str(), "VmHWM: %zu kB", &kib) == 1) break;
  return kib * 1024;
}

void write_reviews(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "wb1");
  const std::string text(kTextBytes, 'x');
  for (std::size_t i = 0; i < kReviews; ++i) {
    const std::string line = fmt::format(
        "{{u'username': u'{}', 'hours': {}, u'product_id': u'{}', u'date': u'2017-12-17', u'text': u'{}'}}\n",
        i % kUsers, i % 97, i % kGames * 7 % kGames, text);
    gzwrite(file, line.data(), static_cast<unsigned>(line.size()));
  }
  gzclose(file);
}

// By how many bytes the resident peak grows in a child that imports `folder`; 0 when the import fails.
std::size_t growth_of_import(const std::filesystem::path& folder) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::size_t before = peak();
    const bool whole = import_folder("steam", folder).report.files.at(1).lines == kReviews;
    const std::size_t growth = whole ? peak() - before : 0;
    ::_exit(::write(pipe_ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
  }
  std::size_t growth = 0;
  ::close(pipe_ends[1]);
  if (::read(pipe_ends[0], &growth, sizeof growth) != sizeof growth) growth = 0;
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return growth;
}
}  // namespace

TEST(ImportMemory, TextIsNeverHeld) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer keeps freed memory: peaks say nothing";
#endif
  const TemporaryFolder folder;
  write_file(folder.path() / "steam_games.json", "{u'id': u'0', u'app_name': u'Only Game'}\n");
  write_reviews(folder.path() / "steam_reviews.json.gz");
  const std::size_t growth = growth_of_import(folder.path());
  // A growing vector holds at most the old half and the new whole of twice its length; names and maps of users and
  // games; the orders of the log; zlib's two buffers and the block; a line; the counters' grain and malloc's.
  const std::size_t log = 3 * kReviews * sizeof(Interaction), names = 512 * (kUsers + kGames),
                    orders = kReviews * (sizeof(std::uint32_t) + 1), buffers = 4 * (std::size_t{1} << 18),
                    line = 4 * kTextBytes, grain = std::size_t{2} << 20;
  EXPECT_GT(growth, kReviews * sizeof(Interaction) / 2);
  EXPECT_LT(growth, log + names + orders + buffers + line + grain);
  RecordProperty("growth_bytes", std::to_string(growth));
}

}  // namespace recpo::data
