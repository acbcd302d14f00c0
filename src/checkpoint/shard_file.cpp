#include "src/checkpoint/shard_file.hpp"

#include <algorithm>
#include <sstream>

#include "src/checkpoint/float16.hpp"
#include "src/checkpoint/host_staging.hpp"
#include "src/support/check.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
// Arrays of float and double are stored as such, those of bfloat16 as uint16: HDF5 has no bfloat16.
template <class T>
using ArrayElement = std::conditional_t<std::is_same_v<T, Bfloat16>, std::uint16_t, T>;

template <class T>
void write_elements(hdf5::File& file, const std::string& array, std::int64_t begin, std::span<const T> values) {
  using Element = ArrayElement<T>;
  static_assert(sizeof(Element) == sizeof(T));
  file.write_slice<Element>(array, begin, {reinterpret_cast<const Element*>(values.data()), values.size()});
}

template <class T>
void read_elements(const hdf5::File& file, const std::string& array, std::int64_t begin, std::span<T> values) {
  using Element = ArrayElement<T>;
  file.read_slice<Element>(array, begin, {reinterpret_cast<Element*>(values.data()), values.size()});
}
}  // namespace

ShardReader::ShardReader(const std::filesystem::path& checkpoint)
    : checkpoint_(checkpoint), contents_(read_contents(checkpoint)) {
  std::vector<const char*> arrays = {kWeightsArray};
  if (contents_.manifest.has_optimizer) arrays.insert(arrays.end(), {kFirstMomentArray, kSecondMomentArray});
  if (has_master()) arrays.push_back(kMasterArray);
  std::vector<std::string> names;
  std::vector<std::vector<TableRow>> tables;
  for (const std::string& name : contents_.shard_names()) {
    names.push_back((checkpoint / name).string());
    files_.push_back(hdf5::File::open(checkpoint / name));
    tables.push_back(read_table(files_.back(), contents_.shapes, arrays));
  }
  check_coverage(names, tables, contents_.shapes);
  for (std::size_t file = 0; file < tables.size(); ++file)
    for (const TableRow& row : tables[file]) parts_[row.parameter].push_back({file, row.range, row.offset});
}

bool ShardReader::has_master() const { return contents_.manifest.has_optimizer && contents_.dtype == kDtype<Bfloat16>; }

std::vector<ShardReader::Summary> ShardReader::summaries() const {
  std::vector<Summary> summaries;
  for (const std::string& name : contents_.shard_names()) summaries.push_back({name});
  for (const auto& [parameter, parts] : parts_) {
    for (const Part& part : parts) {
      ++summaries[part.file].pieces;
      summaries[part.file].elements += part.range.count;
    }
  }
  return summaries;
}

template <class T>
void ShardReader::read(const char* array, const model::Parameter& parameter, const Range& wanted, std::span<T> values) {
  RECPO_REQUIRE(static_cast<std::int64_t>(values.size()) == wanted.count);
  const auto shape = contents_.shapes.find(parameter.name);
  if (shape == contents_.shapes.end() || shape->second != parameter.shape)
    throw_input("{}: {} has another shape than this model's, [{}]", (checkpoint_ / kManifestName).string(),
                parameter.name, fmt::join(parameter.shape, ", "));
  for (const Part& part : parts_.at(parameter.name)) {
    for (const Rectangle& there : rectangles_of(part.range)) {
      for (const Rectangle& here : rectangles_of(wanted)) {
        const Rectangle common = intersection(there, here);
        if (common.empty()) continue;
        const hdf5::File& file = files_[part.file];
        if (file.holds<float>(array)) {
          copy<float>(array, part, common, wanted, values);
        } else if (file.holds<ArrayElement<Bfloat16>>(array)) {
          copy<Bfloat16>(array, part, common, wanted, values);
        } else {
          copy<double>(array, part, common, wanted, values);
        }
      }
    }
  }
}

// Some rows at a time: from the first wanted element of the first to the last of the last, in one read.
template <class Stored, class T>
void ShardReader::copy(const char* array, const Part& part, const Rectangle& common, const Range& wanted,
                       std::span<T> values) {
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, kPieceElements / part.range.columns);
  std::vector<Stored> stored;
  for (std::int64_t row = common.row_begin; row < common.row_end; row += rows_at_once) {
    const std::int64_t row_end = std::min(row + rows_at_once, common.row_end);
    const std::int64_t begin = part.range.place(row, common.column_begin);
    const std::int64_t end = part.range.place(row_end - 1, common.column_end - 1) + 1;
    stored.resize(static_cast<std::size_t>(end - begin));
    read_elements<Stored>(files_[part.file], array, part.offset + begin, stored);
    num_read_ += end - begin;
    for (std::int64_t r = row; r < row_end; ++r) {
      const Stored* source = stored.data() + part.range.place(r, common.column_begin) - begin;
      T* target = values.data() + wanted.place(r, common.column_begin);
      std::transform(source, source + common.columns(), target, [](Stored value) { return static_cast<T>(value); });
    }
  }
}

