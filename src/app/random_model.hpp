#pragma once
// The shape of a model with random weights: model.size, changed by the shape keys of the deck, for a tokenizer.

#include "src/app/deck.hpp"
#include "src/model/config.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::app {

// vocab_size left out is the tokenizer's; begin and end token are the tokenizer's. Throws kUsage naming [model].
model::LlamaConfig random_model_config(const Deck& deck, const text::Tokenizer& tokenizer);

// The same before there is a tokenizer: the vocabulary is the deck's, the named shape's, or `vocab_size`.
model::LlamaConfig random_model_shape(const Deck& deck, std::int64_t vocab_size);

// Identity of weights that are drawn, not read.
std::string random_model_hash(const model::LlamaConfig& config, std::uint64_t seed);

}  // namespace recpo::app
