// What an imported model brings beside its weights comes out of an export again, and so does its element type.
#include <gtest/gtest.h>

#include "src/checkpoint/float16.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "tests/checkpoint/malformed.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

const AuxiliaryFiles kAuxiliaryFiles = {{"generation_config.json", "{\"temperature\": 0.6}\n"},
                                        {"special_tokens_map.json", "{}"},
                                        {"tokenizer_config.json", "{\"model_max_length\": 131072}"},
                                        {"chat_template.jinja", "{{ bos_token }}\n"}};

struct Imported {
  explicit Imported(const fs::path& folder)
      : source(open_model(folder)), store(model::llama_parameters(source.config), false) {
    load_weights(source, store);
  }
  void save(const fs::path& stage_folder) const {
    Progress progress = progress_at(0);
    progress.stage = "import";
    save_checkpoint<float>(stage_folder, progress, source.config, store, nullptr, small_tokenizer(), 1, one_rank(),
                           read_auxiliary_files(source));
  }
  void write(const fs::path& folder) const {
    export_hugging_face(folder, source.config, store, small_tokenizer(), lossless_dtype(source), kShardBytes,
                        read_auxiliary_files(source));
  }
  ModelSource source;
  model::ParameterStore<float> store;
};

std::string tensor_bytes(const fs::path& file) {
  const SafetensorsFile tensors(file);
  return read_file(file).substr(tensors.tensors().front().begin);
}

TEST(AuxiliaryFiles, AndElementTypesSurviveImportAndExport) {
  for (const std::string dtype : {"float32", "bfloat16", "float16"}) {
    SCOPED_TRACE(dtype);
    const TemporaryFolder temporary;
    const fs::path original = temporary.path() / "hf", native = temporary.path() / "native";
    model::ParameterStore<float> store(model::llama_parameters(spoken_config()), false);
    fill_randomly(store);
    export_hugging_face(original, spoken_config(), store, small_tokenizer(), find_value<Dtype>(dtype).value(),
                        kShardBytes, kAuxiliaryFiles);
    const Imported imported(original);
    imported.save(native);
    imported.write(temporary.path() / "direct");
    const Imported kept(native);
    EXPECT_EQ(kept.source.kind, ModelSource::Kind::kNative);
    EXPECT_EQ(name_of(lossless_dtype(kept.source)), dtype);
    EXPECT_EQ(read_auxiliary_files(kept.source), kAuxiliaryFiles);
    kept.write(temporary.path() / "back");
    for (const char* name : {"direct", "back"}) {
      EXPECT_EQ(tensor_bytes(temporary.path() / name / "model.safetensors"),
                tensor_bytes(original / "model.safetensors"));
      EXPECT_EQ(read_file(temporary.path() / name / "config.json"), read_file(original / "config.json"));
      EXPECT_EQ(read_auxiliary_files(open_model(temporary.path() / name)), kAuxiliaryFiles);
    }
  }
}

TEST(AuxiliaryFiles, ADamagedOneBreaksTheCheckpoint) {
  const TemporaryFolder temporary;
  model::ParameterStore<float> store(model::llama_parameters(spoken_config()), false);
  save_checkpoint<float>(temporary.path(), progress_at(0), spoken_config(), store, nullptr, small_tokenizer(), 1,
                         one_rank(), kAuxiliaryFiles);
  write_file(temporary.path() / "step_0/chat_template.jinja", "{{ eos_token }}\n");
  const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(temporary.path() / "step_0"); });
  EXPECT_NE(message.find("chat_template.jinja"), std::string::npos) << message;
}

TEST(LosslessDtype, OfTrainedWeightsIsTheTrainings) {
  const TemporaryFolder temporary;
  model::LlamaConfig config = spoken_config();
  config.dtype = Dtype::kBfloat16;  // what training began with
  model::ParameterStore<float> store(model::llama_parameters(config), false);
  save_checkpoint<float>(temporary.path(), progress_at(3), config, store, nullptr, small_tokenizer(), 1, one_rank());
  EXPECT_EQ(lossless_dtype(open_model(temporary.path())), Dtype::kFloat32);
}

// A folder whose tensors are of several types, whatever config.json says.
TEST(LosslessDtype, OfMixedTensorsHoldsThemAll) {
  const TemporaryFolder temporary;
  const model::LlamaConfig config = spoken_config();
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> halves[2];
  nlohmann::json index;
  for (const model::Parameter& parameter : model::llama_parameters(config)) {
    const bool norm = parameter.shape.size() == 1;
    halves[norm].emplace_back(parameter.name, parameter.shape);
    index["weight_map"][parameter.name] = norm ? "b.safetensors" : "a.safetensors";
  }
  const auto write = [&](const char* name, const char* dtype, const auto& tensors) {
    SafetensorsWriter writer(temporary.path() / name, find_value<Dtype>(dtype).value(), tensors);
    for (const auto& [tensor, shape] : tensors) {
      std::int64_t size = 1;
      for (const std::int64_t extent : shape) size *= extent;
      writer.append(std::span<const float>(std::vector<float>(static_cast<std::size_t>(size))));
    }
    writer.close();
  };
  write_file(temporary.path() / kConfigName, model::to_json(config, Dtype::kBfloat16));
  write_file(temporary.path() / kIndexName, index.dump());
  write("a.safetensors", "bfloat16", halves[0]);
  write("b.safetensors", "float16", halves[1]);
  EXPECT_EQ(lossless_dtype(open_model(temporary.path())), Dtype::kFloat32);
  write("b.safetensors", "bfloat16", halves[1]);
  EXPECT_EQ(lossless_dtype(open_model(temporary.path())), Dtype::kBfloat16);
}

}  // namespace
}  // namespace recpo::checkpoint
