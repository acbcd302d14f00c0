#pragma once
// Folders that hold no usable model: a whole one is copied and damaged, and everything a command reads of a model must
// refuse it as bad input, in one line that names the file and the tensor or key.

#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/support/file.hpp"
#include "tests/checkpoint/small_model.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {

using Damage = std::function<void(const std::filesystem::path& folder)>;

struct Malformed {
  const char* what;
  Damage make;
  const char* file;  // in the message
  const char* said;  // in the message too: the tensor or the key
};

inline constexpr const char* kConfigName = "config.json";
inline constexpr const char* kIndexName = "model.safetensors.index.json";
inline constexpr const char* kQueryName = "model.layers.0.self_attn.q_proj.weight";

// The small model with a row for each token of the small tokenizer.
inline model::LlamaConfig spoken_config() {
  model::LlamaConfig config = small_config();
  config.vocab_size = small_tokenizer().vocab_size() + 7;
  return config;
}

template <class T>
void fill_randomly(model::ParameterStore<T>& store) {
  const std::vector<T> weights = random_values(store, 1);
  Kokkos::deep_copy(store.weights(), HostVector<const T>(weights.data(), weights.size()));
}

// All that import reads.
inline void read_whole(const std::filesystem::path& folder) {
  const ModelSource source = open_model(folder);
  read_tokenizer(source);
  read_auxiliary_files(source);
  model::ParameterStore<float> store(model::llama_parameters(source.config), false);
  load_weights(source, store);
}

inline void expect_refused(const std::filesystem::path& whole, const std::vector<Malformed>& table) {
  namespace fs = std::filesystem;
  read_whole(whole);
  const fs::path folder = whole.parent_path() / "damaged";
  for (const Malformed& malformed : table) {
    SCOPED_TRACE(malformed.what);
    fs::remove_all(folder);
    fs::copy(whole, folder, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    malformed.make(folder);
    const std::string message = message_of(ExitCode::kBadInput, [&] { read_whole(folder); });
    EXPECT_NE(message.find(folder.string()), std::string::npos) << message;
    EXPECT_NE(message.find(malformed.file), std::string::npos) << message;
    EXPECT_NE(message.find(malformed.said), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

// A value of a JSON object replaced by text that need not be JSON.
inline Damage with_value(const std::string& file, const std::string& key, const std::string& text) {
  return [=](const std::filesystem::path& folder) {
    constexpr std::string_view kPlace = "\"@@\"";
    auto json = nlohmann::ordered_json::parse(read_file(folder / file));
    json[nlohmann::ordered_json::json_pointer("/" + key)] = "@@";
    std::string all = json.dump();
    write_file(folder / file, all.replace(all.find(kPlace), kPlace.size(), text));
  };
}
inline Damage with_content(const std::string& file, const std::string& content) {
  return [=](const std::filesystem::path& folder) { write_file(folder / file, content); };
}
inline Damage without(const std::string& file) {
  return [=](const std::filesystem::path& folder) { std::filesystem::remove(folder / file); };
}
inline Damage as_folder(const std::string& file) {
  return [=](const std::filesystem::path& folder) {
    std::filesystem::remove(folder / file);
    std::filesystem::create_directory(folder / file);
  };
}
inline Damage as_pipe(const std::string& file) {
  return [=](const std::filesystem::path& folder) {
    std::filesystem::remove(folder / file);
    ASSERT_EQ(::mkfifo((folder / file).c_str(), 0600), 0);
  };
}
inline Damage as_dangling_link(const std::string& file) {
  return [=](const std::filesystem::path& folder) {
    std::filesystem::remove(folder / file);
    std::filesystem::create_symlink("nowhere", folder / file);
  };
}

}  // namespace recpo::checkpoint
