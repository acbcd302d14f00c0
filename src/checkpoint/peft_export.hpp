#pragma once
// Adapters in the form of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors, which PeftModel and
// vLLM load beside the base model. Not collective; the store holds whole adapters, not a shard.

#include <filesystem>
#include <string>

#include "src/model/lora.hpp"

namespace recpo::checkpoint {

// `base`: where the base model is, as PEFT is to find it. dtype: float32 | bfloat16 | float16. Throws kCannotWrite; the
// folder is complete or not there.
template <class T>
void export_peft(const std::filesystem::path& folder, const model::Adapters<T>& adapters, const std::string& base,
                 const std::string& dtype);

}  // namespace recpo::checkpoint
