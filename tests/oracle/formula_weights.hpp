#pragma once
// Weights that no file keeps: element i of a tensor is a function of the tensor's name and i, the same here and in
// scripts/golden/combinations_golden.py. And model folders made of them: any element type, any number of files.

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/checkpoint/safetensors.hpp"
#include "src/model/parameter_store.hpp"
#include "src/support/file.hpp"

namespace recpo {

// Uniform in [-1, 1) in steps of 2^-15: FNV-1a of the name, then SplitMix64 of the index.
inline double formula_uniform(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed + (index + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  return static_cast<double>(x >> 48) * 0x1p-15 - 1;
}

// Exact in float.
inline std::vector<float> formula_weights(const std::string& name, std::int64_t size) {
  std::uint64_t seed = 0xCBF29CE484222325u;
  for (const unsigned char byte : name) seed = (seed ^ byte) * 0x100000001B3u;
  const bool norm = name.find("norm") != std::string::npos, embedding = name.find("embed") != std::string::npos;
  std::vector<float> values;
  for (std::int64_t i = 0; i < size; ++i) {
    const double u = formula_uniform(seed, static_cast<std::uint64_t>(i));
    values.push_back(static_cast<float>(norm ? 1 + u / 4 : u / (embedding ? 2 : 4)));
  }
  return values;
}

// The model's parameters dealt to `num_files` files in turn (one: model.safetensors without an index), and config.json.
inline void write_formula_model(const std::filesystem::path& folder, const nlohmann::json& config,
                                const std::string& dtype, int num_files) {
  using Tensors = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;
  std::vector<Tensors> files(static_cast<std::size_t>(num_files));
  nlohmann::json index = {{"metadata", nlohmann::json::object()}, {"weight_map", nlohmann::json::object()}};
  const auto file_name = [&](std::size_t i) {
    return num_files == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, num_files);
  };
  std::size_t next = 0;
  for (const model::Parameter& parameter : model::llama_parameters(model::parse_config(config.dump(), "config"))) {
    const std::size_t i = next++ % files.size();
    files[i].emplace_back(parameter.name, parameter.shape);
    index["weight_map"][parameter.name] = file_name(i);
  }
  create_folders(folder);
  for (std::size_t i = 0; i < files.size(); ++i) {
    checkpoint::SafetensorsWriter writer(folder / file_name(i), find_value<checkpoint::Dtype>(dtype).value(), files[i]);
    for (const auto& [name, shape] : files[i]) {
      std::int64_t size = 1;
      for (const std::int64_t extent : shape) size *= extent;
      writer.append(std::span<const float>(formula_weights(name, size)));
    }
    writer.close();
  }
  write_file(folder / "config.json", config.dump());
  if (num_files > 1) write_file(folder / "model.safetensors.index.json", index.dump());
}

}  // namespace recpo
