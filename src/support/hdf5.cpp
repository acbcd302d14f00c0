#include "src/support/hdf5.hpp"

#include <hdf5.h>

#include <type_traits>

#include "src/support/check.hpp"
#include "src/support/folder.hpp"

namespace recpo::hdf5 {
namespace fs = std::filesystem;
static_assert(std::is_same_v<hid_t, std::int64_t>);

namespace {
constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
constexpr unsigned kDeflateLevel = 1;
constexpr std::uint64_t kLargestRatio = 1100;  // deflate cannot shrink more than 1032 to 1
constexpr std::uint64_t kStringLimit = std::uint64_t{1} << 16;

// HDF5's start, before main and so before MPI_Init: one with MPI that opens later cleans up inside MPI_Finalize,
// whatever H5dont_atexit() says, and crashes there on the file that a full disk left half closed (exit code 73 would be
// lost). Debian's HDF5 1.10 crashes at exit in the same way unless it is told not to clean up. Errors are collected
// instead of printed, and no file can make the library load a plugin.
[[maybe_unused]] const bool g_started = [] {
  H5dont_atexit();
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
  return true;
}();

herr_t keep_first(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

// The innermost entry of the library's error stack; of a failed system call only its own words.
std::string reason() {
  std::string text = "unknown HDF5 error";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  H5Eclear2(H5E_DEFAULT);
  constexpr std::string_view kMark = "error message = '";
  const auto begin = text.find(kMark);
  if (begin == std::string::npos) return text;
  const auto end = text.find('\'', begin + kMark.size());
  return text.substr(begin + kMark.size(), end - begin - kMark.size());
}

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_NATIVE_UINT16;
  if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, char>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

void check_write(bool good, const fs::path& path, const std::string& name) {
  if (!good) throw_write("cannot write {} ({}): {}", path.string(), name, reason());
}
void check_read(bool good, const fs::path& path, const std::string& name) {
  if (!good) throw_input("{}: cannot read {}: {}", path.string(), name, reason());
}

Handle access_properties() {
  Handle properties(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(properties.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Pset_fclose_degree(properties.get(), H5F_CLOSE_STRONG);
  H5Pset_file_locking(properties.get(), false, true);  // locks fail on many parallel file systems
  return properties;
}

Handle array_properties(std::uint64_t size, std::uint64_t element_bytes, Compression compression) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  if (size == 0) return properties;  // a chunk cannot be larger than its array
  const std::uint64_t largest = kChunkBytes / element_bytes, chunks = (size + largest - 1) / largest;
  const hsize_t chunk = (size + chunks - 1) / chunks;  // equal ones: the last is stored at full size
  H5Pset_chunk(properties.get(), 1, &chunk);
  if (compression == Compression::kDeflate) {
    H5Pset_shuffle(properties.get());
    H5Pset_deflate(properties.get(), kDeflateLevel);
  }
  H5Pset_fletcher32(properties.get());
  return properties;
}

// Selects [begin, begin + count) of a one-dimensional array; false when it does not lie inside.
bool select(const Handle& space, std::int64_t begin, std::size_t count) {
  const hssize_t size = H5Sget_simple_extent_npoints(space.get());
  if (begin < 0 || begin > size || count > static_cast<std::uint64_t>(size - begin)) return false;
  const hsize_t start = static_cast<hsize_t>(begin), extent = count;
  return H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &extent, nullptr) >= 0;
}

Handle line_space(std::size_t count) {
  const hsize_t extent = count;
  return Handle(H5Screate_simple(1, &extent, nullptr));
}
}  // namespace

Handle::~Handle() {
  if (id_ < 0) return;
  const H5I_type_t type = H5Iget_type(id_);
  if (type == H5I_FILE) H5Fclose(id_);
  if (type == H5I_DATASET) H5Dclose(id_);
  if (type == H5I_DATASPACE) H5Sclose(id_);
  if (type == H5I_DATATYPE) H5Tclose(id_);
  if (type == H5I_ATTR) H5Aclose(id_);
  if (type == H5I_GENPROP_LST) H5Pclose(id_);
}

File File::create(const fs::path& path) {
  const Handle properties = access_properties();  // outlives reason(): every call, closing too, clears the errors
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, properties.get()));
  if (file.get() < 0) throw_write("cannot create {}: {}", path.string(), reason());
  return File(std::move(file), path);
}

