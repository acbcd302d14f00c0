#include "src/support/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "src/support/check.hpp"

namespace recpo {
namespace fs = std::filesystem;

namespace {
// nullopt: missing.
std::optional<mode_t> mode_of(const fs::path& path, int (*look)(const char*, struct stat*)) {
  struct stat status {};
  if (look(path.c_str(), &status) == 0) return status.st_mode;
  if (errno == ENOENT) return std::nullopt;
  throw_input("cannot look at {}: {}", path.string(), std::strerror(errno));
}

bool has_kind(const fs::path& path, mode_t kind) {
  const auto mode = mode_of(path, ::stat);
  return mode && (*mode & S_IFMT) == kind;
}

bool is_missing(const std::error_code& error) { return error == std::errc::no_such_file_or_directory; }

void append(const fs::path& folder, bool whole_tree, std::vector<fs::path>& paths) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    paths.push_back(entry->path());
    std::error_code kind_error;  // an entry may vanish meanwhile
    if (whole_tree && entry->symlink_status(kind_error).type() == fs::file_type::directory)
      append(entry->path(), true, paths);
    if (kind_error && !is_missing(kind_error))
      throw_input("cannot look at {}: {}", entry->path().string(), kind_error.message());
    entry.increment(error);
  }
  if (error && !is_missing(error)) throw_input("cannot list {}: {}", folder.string(), error.message());
}

std::vector<fs::path> paths_in(const fs::path& folder, bool whole_tree) {
  std::vector<fs::path> paths;
  append(folder, whole_tree, paths);
  std::ranges::sort(paths);
  return paths;
}
}  // namespace

bool is_there(const fs::path& path) { return mode_of(path, ::stat).has_value(); }

bool is_folder(const fs::path& path) { return has_kind(path, S_IFDIR); }

bool is_file(const fs::path& path) { return has_kind(path, S_IFREG); }

bool has_name(const fs::path& path) { return mode_of(path, ::lstat).has_value(); }

std::vector<fs::path> list_folder(const fs::path& folder) { return paths_in(folder, false); }

std::vector<fs::path> list_tree(const fs::path& folder) { return paths_in(folder, true); }

void require_readable(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not wait for a writer
  if (file < 0) throw_input("cannot read {}: {}", path.string(), std::strerror(errno));
  ::close(file);
}

bool seems_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace recpo
