#pragma once
// The small files beside a Hugging Face model that other programs read and this one does not: how to generate, how to
// write a chat. Import keeps them in the native checkpoint (hashed by its manifest), export writes them back.

#include <filesystem>
#include <map>
#include <string>

namespace recpo::checkpoint {

struct ModelSource;

using Companions = std::map<std::string, std::string>;  // file name -> content

// Those of a model that are there. Throws kBadInput when one is no regular file, is larger than any such file, or (a
// .json) is no JSON.
Companions read_companions(const ModelSource& source);

}  // namespace recpo::checkpoint
