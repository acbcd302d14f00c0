// Export and import are inverse; folders that do not hold the model config.json describes are refused.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/checkpoint/float16.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "tests/checkpoint/file_size_limit.hpp"
#include "tests/checkpoint/small_model.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kTinyShard = 1000;  // bytes: nearly every parameter alone

template <class T>
std::vector<T> import_from(const fs::path& folder) {
  const ModelSource source = open_model(folder);
  EXPECT_EQ(source.kind, ModelSource::Kind::kHuggingFace);
  model::ParameterStore<T> store(model::llama_parameters(source.config), false);
  load_weights(source, store);
  return host_values(store.weights());
}

TEST(HuggingFace, ExportThenImportIsTheSameModel) {
  for (const bool tied : {false, true}) {
    for (const std::int64_t shard_bytes : {std::int64_t{5'000'000'000}, kTinyShard}) {
      const TemporaryFolder temporary;
      const fs::path folder = temporary.path() / "model";
      const SmallModel<float> model(7, tied);
      export_hugging_face(folder, model.config, model.store, small_tokenizer(), Dtype::kFloat32, shard_bytes);
      expect_same_bits(import_from<float>(folder), host_values(model.store.weights()));
      EXPECT_EQ(read_hugging_face_config(folder), model.config);
      EXPECT_EQ(text::Tokenizer::load(folder).hash(), small_tokenizer().hash());
      EXPECT_EQ(fs::exists(folder / "model.safetensors"), shard_bytes != kTinyShard);
      EXPECT_EQ(list_tree(temporary.path()).size(), 1 + list_tree(folder).size());
    }
  }
}

TEST(HuggingFace, ExportLeavesFilesOfOthersAlone) {
  const TemporaryFolder temporary;
  const fs::path folder = temporary.path() / "model", own = temporary.path() / "model.tmp/file";
  fs::create_directory(own.parent_path());
  write_file(own, "the user's");
  const SmallModel<float> model(7);
  export_hugging_face(folder, model.config, model.store, small_tokenizer(), Dtype::kFloat32);
  EXPECT_EQ(read_file(own), "the user's");
  write_file(temporary.path() / "name.tmp", "the user's");
  write_file(temporary.path() / "name", "another");
  EXPECT_EQ(read_file(temporary.path() / "name.tmp"), "the user's");
}

template <class Round>
void expect_rounded(Dtype dtype, Round round) {
  const TemporaryFolder temporary;
  const SmallModel<float> model(3);
  export_hugging_face(temporary.path() / "model", model.config, model.store, small_tokenizer(), dtype);
  std::vector<float> expected = host_values(model.store.weights());
  for (float& value : expected) value = round(value);
  expect_same_bits(import_from<float>(temporary.path() / "model"), expected);
}

TEST(HuggingFace, SixteenBitExportsRoundEachWeight) {
  expect_rounded(Dtype::kBfloat16, [](float value) { return bfloat16_to_float(float_to_bfloat16(value)); });
  expect_rounded(Dtype::kFloat16, [](float value) { return float16_to_float(float_to_float16(value)); });
}

TEST(HuggingFace, DoubleStoresReadTheSameNumbers) {
  const TemporaryFolder temporary;
  const SmallModel<double> model(5);
  export_hugging_face(temporary.path() / "model", model.config, model.store, small_tokenizer());
  std::vector<double> expected = host_values(model.store.weights());
  for (double& value : expected) value = static_cast<float>(value);
  expect_same_bits(import_from<double>(temporary.path() / "model"), expected);
}

TEST(HuggingFace, IndexListsEveryTensorAndShardsKeepTheirLimit) {
  const TemporaryFolder temporary;
  const fs::path folder = temporary.path() / "model";
  const SmallModel<float> model;
  export_hugging_face(folder, model.config, model.store, small_tokenizer(), Dtype::kFloat32, kTinyShard);
  const auto index = nlohmann::json::parse(read_file(folder / "model.safetensors.index.json"));
  EXPECT_EQ(index["metadata"]["total_size"], model.config.num_parameters() * 4);
  EXPECT_EQ(index["weight_map"].size(), model.store.parameters().size());
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const SafetensorsFile file(entry.path());
    std::int64_t bytes = 0;
    for (const Tensor& tensor : file.tensors()) bytes += tensor.size() * 4;
    EXPECT_TRUE(bytes <= kTinyShard || file.tensors().size() == 1) << entry.path();
  }
}

TEST(HuggingFace, NeverOverwritesAndLeavesNothingHalfWritten) {
  const TemporaryFolder temporary;
  const SmallModel<float> model;
  const auto export_to = [&](const fs::path& folder) {
    export_hugging_face(folder, model.config, model.store, small_tokenizer());
  };
  fs::create_directory(temporary.path() / "empty");
  export_to(temporary.path() / "empty/");
  EXPECT_TRUE(fs::exists(temporary.path() / "empty/config.json"));
  message_of(ExitCode::kCannotWrite, [&] { export_to(temporary.path() / "empty"); });
  write_file(temporary.path() / "file", "x");
  message_of(ExitCode::kCannotWrite, [&] { export_to(temporary.path() / "file/model"); });
}

TEST(HuggingFace, AFullDiskIsSaidAndLeavesNothing) {
  const TemporaryFolder temporary;
  const SmallModel<float> model;
  ExitCode code = ExitCode::kDone;
  with_file_size_limit(10'000, [&] {
    try {
      export_hugging_face(temporary.path() / "model", model.config, model.store, small_tokenizer());
    } catch (const Error& error) {
      code = error.code();
    }
  });
  EXPECT_EQ(code, ExitCode::kCannotWrite);
  EXPECT_TRUE(fs::is_empty(temporary.path()));
}

