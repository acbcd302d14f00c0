#pragma once
// What stands at a path. "There is none" decides what the program does (it trains afresh, it makes rows again), so only
// a missing name says so. Whatever else keeps it from knowing (a permission, a failing disk, a file where a folder
// should be) throws kBadInput with the path and the reason.

#include <filesystem>
#include <vector>

namespace recpo {

// Links are followed; one that leads nowhere is missing.
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);
// The name itself: a link that leads nowhere is there.
bool has_name(const std::filesystem::path& path);

// What a folder holds, in the order of names; nothing where the folder is missing.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);
// The same of it and the folders in it; links to folders are not followed.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& folder);

// Throws unless the file, which is there, can be opened for reading.
void require_readable(const std::filesystem::path& path);

// For messages and guesses, where nothing is lost: what cannot be told is not there. Throws nothing.
bool seems_there(const std::filesystem::path& path);

}  // namespace recpo
