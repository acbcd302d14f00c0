#pragma once
// The safetensors format: 8 bytes of little-endian header length, a JSON header {name: {dtype, shape, data_offsets}},
// then the tensors' bytes, row-major, without holes or overlap. Untrusted input: the header is validated
// against the file size before any data is touched; errors are kBadInput and name file and tensor. Element
// types read as numbers are F32, BF16 and F16; tensors of the format's other types may be present.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/config.hpp"

namespace recpo::checkpoint {

using model::Dtype;

// "F32"; not of double.
const char* format_name(Dtype dtype);

struct Tensor {
  std::string name, dtype;           // "F32", "BF16", ...
  std::vector<std::int64_t> shape;   // empty = one number
  std::uint64_t begin = 0, end = 0;  // bytes, from the beginning of the file

  std::int64_t size() const;            // elements
  std::optional<Dtype> number() const;  // the type where elements are read as numbers
};

// The tensors of a complete file given as bytes, in the order of their data. `source` names it in errors.
std::vector<Tensor> parse_safetensors(std::string_view file, const std::string& source);

// "[576, 49152]", for messages
std::string format_shape(std::span<const std::int64_t> shape);

// Bytes of one element of any of the format's types, "F32"; 0 when there is no such type.
int element_bytes(const std::string& dtype);

// Memory-mapped file. Pages read count as resident memory until released, so large tensors are read and released in
// pieces.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<Tensor>& tensors() const { return tensors_; }
  const Tensor* find(const std::string& name) const;  // null when there is none
  const std::filesystem::path& path() const { return path_; }

  // Elements [begin, begin + values.size()) of a tensor: the same bits where T is the file's type, else by way of
  // float. Throws kBadInput when its type is none of the three.
  template <class T>
  void read(const Tensor& tensor, std::int64_t begin, std::span<T> values) const;
  // Releases the tensor's resident pages; they may be read again.
  void release(const Tensor& tensor) const;

 private:
  void forget(std::uint64_t begin, std::uint64_t end) const;

  std::filesystem::path path_;
  std::shared_ptr<const std::string_view> file_;  // unmaps when the last owner goes
  std::vector<Tensor> tensors_;
};

// Writes a file sequentially: the header first, then every tensor's elements in the order given. Throws kCannotWrite.
class SafetensorsWriter {
 public:
  // name and shape of each tensor; creates or replaces the file
  SafetensorsWriter(const std::filesystem::path& path, Dtype dtype,
                    std::span<const std::pair<std::string, std::vector<std::int64_t>>> tensors);
  // The next elements, rounded to the nearest (ties to even) of the file's type.
  template <class T>
  void append(std::span<const T> values);
  void close();  // checks that all declared elements were written; fsync

 private:
  std::filesystem::path path_;
  Dtype dtype_;
  std::int64_t missing_ = 0;
};

// model.safetensors.index.json: which shard of a Hugging Face folder holds which tensor. The text is hostile: shards
// are plain file names, so that no path leads out of the folder. A pure function of the bytes.

using ShardTensors = std::map<std::string, std::vector<std::string>>;  // shard's file name -> its tensors

// Throws kBadInput naming `source` and the tensor whose entry is wrong.
ShardTensors parse_index(std::string_view json, const std::string& source);

}  // namespace recpo::checkpoint
