#include "src/checkpoint/peft_export.hpp"

#include <nlohmann/json.hpp>

#include "src/checkpoint/new_folder.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::checkpoint {
namespace {

std::string config_text(const model::LoraOptions& options, const std::string& base) {
  nlohmann::ordered_json modules = nlohmann::ordered_json::array();
  for (std::size_t p = 0; p < model::kProjections; ++p) {
    const auto projection = static_cast<model::Projection>(p);
    const std::string name = model::module_name(projection);  // "self_attn.q_proj"
    if (options.has(projection)) modules.push_back(name.substr(name.find('.') + 1));
  }
  return nlohmann::ordered_json{{"peft_type", "LORA"},
                                {"task_type", "CAUSAL_LM"},
                                {"base_model_name_or_path", base},
                                {"r", options.rank},
                                {"lora_alpha", options.alpha},
                                {"lora_dropout", options.dropout},
                                {"target_modules", modules},
                                {"bias", "none"},
                                {"fan_in_fan_out", false},
                                {"inference_mode", true}}
             .dump(2) +
         "\n";
}

}  // namespace

template <class T>
void export_peft(const std::filesystem::path& folder, const model::Adapters<T>& adapters, const std::string& base,
                 const std::string& dtype) {
  const model::ParameterStore<T>& store = adapters.store;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  for (const model::Parameter& parameter : store.parameters()) {
    RECPO_REQUIRE(parameter.size() == parameter.global_size());
    tensors.emplace_back("base_model.model." + parameter.name, parameter.shape);
  }
  write_new_folder(folder, [&](const std::filesystem::path& temporary) {
    SafetensorsWriter writer(temporary / "adapter_model.safetensors", element_type(dtype), tensors);
    for (const model::Parameter& parameter : store.parameters()) {
      read_pieces(valid_part(store.weights(), parameter),
                  [&](std::int64_t, std::span<const T> piece) { writer.append(piece); });
    }
    writer.close();
    write_file(temporary / "adapter_config.json", config_text(adapters.options, base));
  });
}

#define RECPO_INSTANTIATE(T)                                                                                \
  template void export_peft<T>(const std::filesystem::path&, const model::Adapters<T>&, const std::string&, \
                               const std::string&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