#define RECPO_INSTANTIATE(T) \
  template void ShardReader::read<T>(const char*, const model::Parameter&, const Range&, std::span<T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

namespace {
template <class T>
int optimizer_shards(const optim::AdamW<T>* optimizer) {
  return optimizer == nullptr ? 1 : optimizer->shard().ranks();
}

// A part of this rank's file.
struct OwnedPart {
  model::ShardPart piece;  // where the elements are in memory
  TableRow row;            // and in the file
};

// The store must be sharded over the ranks: an unsharded one on each of several would be written several times.
template <class T>
void check_cut(const GridPlace& place, const model::ParameterStore<T>& store) {
  for (const model::Parameter& parameter : store.parameters()) {
    const bool by_rows = parameter.split == model::Split::kRows, by_columns = parameter.split == model::Split::kColumns;
    const std::int64_t tp = place.tp_size;
    RECPO_REQUIRE(parameter.rows() == (by_rows ? (parameter.global_rows() + tp - 1) / tp : parameter.global_rows()));
    RECPO_REQUIRE(parameter.columns() == (by_columns ? parameter.global_columns() / tp : parameter.global_columns()));
    RECPO_REQUIRE(parameter.row_begin == (by_rows ? place.tp_rank * parameter.rows() : 0));
    RECPO_REQUIRE(parameter.column_begin == (by_columns ? place.tp_rank * parameter.columns() : 0));
  }
}

template <class T>
std::vector<OwnedPart> parts_owned(const GridPlace& place, const model::ParameterStore<T>& store,
                                   const optim::AdamW<T>* optimizer) {
  std::vector<model::ShardPart> pieces;
  if (optimizer != nullptr) {
    pieces = optimizer->shard().parts();
  } else {
    for (std::size_t p = 0; p < store.parameters().size(); ++p) {
      const model::Parameter& parameter = store.parameters()[p];
      pieces.push_back({p, 0, parameter.size(), parameter.offset, 0});
    }
  }
  std::vector<OwnedPart> parts;
  std::int64_t offset = 0;
  for (const model::ShardPart& piece : pieces) {
    const model::Parameter& parameter = store.parameters()[piece.parameter];
    const Range range = valid_range(parameter, piece.begin, piece.end);
    if (range.count == 0 || (parameter.split == model::Split::kNone && place.tp_rank != 0)) continue;
    parts.push_back({piece, {parameter.name, range, offset}});
    offset += range.count;
  }
  return parts;
}

std::int64_t num_elements(const std::vector<OwnedPart>& parts) {
  return parts.empty() ? 0 : parts.back().row.offset + parts.back().row.range.count;
}

// fetch(part, first, values) gives elements [first, first + values.size()) of a part; see(part, range, values) is shown
// what was written.
template <class T, class Fetch, class See>
void write_array(hdf5::File& file, const std::string& name, const std::vector<OwnedPart>& parts, ByteProgress& progress,
                 Fetch fetch, See see) {
  file.create_array<ArrayElement<T>>(name, num_elements(parts));
  std::vector<T> block;
  for (const OwnedPart& part : parts) {
    const auto& [parameter, range, offset] = part.row;
    for (std::int64_t first = 0; first < range.count; first += kPieceElements) {
      block.resize(static_cast<std::size_t>(std::min(range.count - first, kPieceElements)));
      fetch(part, first, std::span<T>(block));
      write_elements<T>(file, name, offset + first, block);
      see(part, range.part(first, static_cast<std::int64_t>(block.size())), std::span<const T>(block));
      progress.advance(static_cast<std::int64_t>(block.size() * sizeof(T)));
    }
  }
}

template <class T>
Fingerprint write_arrays(hdf5::File& file, const std::vector<OwnedPart>& parts, const model::ParameterStore<T>& store,
                         const optim::AdamW<T>* optimizer, ByteProgress& progress) {
  Fingerprint fingerprint;
  const auto fetch_weights = [&](const OwnedPart& part, std::int64_t first, std::span<T> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    Kokkos::deep_copy(HostVector<T>(values.data(), count),
                      Vector<T>(store.weights().data() + part.piece.store_offset + first, count));
  };
  const auto sum = [&](const OwnedPart& part, const Range& range, std::span<const T> values) {
    const model::Parameter& parameter = store.parameters()[part.piece.parameter];
    fingerprint.add(parameter.name, parameter.global_columns(), range, values);
  };
  write_array<T>(file, kWeightsArray, parts, progress, fetch_weights, sum);
  if (optimizer == nullptr) return fingerprint;
  std::vector<Accumulate<T>> states;
  const auto write_state = [&]<class Value>(optim::State state, const char* name, Value) {
    const auto fetch = [&](const OwnedPart& part, std::int64_t first, std::span<Value> values) {
      states.resize(values.size());
      optimizer->read_state(state, part.piece.shard_offset + first, states);
      std::ranges::transform(states, values.begin(), [](Accumulate<T> x) { return static_cast<Value>(x); });  // exact
    };
    write_array<Value>(file, name, parts, progress, fetch, [](const auto&...) {});
  };
  const auto write_moment = [&](optim::State state, const char* name) {
    optimizer->has_bf16_moments() ? write_state(state, name, Bfloat16{}) : write_state(state, name, Accumulate<T>{});
  };
  write_moment(optim::State::kFirstMoment, kFirstMomentArray);
  write_moment(optim::State::kSecondMoment, kSecondMomentArray);
  if (optim::AdamW<T>::kHasMaster) write_state(optim::State::kMaster, kMasterArray, Accumulate<T>{});
  return fingerprint;
}

// Of all arrays of a file.
template <class T>
std::int64_t element_bytes(const optim::AdamW<T>* optimizer) {
  std::size_t bytes = sizeof(T);
  if (optimizer != nullptr) {
    bytes += 2 * (optimizer->has_bf16_moments() ? sizeof(Bfloat16) : sizeof(Accumulate<T>));
    if (optim::AdamW<T>::kHasMaster) bytes += sizeof(Accumulate<T>);
  }
  return static_cast<std::int64_t>(bytes);
}

// On the disk and hashed.
FileRecord seal(const fs::path& path, ByteProgress& progress) {
  sync_path(path);
  const std::uint64_t bytes = fs::file_size(path);
  return {bytes, hash_file(path, progress)};
}
}  // namespace

std::string ShardRecord::text() const {
  return fmt::format("{} {} {} {} {}", name, file.bytes, file.sha256, weights.low(), weights.high());
}

ShardRecord ShardRecord::parse(const std::string& line) {
  ShardRecord record;
  std::uint64_t low = 0, high = 0;
  std::istringstream words(line);
  words >> record.name >> record.file.bytes >> record.file.sha256 >> low >> high;
  RECPO_REQUIRE(!words.fail());
  record.weights = {low, high};
  return record;
}

template <class T>
std::optional<ShardRecord> write_shard(const fs::path& folder, const GridPlace& place,
                                       const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer) {
  const int shards = optimizer_shards(optimizer);
  if (shards == 1 && place.dp_rank != 0) return std::nullopt;
  RECPO_REQUIRE(shards == 1 || (shards == place.dp_size && optimizer->shard().rank() == place.dp_rank));
  check_cut(place, store);
  const std::vector<OwnedPart> parts = parts_owned(place, store, optimizer);
  constexpr std::int64_t kPasses = 2;  // written, then hashed
  ByteProgress progress("save " + folder.stem().string(), kPasses * num_elements(parts) * element_bytes(optimizer));
  ShardRecord record{shard_name(place.tp_rank, place.dp_rank), {}, {}};
  auto file = hdf5::File::create(folder / record.name);
  std::vector<TableRow> table;
  for (const OwnedPart& part : parts) table.push_back(part.row);
  write_table(file, table);
  record.weights = write_arrays(file, parts, store, optimizer, progress);
  file.close();
  record.file = seal(folder / record.name, progress);
  return record;
}

template <class T>
std::string write_manifest(const fs::path& folder, const GridPlace& place, const Progress& progress,
                           const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                           const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer,
                           const std::vector<ShardRecord>& shards, const AuxiliaryFiles& auxiliary) {
  Contents contents;
  contents.manifest.progress = progress;
  contents.manifest.config = config;
  contents.manifest.has_optimizer = optimizer != nullptr;
  contents.optimizer_steps = optimizer == nullptr ? 0 : optimizer->steps_done();
  contents.grid = {place.tp_size, place.dp_size, optimizer_shards(optimizer)};
  contents.dtype = kDtype<T>;
  contents.tokenizer_name = tokenizer.file_name();
  for (const model::Parameter& parameter : store.parameters()) contents.shapes[parameter.name] = parameter.shape;
  Fingerprint weights;
  for (const ShardRecord& shard : shards) {
    weights.add(shard.weights);
    contents.files[shard.name] = shard.file;
  }
  contents.manifest.weights_hash = weights.hex();
  const auto add_text = [&](const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    contents.files[name] = {text.size(), sha256_hex(text)};
  };
  add_text(tokenizer.file_name(), tokenizer.file_content());
  add_text(kDeckName, progress.deck);
  for (const auto& [name, content] : auxiliary) add_text(name, content);
  std::string text = format_contents(contents);
  write_file(folder / kManifestName, text);
  return text;
}

RECPO_INSTANTIATE_STORAGE(write_shard);
RECPO_INSTANTIATE_STORAGE(write_manifest);

}  // namespace recpo::checkpoint
