#pragma once
// Uses a tokenizer made from untrusted bytes: encodes texts, decodes their ids and every id there is.

#include <vector>

#include "src/text/tokenizer.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo::fuzz {

inline void use_tokenizer(const text::Tokenizer& tokenizer) {
  const std::int32_t vocab_size = tokenizer.vocab_size();
  expect(tokenizer.begin_id() < vocab_size && tokenizer.end_id() < vocab_size, "begin and end in the vocabulary");
  for (const char* sample : {"It's 1995 \r\n\n", "<a>aab b\xE2\x80\xA8\xC3\xA9\xFF"}) {
    const std::vector<std::int32_t> ids = tokenizer.encode(sample);
    for (const std::int32_t id : ids) expect(id >= 0 && id < vocab_size, "ids of the vocabulary");
    tokenizer.decode(ids);
  }
}

}  // namespace recpo::fuzz
