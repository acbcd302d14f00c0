#pragma once
// Byte-level BPE tokenizers: Hugging Face `tokenizer.json` (GPT-2, SmolLM2, Llama-3 families) and Meta's
// `tokenizer.model` (base64 token, rank). Encoding and decoding equal the originals id for id. What would give other
// ids (normalizers, other pre-tokenizers, decoders or models) is refused when the file is read. A Tokenizer is
// immutable and cheap to copy; threads may share it. No call is collective.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::text {

class Tokenizer {
 public:
  // `path` is a tokenizer.json, a tokenizer.model, or a folder that holds one (tokenizer.json first).
  // Throws kBadInput, naming the file and what in it is wrong. Files are treated as hostile.
  static Tokenizer load(const std::filesystem::path& path);

  // Learns a byte-level BPE (GPT-2 pre-tokenization, every digit alone) of at most `vocab_size` tokens: the end
  // token (id 0), 256 bytes, then merges by falling count, ties by the pair's order; `titles` (valid UTF-8, repeats
  // count once) become one token each besides. Deterministic. For small models.
  static Tokenizer train(std::span<const std::string> texts, int vocab_size, std::span<const std::string> titles = {});

  // Text that spells a special token is encoded as plain characters, so that no special token ever comes from data,
  // except where it lies completely within the first `special_bytes` of the text (a prompt with chat markers): there
  // it becomes that token. No begin token is added (see begin_id). Invalid UTF-8 is read as U+FFFD, one for each
  // maximal invalid part. A byte for which the vocabulary has no token (SmolLM2 lacks some rare ones) gives nothing.
  std::vector<std::int32_t> encode(std::string_view text, std::size_t special_bytes = 0) const;

  // Bytes of the tokens joined; special tokens give nothing. Invalid ids throw kInternal.
  std::string decode(std::span<const std::int32_t> ids) const;

  int vocab_size() const;  // largest id + 1, special tokens included
  // The token a prompt begins with: set when tokenizer.json's post-processor adds one, always with Meta's
  // tokenizer.model; -1 otherwise.
  std::int32_t begin_id() const;
  // The tokenizer's own end-of-text token, -1 when it names none. config.json's eos_token_id goes before it.
  std::int32_t end_id() const;

  std::string hash() const;                 // SHA-256 of the file's bytes: part of the rows' and checkpoints' identity
  const std::string& file_name() const;     // "tokenizer.json" or "tokenizer.model"
  const std::string& file_content() const;  // the file itself, to be carried into checkpoints and exports

  // From the file's content, as stored in a checkpoint. `name` appears in errors.
  static Tokenizer parse(const std::string& file_name, std::string content, const std::string& name);

  struct Implementation;

 private:
  explicit Tokenizer(std::shared_ptr<const Implementation> implementation);
  std::shared_ptr<const Implementation> implementation_;  // immutable, shared between copies
};

}  // namespace recpo::text
