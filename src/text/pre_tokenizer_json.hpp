#pragma once
// The parts of a tokenizer.json around its model: pre_tokenizer and post_processor. Types that would change ids and
// are not known here are refused by name.

#include <cstdint>
#include <string>
#include <vector>

#include "src/support/json.hpp"
#include "src/text/pre_tokenizer.hpp"

namespace recpo::text {

// The elements of an array of objects.
std::vector<JsonObject> objects(const JsonObject& parent, const std::string& key);

// Sequence, Split, Digits and ByteLevel; the last step must be ByteLevel. `root` is the whole file's object.
PreTokenizer read_pre_tokenizer(const JsonObject& root);

// The token a TemplateProcessing puts before the text, -1 when there is none. Tokens behind the text are left out:
// recpo adds the end token to completions itself.
std::int32_t read_begin_id(const JsonObject& root, std::int64_t vocab_size);

}  // namespace recpo::text
