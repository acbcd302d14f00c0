#pragma once
// Files: whole reads with a limit, writes that are complete or not there at all, SHA-256.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's

namespace recpo {

// The whole file. Throws kBadInput when it is missing, not a regular file, unreadable or longer than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{1} << 32);

// Writes to `path`.tmp, fsyncs, renames, fsyncs the folder. Throws kCannotWrite and leaves the old file untouched.
void write_file(const std::filesystem::path& path, std::string_view content);

// Appends and flushes to the operating system; throws kCannotWrite.
void append_to_file(const std::filesystem::path& path, std::string_view content);

// fsync of a file or folder; throws kCannotWrite.
void sync_path(const std::filesystem::path& path);

void create_folders(const std::filesystem::path& path);  // throws kCannotWrite

// Of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  std::string hex();  // ends the sum

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

std::string sha256_hex(std::string_view bytes);
std::string sha256_file_hex(const std::filesystem::path& path);  // streamed

}  // namespace recpo
