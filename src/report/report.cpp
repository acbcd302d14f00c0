#include "src/report/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "src/report/groups.hpp"
#include "src/report/sections.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

// A group of runs with its tables.
struct Part {
  Study study;
  std::vector<Comparison> comparisons;
};

std::vector<Part> read_parts(const std::vector<fs::path>& run_folders, const std::string& dataset) {
  std::vector<Part> parts;
  for (std::vector<RunFolder>& runs : group_runs(read_run_folders(run_folders, dataset))) {
    Part& part = parts.emplace_back(Part{arrange(std::move(runs), read_paper()), {}});
    part.comparisons = compare_systems(part.study);
  }
  return parts;
}

// What is missing, notes and verdicts.
void add_first_lines(const Part& part, Document& document) {
  for (const std::string& note : notes_of(part.study)) document.add(Paragraph{note});
  std::vector<std::string> missing;
  for (const RunFolder& run : part.study.runs)
    if (run.systems.empty()) missing.push_back(run.name);
  if (!missing.empty()) document.add(Paragraph{fmt::format("Not evaluated yet: {}.", fmt::join(missing, ", "))});
  add_verdicts(part.study, part.comparisons, document);
}

// For a terminal: verdicts, results and comparisons.
Document opening(const Part& part) {
  Document document;
  add_first_lines(part, document);
  add_results(part.study, document);
  add_comparisons(part.comparisons, part.study, document);
  return document;
}

Document all_sections(const Part& part) {
  Document document;
  add_first_lines(part, document);
  for (const auto add : {add_results, add_training, add_examples}) add(part.study, document);
  add_comparisons(part.comparisons, part.study, document);
  for (const auto add : {add_sweeps, add_tests, add_data, add_settings}) add(part.study, document);
  return document;
}

// Names of a part's files: those of further parts begin with a number.
std::string name_in(std::size_t part, const std::string& name) {
  return part == 0 ? name : fmt::format("{}-{}", part + 1, name);
}

Document join(const std::vector<Part>& parts, const std::string& title, Document (*sections)(const Part&)) {
  Document document{title};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts.size() > 1) document.add(Heading{title_of(parts[i].study), true});
    for (Block& block : sections(parts[i]).blocks) {
      if (auto* picture = std::get_if<Picture>(&block)) picture->file = name_in(i, picture->file);
      document.add(std::move(block));
    }
  }
  return document;
}

std::string text_of(Document document) {
  std::erase_if(document.blocks, [](const Block& block) { return std::holds_alternative<Picture>(block); });
  return to_markdown(document);
}

std::string number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

