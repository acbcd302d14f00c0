#include "src/support/file.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "source_folder.inc"  // RECPO_SOURCE_FOLDER, from CMake
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo {
namespace {
namespace fs = std::filesystem;

class FileDescriptor {
 public:
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return value_; }
  bool close() { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

std::string reason() { return std::strerror(errno); }

void write_all(int descriptor, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t count = ::write(descriptor, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_write("cannot write {}: {}", path.string(), reason());
    content.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Most of a large file, so that the fsync that follows is short. Where a file system has no such call, that does all.
void sync_pieces(int descriptor, const fs::path& path) {
  constexpr off_t kPiece = off_t{1} << 26;
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= kPiece) return;
  Progress progress("sync " + path.filename().string(), (status.st_size + kPiece - 1) / kPiece, "pieces of 64 MiB");
  for (off_t begin = 0; begin < status.st_size; begin += kPiece) {
    constexpr unsigned kToDisk = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (::sync_file_range(descriptor, begin, kPiece, kToDisk) != 0) {
      if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
        throw_write("cannot sync {}: {}", path.string(), reason());
      return;
    }
    progress.advance();
  }
}

void write_opened(const fs::path& path, int mode, std::string_view content) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666));
  if (file.get() < 0) throw_write("cannot write {}: {}", path.string(), reason());
  write_all(file.get(), content, path);
  if (!file.close()) throw_write("cannot write {}: {}", path.string(), reason());
}
}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  RECPO_REQUIRE(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::string_view bytes) {
  RECPO_REQUIRE(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  RECPO_REQUIRE(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string read_file(const fs::path& path, std::uint64_t limit_bytes) {
  // A pipe in a file's place must not wait for a writer.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw_input("cannot read {}: {}", path.string(), reason());
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_input("cannot read {}: {}", path.string(), reason());
  if (!S_ISREG(status.st_mode)) throw_input("{} is not a regular file", path.string());
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit_bytes) throw_input("{} has {} bytes, more than the {} allowed", path.string(), size, limit_bytes);
  std::string content(size, '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::read(file.get(), content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_input("cannot read {}: {}", path.string(), reason());
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
  return content;
}

void sync_path(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw_write("cannot sync {}: {}", path.string(), reason());
  sync_pieces(file.get(), path);
  if (::fsync(file.get()) != 0) throw_write("cannot sync {}: {}", path.string(), reason());
}

void create_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_write("cannot create folder {}: {}", path.string(), error.message());
}

void write_atomic_file(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = path.string() + std::string(kUnfinished);
  create_folders(folder);
  try {
    fill(temporary);
    sync_path(temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_write("cannot write {}: {}", path.string(), reason());
    sync_path(folder);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);  // gives a full disk its space back
    throw;
  }
}

void write_file(const fs::path& path, std::string_view content) {
  write_atomic_file(path, [&](const fs::path& temporary) { write_opened(temporary, O_TRUNC, content); });
}

void append_to_file(const fs::path& path, std::string_view content) { write_opened(path, O_APPEND, content); }

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_file_hex(const fs::path& path, const std::function<void(std::int64_t)>& advance) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw_input("cannot read {}: {}", path.string(), reason());
  Sha256 hash;
  std::string buffer(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_input("cannot read {}: {}", path.string(), reason());
    if (count == 0) return hash.hex();
    hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    if (advance) advance(count);
  }
}

void write_atomic_dir(const fs::path& folder, const std::function<void(const fs::path&)>& fill) {
  const fs::path target = folder.has_filename() ? folder : folder.parent_path();  // without a slash at the end
  const fs::path temporary = target.string() + std::string(kUnfinished);
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

namespace fs = std::filesystem;

std::optional<fs::path> find_shipped(const fs::path& path) {
  std::error_code error;
  for (fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path(); folder.has_relative_path();
       folder = folder.parent_path())
    if (fs::exists(folder / path, error)) return folder / path;
  const fs::path built_from = fs::path(RECPO_SOURCE_FOLDER) / path;
  return fs::exists(built_from, error) ? std::optional(built_from) : std::nullopt;
}

}  // namespace recpo
