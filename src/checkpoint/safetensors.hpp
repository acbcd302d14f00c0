#pragma once
// The safetensors format: 8 bytes of little-endian header length, a JSON header {name: {dtype, shape, data_offsets}},
// then the tensors' bytes, row-major, without holes or overlap. Files are hostile: everything the header says is
// checked against the file before a byte of data is touched; errors are kBadInput and name file and tensor. Element
// types read as numbers are F32, BF16 and F16; tensors of the format's other types may be present.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::checkpoint {

struct Tensor {
  std::string name, dtype;           // "F32", "BF16", ...
  std::vector<std::int64_t> shape;   // empty = one number
  std::uint64_t begin = 0, end = 0;  // bytes, from the beginning of the file

  std::int64_t size() const;  // elements
};

// The tensors of a whole file given as bytes, in the order of their data. `source` names it in errors.
std::vector<Tensor> parse_safetensors(std::string_view file, const std::string& source);

// "[576, 49152]", for messages
std::string format_shape(std::span<const std::int64_t> shape);

// Bytes of one element of any of the format's types, "F32"; 0 when there is no such type.
int element_bytes(const std::string& dtype);

// Maps a file into memory for reading. Pages that were read count as the program's memory until they are given back, so
// whoever reads a large tensor releases it piece by piece.
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
  // Gives back the memory of the tensor's pages that were read; they may be read again.
  void release(const Tensor& tensor) const;

 private:
  void forget(std::uint64_t begin, std::uint64_t end) const;

  std::filesystem::path path_;
  std::shared_ptr<const std::string_view> file_;  // unmaps when the last owner goes
  std::vector<Tensor> tensors_;
};

// Bytes of one element of F32, BF16 or F16. `dtype` as config.json spells it: float32 | bfloat16 | float16; kUsage
// else.
struct ElementType {
  std::string dtype;  // of safetensors
  int bytes = 0;
};
ElementType element_type(const std::string& torch_dtype);

// Writes a file front to back: the header first, then every tensor's elements in the order given. Throws kCannotWrite.
class SafetensorsWriter {
 public:
  // name and shape of each tensor; creates or replaces the file
  SafetensorsWriter(const std::filesystem::path& path, const ElementType& type,
                    std::span<const std::pair<std::string, std::vector<std::int64_t>>> tensors);
  // The next elements, rounded to the nearest (ties to even) of the file's type.
  template <class T>
  void append(std::span<const T> values);
  void close();  // checks that all announced elements came, fsync

 private:
  std::filesystem::path path_;
  ElementType type_;
  std::int64_t missing_ = 0;
};

}  // namespace recpo::checkpoint
