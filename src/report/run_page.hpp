#pragma once
// The report of one run as a page: its table, sentences, pictures, data and settings.

#include "src/report/document.hpp"
#include "src/report/run_folder.hpp"

namespace recpo::report {

struct RunPictures {  // as SVG; empty where there is nothing to show
  std::string hit_rate, history, training;
};

Document run_document(const RunFolder& run, const std::string& dataset, const std::vector<std::string>& reading,
                      const RunPictures& pictures);

}  // namespace recpo::report
