#pragma once
// HDF5 files of one-dimensional arrays, behind one owner. Files are written with the latest format (checksummed
// metadata), every array in chunks with Fletcher32, so that a flipped bit is an error and never a number. Names may
// hold groups ("moments/m"). Creating or writing throws kCannotWrite (full disk, quota, permissions), opening or
// reading throws kBadInput; messages name file and array. Nothing here is collective: one file, one process, one
// thread at a time. A file is complete only after close(); write to a temporary name, close(), sync_path() and rename.
//
//   auto file = hdf5::File::create("x.h5.tmp");          auto file = hdf5::File::open("x.h5");
//   file.write<float>("weights", values);                std::vector<float> w = file.read<float>("weights");
//   file.write_attribute("step", std::int64_t{7});       std::int64_t step = file.read_integer("step");
//   file.close();

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace recpo::hdf5 {

// Owns one HDF5 identifier of any kind (hid_t is a 64-bit integer). Errors of closing are ignored here: the only one
// that matters is the file's own, and File::close checks it.
class Handle {
 public:
  Handle() = default;
  explicit Handle(std::int64_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();
  std::int64_t get() const { return id_; }
  std::int64_t release() { return std::exchange(id_, -1); }

 private:
  std::int64_t id_ = -1;
};

enum class Compression { kNone, kDeflate };  // kDeflate: shuffle + deflate level 1, for text and small integers

class File {
 public:
  static File create(const std::filesystem::path& path);  // replaces a file that is there
  static File open(const std::filesystem::path& path);    // read only
  File(File&&) = default;
  File& operator=(File&&) = default;

  // Element types: int32, int64, uint64, float, double, uint16 (raw bits of bf16), uint8 and char (bytes).
  template <class T>
  void write(const std::string& name, std::span<const T> values, Compression compression = Compression::kNone);
  // An array written piece by piece: create_array, then write_slice of [begin, begin + values.size()).
  template <class T>
  void create_array(const std::string& name, std::int64_t size, Compression compression = Compression::kNone);
  template <class T>
  void write_slice(const std::string& name, std::int64_t begin, std::span<const T> values);

  bool contains(const std::string& name) const;
  // Whether the array's stored element type is T exactly.
  template <class T>
  bool holds(const std::string& name) const;
  std::int64_t size(const std::string& name) const;  // elements of an array
  // The stored element type must be T exactly. A size that the file's own length cannot hold is refused unread.
  template <class T>
  std::vector<T> read(const std::string& name) const;
  template <class T>
  void read_slice(const std::string& name, std::int64_t begin, std::span<T> values) const;

  // Text as an array of bytes.
  void write_text(const std::string& name, std::string_view text, Compression compression = Compression::kDeflate);
  std::string read_text(const std::string& name) const;

  // Small values of the file (attributes of the root group).
  void write_attribute(const std::string& name, std::int64_t value);
  void write_attribute(const std::string& name, double value);
  void write_attribute(const std::string& name, std::string_view value);
  bool has_attribute(const std::string& name) const;
  std::int64_t read_integer(const std::string& name) const;
  double read_real(const std::string& name) const;
  std::string read_string(const std::string& name) const;

  // Flushes and closes; the file's content is with the operating system afterwards. Throws kCannotWrite.
  void close();
  const std::filesystem::path& path() const { return path_; }

 private:
  File(Handle file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {}
  Handle open_array(const std::string& name) const;

  Handle file_;
  std::filesystem::path path_;
};

}  // namespace recpo::hdf5