File File::open(const fs::path& path) {
  if (!is_file(path)) throw_input("{} is missing or not a regular file", path.string());
  const Handle properties = access_properties();
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, properties.get()));
  if (file.get() < 0) throw_input("{} is not a whole HDF5 file: {}", path.string(), reason());
  return File(std::move(file), path);
}

void File::close() {
  const bool flushed = H5Fflush(file_.get(), H5F_SCOPE_LOCAL) >= 0;
  const std::string flush_reason = flushed ? "" : reason();
  const bool closed = H5Fclose(file_.release()) >= 0;
  if (!flushed || !closed) throw_write("cannot write {}: {}", path_.string(), flushed ? reason() : flush_reason);
}

// Only a chunked, one-dimensional array inside this very file: links, virtual and external storage of a foreign file
// could point anywhere.
Handle File::open_array(const std::string& name) const {
  if (!contains(name)) throw_input("{}: there is no array {}", path_.string(), name);
  Handle array(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  check_read(array.get() >= 0, path_, name);
  const Handle space(H5Dget_space(array.get()));
  const Handle properties(H5Dget_create_plist(array.get()));
  const bool plain = H5Sget_simple_extent_ndims(space.get()) == 1 && H5Pget_external_count(properties.get()) == 0 &&
                     (H5Pget_layout(properties.get()) == H5D_CHUNKED || H5Sget_simple_extent_npoints(space.get()) == 0);
  if (!plain) throw_input("{}: {} is not a chunked array of one dimension", path_.string(), name);
  return array;
}

bool File::contains(const std::string& name) const {
  for (std::size_t end = name.find('/');; end = name.find('/', end + 1)) {
    const std::string part = name.substr(0, end);
    H5L_info_t link;
    if (H5Lexists(file_.get(), part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (H5Lget_info(file_.get(), part.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return false;
    if (end == std::string::npos) return true;
  }
}

std::int64_t File::size(const std::string& name) const {
  const Handle array = open_array(name);
  return H5Sget_simple_extent_npoints(Handle(H5Dget_space(array.get())).get());
}

template <class T>
void File::create_array(const std::string& name, std::int64_t size, Compression compression) {
  RECPO_REQUIRE(size >= 0);
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const auto count = static_cast<std::uint64_t>(size);
  const Handle properties = array_properties(count, sizeof(T), compression);
  const Handle space = line_space(count);
  const Handle array(
      H5Dcreate2(file_.get(), name.c_str(), native_type<T>(), space.get(), links.get(), properties.get(), H5P_DEFAULT));
  check_write(array.get() >= 0, path_, name);
}

template <class T>
void File::write_slice(const std::string& name, std::int64_t begin, std::span<const T> values) {
  if (values.empty()) return;
  const Handle array(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  check_write(array.get() >= 0, path_, name);
  const Handle space(H5Dget_space(array.get())), memory = line_space(values.size());
  RECPO_REQUIRE(select(space, begin, values.size()));
  check_write(H5Dwrite(array.get(), native_type<T>(), memory.get(), space.get(), H5P_DEFAULT, values.data()) >= 0,
              path_, name);
}

template <class T>
void File::write(const std::string& name, std::span<const T> values, Compression compression) {
  create_array<T>(name, static_cast<std::int64_t>(values.size()), compression);
  write_slice<T>(name, 0, values);
}

template <class T>
bool File::holds(const std::string& name) const {
  const Handle array = open_array(name);
  const Handle type(H5Dget_type(array.get()));
  return H5Tequal(type.get(), native_type<T>()) > 0;
}

template <class T>
void File::read_slice(const std::string& name, std::int64_t begin, std::span<T> values) const {
  const Handle array = open_array(name);
  if (!holds<T>(name)) throw_input("{}: {} has another type", path_.string(), name);
  const Handle space(H5Dget_space(array.get())), memory = line_space(values.size());
  if (!select(space, begin, values.size()))
    throw_input("{}: {} ends before element {}", path_.string(), name,
                begin + static_cast<std::int64_t>(values.size()));
  if (values.empty()) return;
  check_read(H5Dread(array.get(), native_type<T>(), memory.get(), space.get(), H5P_DEFAULT, values.data()) >= 0, path_,
             name);
}

template <class T>
std::vector<T> File::read(const std::string& name) const {
  const auto count = static_cast<std::uint64_t>(size(name));
  if (count / kLargestRatio > fs::file_size(path_) / sizeof(T))
    throw_input("{}: {} claims {} elements, more than the file can hold", path_.string(), name, count);
  std::vector<T> values(count);
  read_slice<T>(name, 0, values);
  return values;
}

void File::write_text(const std::string& name, std::string_view text, Compression compression) {
  write<char>(name, std::span<const char>(text.data(), text.size()), compression);
}

std::string File::read_text(const std::string& name) const {
  const std::vector<char> bytes = read<char>(name);
  return {bytes.begin(), bytes.end()};
}

namespace {
void put_attribute(const Handle& file, const fs::path& path, const std::string& name, hid_t type, const void* value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  check_write(attribute.get() >= 0 && H5Awrite(attribute.get(), type, value) >= 0, path, name);
}

Handle open_attribute(const Handle& file, const fs::path& path, const std::string& name) {
  if (H5Aexists(file.get(), name.c_str()) <= 0) throw_input("{}: there is no value {}", path.string(), name);
  Handle attribute(H5Aopen(file.get(), name.c_str(), H5P_DEFAULT));
  check_read(attribute.get() >= 0, path, name);
  const Handle space(H5Aget_space(attribute.get()));
  if (H5Sget_simple_extent_npoints(space.get()) != 1) throw_input("{}: {} is not one value", path.string(), name);
  return attribute;
}

template <class T>
T get_attribute(const Handle& file, const fs::path& path, const std::string& name) {
  const Handle attribute = open_attribute(file, path, name);
  const Handle type(H5Aget_type(attribute.get()));
  T value{};
  if (H5Tequal(type.get(), native_type<T>()) <= 0) throw_input("{}: {} has another type", path.string(), name);
  check_read(H5Aread(attribute.get(), native_type<T>(), &value) >= 0, path, name);
  return value;
}

// A fixed length, one byte more than the text: HDF5 knows no empty strings.
Handle string_type(std::size_t length) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), length + 1);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}
}  // namespace

void File::write_attribute(const std::string& name, std::int64_t value) {
  put_attribute(file_, path_, name, H5T_NATIVE_INT64, &value);
}
void File::write_attribute(const std::string& name, double value) {
  put_attribute(file_, path_, name, H5T_NATIVE_DOUBLE, &value);
}
void File::write_attribute(const std::string& name, std::string_view value) {
  RECPO_REQUIRE(value.size() < kStringLimit);
  put_attribute(file_, path_, name, string_type(value.size()).get(), std::string(value).c_str());
}

bool File::has_attribute(const std::string& name) const { return H5Aexists(file_.get(), name.c_str()) > 0; }
std::int64_t File::read_integer(const std::string& name) const {
  return get_attribute<std::int64_t>(file_, path_, name);
}
double File::read_real(const std::string& name) const { return get_attribute<double>(file_, path_, name); }

std::string File::read_string(const std::string& name) const {
  const Handle attribute = open_attribute(file_, path_, name);
  const Handle type(H5Aget_type(attribute.get()));
  const std::size_t bytes = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 || bytes == 0 ||
      bytes > kStringLimit)
    throw_input("{}: {} is not a short text", path_.string(), name);
  std::string value(bytes, '\0');
  check_read(H5Aread(attribute.get(), string_type(bytes - 1).get(), value.data()) >= 0, path_, name);
  value.pop_back();
  return value;
}

#define RECPO_INSTANTIATE_ARRAY(T)                                                          \
  template void File::write<T>(const std::string&, std::span<const T>, Compression);        \
  template void File::create_array<T>(const std::string&, std::int64_t, Compression);       \
  template void File::write_slice<T>(const std::string&, std::int64_t, std::span<const T>); \
  template std::vector<T> File::read<T>(const std::string&) const;                          \
  template bool File::holds<T>(const std::string&) const;                                   \
  template void File::read_slice<T>(const std::string&, std::int64_t, std::span<T>) const;
RECPO_INSTANTIATE_ARRAY(std::int32_t)
RECPO_INSTANTIATE_ARRAY(std::int64_t)
RECPO_INSTANTIATE_ARRAY(std::uint64_t)
RECPO_INSTANTIATE_ARRAY(std::uint16_t)
RECPO_INSTANTIATE_ARRAY(std::uint8_t)
RECPO_INSTANTIATE_ARRAY(char)
RECPO_INSTANTIATE_ARRAY(float)
RECPO_INSTANTIATE_ARRAY(double)

}  // namespace recpo::hdf5