// A folder whose damage a test makes, and what must be said about it.
struct Damage {
  const char* what;
  std::function<void(const fs::path&)> make;
  const char* file;
  const char* said;
};

void edit_json(const fs::path& path, const std::function<void(nlohmann::ordered_json&)>& edit) {
  auto json = nlohmann::ordered_json::parse(read_file(path));
  edit(json);
  write_file(path, json.dump());
}

// Rewrites the header of one file in place: `from` and `to` have the same length.
void edit_header(const fs::path& path, const std::string& from, const std::string& to) {
  std::string bytes = read_file(path);
  ASSERT_EQ(from.size(), to.size());
  ASSERT_NE(bytes.find(from), std::string::npos);
  write_file(path, bytes.replace(bytes.find(from), from.size(), to));
}

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kQuery = "model.layers.0.self_attn.q_proj.weight";

std::function<void(const fs::path&)> shard_named(const std::string& name) {
  return [name](const fs::path& folder) {
    edit_json(folder / kIndex, [&](auto& json) { json["weight_map"][kQuery] = name; });
  };
}

fs::path shard_of(const fs::path& folder, const std::string& tensor) {
  return folder / nlohmann::json::parse(read_file(folder / kIndex))["weight_map"][tensor].get<std::string>();
}

std::vector<Damage> damages() {
  const auto config = [](const char* key, std::int64_t value) {
    return [=](const fs::path& folder) { edit_json(folder / "config.json", [&](auto& json) { json[key] = value; }); };
  };
  const auto query = [](const char* from, const char* to) {
    return [=](const fs::path& folder) { edit_header(shard_of(folder, kQuery), from, to); };
  };
  return {
      {"no config", [](const fs::path& folder) { fs::remove(folder / "config.json"); }, "", "config.json"},
      {"no index", [](const fs::path& folder) { fs::remove(folder / kIndex); }, "", kIndex},
      {"another vocabulary", config("vocab_size", 42), ".safetensors", "model.embed_tokens.weight"},
      {"a layer more", config("num_hidden_layers", 3), kIndex, "model.layers.2.self_attn.q_proj.weight"},
      {"a layer less", config("num_hidden_layers", 1), ".safetensors", "model.layers.1."},
      {"another width", config("intermediate_size", 24), ".safetensors", "gate_proj"},
      {"tied although there is a head",
       [](const fs::path& folder) {
         fs::remove(shard_of(folder, "lm_head.weight"));
         edit_json(folder / kIndex, [](auto& json) { json["weight_map"].erase("lm_head.weight"); });
       },
       kIndex, "tie_word_embeddings"},
      {"shard missing", [](const fs::path& folder) { fs::remove(shard_of(folder, kQuery)); }, ".safetensors", ""},
      {"shard a folder", shard_named("folder"), "folder", ""},
      {"shard above", shard_named("../model.safetensors"), kIndex, kQuery},
      {"shard absolute", shard_named("/etc/passwd"), kIndex, kQuery},
      {"shard in a folder below", shard_named("folder/x.safetensors"), kIndex, kQuery},
      {"shard dot dot", shard_named(".."), kIndex, kQuery},
      {"shard without a name", shard_named(""), kIndex, kQuery},
      {"shard with a zero byte", shard_named(std::string("a\0b", 3)), kIndex, kQuery},
      {"tensor not in its shard",
       [](const fs::path& folder) {
         const std::string head = shard_of(folder, "lm_head.weight").filename().string();
         shard_named(head)(folder);
       },
       ".safetensors", kQuery},
      {"index without map", [](const fs::path& folder) { write_file(folder / kIndex, "{}"); }, kIndex, "weight_map"},
      {"index maps to numbers",
       [](const fs::path& folder) { edit_json(folder / kIndex, [](auto& json) { json["weight_map"][kQuery] = 1; }); },
       kIndex, kQuery},
      {"index cut off", [](const fs::path& folder) { write_file(folder / kIndex, "{\"weight_map\""); }, kIndex, ""},
      {"weights of integers", query("F32", "I32"), ".safetensors", "has dtype I32"},
      {"transposed", query("[12,12]", "[144,1]"), ".safetensors", kQuery},
      {"unknown name", query(kQuery, "model.layers.0.self_attn.k_proj.weighs"), ".safetensors", kQuery},
      {"link to a device",
       [](const fs::path& folder) {
         fs::remove(shard_of(folder, kQuery));
         fs::create_symlink("/dev/zero", shard_of(folder, kQuery));
       },
       ".safetensors", "regular"},
  };
}

