#pragma once
// A folder that is complete or not there: filled under a temporary name, synced, renamed. Not collective.

#include <filesystem>
#include <functional>

namespace recpo::checkpoint {

// `fill` writes into the folder it is given. Throws kCannotWrite when `folder` exists and is not empty.
void write_new_folder(const std::filesystem::path& folder,
                      const std::function<void(const std::filesystem::path&)>& fill);

}  // namespace recpo::checkpoint
