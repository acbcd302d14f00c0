#pragma once
// Learns a byte-level BPE from texts. Tokens: the end token <|endoftext|> (id 0), the 256 bytes in the order of their
// characters, then one a merge: always the most frequent pair of neighbours within pieces, ties by the smaller pair of
// ids, as long as a pair occurs at least twice. Deterministic; the same tokens as Hugging Face's BpeTrainer.

#include <span>
#include <string>

namespace recpo::text {

// The content of a tokenizer.json with at most `vocab_size` tokens. Throws kUsage when vocab_size is below 257.
std::string train_tokenizer_json(std::span<const std::string> texts, int vocab_size);

}  // namespace recpo::text
