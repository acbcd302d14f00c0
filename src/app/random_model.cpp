#include "src/app/random_model.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/app/deck_keys.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::app {
namespace {

// The deck's shape keys written over the named shape, as config.json.
nlohmann::json shape_json(const Deck& deck, std::int64_t vocab_size, std::int32_t begin_id, std::int32_t end_id) {
  const auto& shape = deck.model.shape;
  nlohmann::json json = nlohmann::json::parse(model::to_json(model::named_config(deck.model.size)));
  if (shape.contains("hidden_size") || shape.contains("num_attention_heads")) json.erase("head_dim");
  json["vocab_size"] = vocab_size;
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
  json["bos_token_id"] = id_or_null(begin_id);
  json["eos_token_id"] = id_or_null(end_id);
  return json;
}

model::LlamaConfig parse_shape(const nlohmann::json& json) {
  try {
    return model::parse_config(json.dump(), "deck, [model]");
  } catch (const Error& error) {  // the values are the deck's, no file's
    throw_usage("{}", error.what());
  }
}

}  // namespace

model::LlamaConfig random_model_config(const Deck& deck, const text::Tokenizer& tokenizer) {
  const auto given = deck.model.shape.find("vocab_size");
  if (given != deck.model.shape.end() && given->second < tokenizer.vocab_size()) {
    throw_usage("{} = {} is smaller than the tokenizer's {} tokens; leave it out", where(deck, "model.vocab_size"),
                given->second, tokenizer.vocab_size());
  }
  return parse_shape(shape_json(deck, tokenizer.vocab_size(), tokenizer.begin_id(), tokenizer.end_id()));
}

model::LlamaConfig random_model_shape(const Deck& deck, std::int64_t vocab_size) {
  const std::int64_t named = model::named_config(deck.model.size).vocab_size;
  return parse_shape(shape_json(deck, named > 0 ? named : vocab_size, -1, -1));
}

std::string random_model_hash(const model::LlamaConfig& config, std::uint64_t seed) {
  return sha256_hex(fmt::format("random weights\n{}\n{}", seed, model::to_json(config)));
}

}  // namespace recpo::app
