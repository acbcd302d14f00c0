#pragma once
// Files: reads with a size limit, atomic writes and folders, SHA-256.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's

namespace recpo {

// The file's content. Throws kBadInput when it is missing, not a regular file, unreadable or longer than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = std::uint64_t{1} << 32);

// Ends the name of what is not finished: nobody else's file.
inline constexpr std::string_view kUnfinished = ".recpo-tmp";

// Creates or replaces a file atomically: `fill` writes `path`.recpo-tmp, which is fsynced and renamed. After an error
// the old file is there, the temporary one is not. Throws kCannotWrite and what `fill` throws. Not collective.
void write_atomic_file(const std::filesystem::path& path,
                       const std::function<void(const std::filesystem::path&)>& fill);
void write_file(const std::filesystem::path& path, std::string_view content);

// Appends and flushes to the operating system; throws kCannotWrite.
void append_to_file(const std::filesystem::path& path, std::string_view content);

// fsync of a file or folder, of a large file piece by piece with a progress bar; throws kCannotWrite.
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
// Streamed; `advance` is called with the bytes of each block.
std::string sha256_file_hex(const std::filesystem::path& path, const std::function<void(std::int64_t)>& advance = {});

// Creates a folder atomically: `fill` writes into a temporary one, which is fsynced and renamed. Throws kCannotWrite
// when `folder` exists and is not empty. Not collective.
void write_atomic_dir(const std::filesystem::path& folder,
                      const std::function<void(const std::filesystem::path&)>& fill);

// Files of the repository that the program reads at run time: prompt templates, the paper's published numbers.

// `path` as in the repository ("inputs/prompts"), from wherever the program runs: in the nearest folder above the
// executable that has it, else in the sources it was built from. nullopt: in neither.
std::optional<std::filesystem::path> find_shipped(const std::filesystem::path& path);

}  // namespace recpo