// Quoted as RFC 4180 asks, where it must be. One line: a line end inside of a name becomes a space.
std::string quoted(const std::string& text) {
  std::string field;
  for (const char c : text::replace_invalid_utf8(text)) {
    if (c == '"') field += '"';
    field += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return field.find_first_of(",\"") == std::string::npos ? field : "\"" + field + "\"";
}

std::string changes(const Variant& variant) {
  std::vector<std::string> parts;
  for (const std::string& key : variant.changed)
    parts.push_back(fmt::format("{}={}", key, text_of(variant.settings, key)));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string seeds_of(const Variant& variant) {
  std::vector<std::string> seeds;
  for (const Result& result : variant.seeds)
    if (seeds.empty() || seeds.back() != result.seed) seeds.push_back(result.seed);
  return fmt::format("{}", fmt::join(seeds, " "));
}

constexpr const char* kEstimates[] = {kHitRate, kValidRatio, kValidHitRate};  // always there, with their intervals

// Metrics in further columns: the known ones, then those that any test has; true: with intervals.
std::vector<std::pair<std::string, bool>> further_metrics(const Study& study) {
  std::map<std::string, bool> others;
  for (const Variant& variant : study.variants)
    for (const TestMetrics& test : variant.pooled.tests)
      for (const auto& [name, estimate] : test.metrics) others[name] |= estimate.low.has_value();
  others.erase(kChance);
  for (const char* name : kEstimates) others.erase(name);
  std::vector<std::pair<std::string, bool>> metrics;
  for (const auto& [name, label, in_tables, lowest, highest] : registered_metrics()) {
    if (name == kChance || std::ranges::find(kEstimates, name) != std::end(kEstimates)) continue;
    metrics.emplace_back(name, others.contains(name) && others.at(name));
    others.erase(name);
  }
  metrics.insert(metrics.end(), others.begin(), others.end());
  return metrics;
}

void add_estimate(const Estimate& estimate, bool with_interval, std::vector<std::string>& fields) {
  fields.push_back(number(estimate.value));
  if (with_interval) fields.insert(fields.end(), {number(estimate.low), number(estimate.high)});
}

std::string line_of(const Study& study, const Variant& variant, const TestMetrics& test,
                    const std::vector<std::pair<std::string, bool>>& further) {
  std::vector<double> rates;
  if (test.bucket.empty()) rates = values_of_seeds(variant.seeds, test.test, kHitRate);
  const auto paper = [&](const char* metric) {
    return number(variant.is_base && test.test == kMain
                      ? study.paper.metric(variant.dataset, variant.system->name, metric)
                      : std::nullopt);
  };
  std::vector<std::string> fields = {quoted(variant.dataset),
                                     variant.system->name,
                                     variant.is_base ? "base" : quoted(changes(variant)),
                                     quoted(seeds_of(variant)),
                                     test.bucket.empty() ? test.test : test.test + " " + test.bucket,
                                     fmt::format("{}", test.rows)};
  for (const char* name : kEstimates) add_estimate(test.metric(name), true, fields);
  fields.push_back(rates.empty() ? "" : fmt::format("{}", std::ranges::min(rates)));
  fields.push_back(rates.empty() ? "" : fmt::format("{}", std::ranges::max(rates)));
  for (const std::string& field : {number(test.metric(kChance).value), paper(kHitRate), paper(kValidRatio)})
    fields.push_back(field);
  for (const std::int64_t count : {test.valid, test.hits}) fields.push_back(fmt::format("{}", count));
  for (const auto& [name, with_interval] : further) add_estimate(test.metric(name), with_interval, fields);
  return fmt::format("{}\n", fmt::join(fields, ","));
}

std::string counts_of(const std::optional<DatasetCounts>& counts) {
  return counts ? fmt::format("{},{},{}", counts->users, counts->items, counts->interactions) : ",,";
}

std::string sum_of(const NamedCounts& counts) {
  std::int64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return fmt::format("{}", sum);
}

// A line a variant and test: data set, system, what it changes, seeds, counts, metrics with intervals, the paper's;
// metrics that are not always there are the last columns. Full precision.
std::string results_csv(const Study& study) {
  const auto further = further_metrics(study);
  std::string text = "dataset,model,settings,seeds,test,rows";
  for (const char* name : kEstimates) text += fmt::format(",{0},{0}_low,{0}_high", name);
  text += ",lowest_seed,highest_seed,chance,paper_hr@1,paper_valid_ratio,valid,hits";
  for (const auto& [name, with_interval] : further)
    text += with_interval ? fmt::format(",{0},{0}_low,{0}_high", name) : "," + name;
  text += "\n";
  for (const Variant& variant : study.variants)
    for (const TestMetrics& test : variant.pooled.tests) text += line_of(study, variant, test, further);
  return text;
}

std::string comparisons_csv(const std::vector<Comparison>& comparisons) {
  std::string text =
      "dataset,first,second,seeds,rows,won,lost,difference,difference_low,difference_high,p,adjusted_p,metric,"
      "differences_of_seeds,differing_keys\n";
  for (const Comparison& c : comparisons)
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", quoted(c.first->dataset),
                        c.first->system->name, c.second->system->name, c.by_seed.size(), c.rows, c.first_only,
                        c.second_only, c.difference, number(c.interval ? std::optional(c.interval->low) : std::nullopt),
                        number(c.interval ? std::optional(c.interval->high) : std::nullopt),
                        number(c.is_fair() ? std::optional(c.p_value) : std::nullopt),
                        number(c.is_fair() ? std::optional(c.adjusted) : std::nullopt), c.metric,
                        fmt::join(c.by_seed, " "), quoted(fmt::format("{}", fmt::join(c.differing, "; "))));
  return text;
}

// A line a run folder with a prepare.json.
std::string datasets_csv(const Study& study) {
  std::string text =
      "run,dataset,seed,imported_users,imported_items,imported_interactions,users,items,interactions,bad_lines,rows,"
      "dropped\n";
  for (const RunFolder& run : study.runs) {
    if (!run.preparation) continue;
    const Preparation& p = *run.preparation;
    text += fmt::format("{},{},{},{},{},{},{},{}\n", quoted(run.name), quoted(p.dataset), quoted(p.seed),
                        counts_of(p.imported), counts_of(p.kept), p.bad_lines ? fmt::format("{}", *p.bad_lines) : "",
                        sum_of(p.rows), sum_of(p.dropped));
  }
  return text;
}

using Files = std::map<std::string, std::string>;  // text by name

bool is_of_a_report(std::string_view name) {
  const std::size_t number = name.find_first_not_of("0123456789");
  if (number != std::string_view::npos && number > 0 && name[number] == '-') name.remove_prefix(number + 1);
  if (name.ends_with(".csv")) return name == "results.csv" || name == "comparisons.csv" || name == "datasets.csv";
  if (!name.ends_with(".svg")) return false;
  for (const char* begin : {"hr.", "history.", "training.", "table", "figure", "sweep-", "test-"})
    if (name.starts_with(begin)) return true;
  return false;
}

// Files of runs that are gone must not stay next to new tables.
void write_files(const Files& files, const fs::path& output) {
  create_folders(output);
  for (const auto& [name, text] : files) write_file(output / name, text);
  std::error_code ignored;
  for (const fs::path& path : list_folder(output)) {
    const std::string name = path.filename().string();
    if (is_of_a_report(name) && !files.contains(name)) fs::remove(path, ignored);
  }
}
}  // namespace

std::string write_report(const std::vector<fs::path>& run_folders, const fs::path& output, const std::string& title,
                         const std::string& dataset, double refresh_seconds) {
  const std::vector<Part> parts = read_parts(run_folders, dataset);
  Document document = join(parts, title, all_sections);
  document.refresh_seconds = refresh_seconds;
  const std::string table = text_of(join(parts, title, opening));
  Files files = {{"table.md", table}, {"report.md", to_markdown(document)}, {"index.html", to_html(document)}};
  for (const Block& block : document.blocks)
    if (const auto* picture = std::get_if<Picture>(&block)) files[picture->file] = picture->svg;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    files[name_in(i, "results.csv")] = results_csv(parts[i].study);
    files[name_in(i, "comparisons.csv")] = comparisons_csv(parts[i].comparisons);
    files[name_in(i, "datasets.csv")] = datasets_csv(parts[i].study);
  }
  files["table.csv"] = files["results.csv"];
  write_files(files, output);
  return table;
}

std::string title_of_run(const fs::path& run_folder, const std::string& dataset) {
  return fmt::format("{} on {}", fs::absolute(run_folder).lexically_normal().filename().string(), dataset);
}

std::string results_text(const fs::path& run_folder, const std::string& dataset) {
  return text_of(join(read_parts({run_folder}, dataset), title_of_run(run_folder, dataset), opening));
}

}  // namespace recpo::report
