#pragma once
// What is in a model or checkpoint, as lines of text for a person.

#include <filesystem>
#include <string>

namespace recpo::checkpoint {

// `path`: a native checkpoint, a stage's folder of checkpoints, a Hugging Face folder or a safetensors file. Everything
// that can be checked is checked: throws kBadInput naming what is broken (of a stage's folder: when no checkpoint is
// whole; broken ones beside a whole one are lines of the text).
std::string describe(const std::filesystem::path& path);

}  // namespace recpo::checkpoint