TEST(HuggingFace, RefusesFoldersThatDoNotHoldTheModelNamingFileAndTensor) {
  const TemporaryFolder temporary;
  const fs::path whole = temporary.path() / "whole", folder = temporary.path() / "damaged";
  const SmallModel<float> model;
  export_hugging_face(whole, model.config, model.store, small_tokenizer(), Dtype::kFloat32, kTinyShard);
  fs::create_directory(whole / "folder");
  for (const Damage& damage : damages()) {
    SCOPED_TRACE(damage.what);
    fs::remove_all(folder);
    fs::copy(whole, folder, fs::copy_options::recursive);
    damage.make(folder);
    const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(folder); });
    EXPECT_NE(message.find(folder.string()), std::string::npos) << message;
    EXPECT_NE(message.find(damage.file), std::string::npos) << message;
    EXPECT_NE(message.find(damage.said), std::string::npos) << message;
  }
  import_from<float>(whole);
}

TEST(HuggingFace, FollowsLinksToFiles) {
  const TemporaryFolder temporary;
  const fs::path folder = temporary.path() / "model", blobs = temporary.path() / "blobs";
  const SmallModel<float> model;
  export_hugging_face(blobs, model.config, model.store, small_tokenizer());
  fs::create_directory(folder);
  for (const auto& entry : fs::directory_iterator(blobs))
    fs::create_symlink("../blobs" / entry.path().filename(), folder / entry.path().filename());
  expect_same_bits(import_from<float>(folder), host_values(model.store.weights()));
}

// The model's weights and one tensor more, in one file.
void write_with_extra(const fs::path& folder, const SmallModel<float>& model, const std::string& name) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  for (const auto& parameter : model.store.parameters()) tensors.emplace_back(parameter.name, parameter.shape);
  tensors.emplace_back(name, std::vector<std::int64_t>{3});
  SafetensorsWriter writer(folder / "model.safetensors", Dtype::kFloat32, tensors);
  const std::vector<float> weights = host_values(model.store.weights());
  for (const auto& parameter : model.store.parameters())
    writer.append(std::span<const float>(weights).subspan(parameter.offset, parameter.size()));
  writer.append(std::span<const float>(weights).first(3));
  writer.close();
}

TEST(HuggingFace, IgnoresRotaryTensorsAndRefusesBiases) {
  const TemporaryFolder temporary;
  const SmallModel<float> model;
  write_file(temporary.path() / "config.json", model::to_json(model.config));
  write_with_extra(temporary.path(), model, "model.layers.0.self_attn.rotary_emb.inv_freq");
  expect_same_bits(import_from<float>(temporary.path()), host_values(model.store.weights()));
  write_with_extra(temporary.path(), model, "model.layers.0.self_attn.q_proj.bias");
  const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(temporary.path()); });
  EXPECT_NE(message.find("q_proj.bias"), std::string::npos) << message;
}

TEST(HuggingFace, HashIsTheModels) {
  const TemporaryFolder temporary;
  const auto hash_of = [&](const std::string& name, const SmallModel<float>& model) {
    export_hugging_face(temporary.path() / name, model.config, model.store, small_tokenizer());
    return model_hash(open_model(temporary.path() / name));
  };
  SmallModel<float> other_config(1);
  other_config.config.rope_theta = 1e6;
  const std::string hash = hash_of("a", SmallModel<float>(1));
  EXPECT_EQ(hash, hash_of("b", SmallModel<float>(1)));
  EXPECT_NE(hash, hash_of("c", SmallModel<float>(2)));
  EXPECT_NE(hash, hash_of("d", other_config));
}

}  // namespace
}  // namespace recpo::checkpoint
