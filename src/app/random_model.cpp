#include "src/app/random_model.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/app/deck_keys.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::app {
namespace {

// The deck's shape keys written over the named shape, as config.json.
nlohmann::json shape_json(const Deck& deck, const text::Tokenizer& tokenizer) {
  const auto& shape = deck.model.shape;
  nlohmann::json json = nlohmann::json::parse(model::to_json(model::named_config(deck.model.size)));
  if (shape.contains("hidden_size") || shape.contains("num_attention_heads")) json.erase("head_dim");
  json["vocab_size"] = tokenizer.vocab_size();
  for (const auto& [key, value] : shape) {
    const Rule& rule = find_key("model", key, "deck").rule;
    if (key == "tie_word_embeddings") {
      json[key] = value != 0;
    } else if (rule.whole) {
      json[key] = static_cast<std::int64_t>(std::llround(value));
    } else {
      json[key] = value;
    }
  }
  const auto id_or_null = [](std::int32_t id) { return id < 0 ? nlohmann::json() : nlohmann::json(id); };
  json["bos_token_id"] = id_or_null(tokenizer.begin_id());
  json["eos_token_id"] = id_or_null(tokenizer.end_id());
  return json;
}

}  // namespace

model::LlamaConfig random_model_config(const Deck& deck, const text::Tokenizer& tokenizer) {
  const auto given = deck.model.shape.find("vocab_size");
  if (given != deck.model.shape.end() && given->second < tokenizer.vocab_size()) {
    throw_usage("{} = {} is smaller than the tokenizer's {} tokens; leave it out", where(deck, "model.vocab_size"),
                given->second, tokenizer.vocab_size());
  }
  try {
    return model::parse_config(shape_json(deck, tokenizer).dump(), "deck, [model]");
  } catch (const Error& error) {  // the values are the deck's, no file's
    throw_usage("{}", error.what());
  }
}

std::string random_model_hash(const model::LlamaConfig& config, std::uint64_t seed) {
  return sha256_hex(fmt::format("random weights\n{}\n{}", seed, model::to_json(config)));
}

}  // namespace recpo::app
