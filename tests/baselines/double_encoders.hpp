#pragma once
// The sequential recommenders in double, by name: instantiated in the test library recpo_baselines_double.

#include "src/baselines/sequence_model.hpp"
#include "src/support/check.hpp"

namespace recpo::baselines {

template <class T>
EncoderKind<T> caser_encoder();
template <class T>
EncoderKind<T> gru4rec_encoder();
template <class T>
EncoderKind<T> sasrec_encoder();

inline EncoderKind<double> double_encoder(const std::string& name) {
  RECPO_REQUIRE(name == "caser" || name == "gru4rec" || name == "sasrec");
  return name == "caser"     ? caser_encoder<double>()
         : name == "gru4rec" ? gru4rec_encoder<double>()
                             : sasrec_encoder<double>();
}

}  // namespace recpo::baselines
