#include "src/checkpoint/new_folder.hpp"

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

void write_new_folder(const fs::path& folder, const std::function<void(const fs::path&)>& fill) {
  const fs::path target = folder.has_filename() ? folder : folder.parent_path();  // without a slash at the end
  const fs::path temporary = target.string() + ".tmp";
  std::error_code ignored;
  if (fs::exists(target, ignored) && !(fs::is_directory(target, ignored) && fs::is_empty(target, ignored)))
    throw_write("{} exists already: export into a new folder", target.string());
  fs::remove_all(temporary, ignored);
  create_folders(temporary);
  try {
    fill(temporary);
    sync_path(temporary);
    std::error_code error;
    fs::rename(temporary, target, error);
    if (error) throw_write("cannot rename {} to {}: {}", temporary.string(), target.string(), error.message());
    sync_path(target.has_parent_path() ? target.parent_path() : ".");
  } catch (...) {
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace recpo::checkpoint
