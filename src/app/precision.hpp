#pragma once
// The one place where model.precision becomes a storage type (support/views.hpp has what follows from it): float, or
// bfloat16 with fp32 sums, gradients and master weights. "auto" is bf16 on a GPU and fp32 on the CPU.

#include <string>

#include "src/app/deck.hpp"
#include "src/support/views.hpp"

namespace recpo::app {

inline std::string precision_name(const Deck& deck) {
  if (deck.model.precision != "auto") return deck.model.precision;
  return kOnHost ? "fp32" : "bf16";
}

// The precision whose storage type keeps every bit of a model (checkpoint::lossless_dtype).
inline std::string lossless_precision(const std::string& dtype) { return dtype == "bfloat16" ? "bf16" : "fp32"; }

// f.template operator()<T>() with the storage type of a precision (fp32 | bf16).
template <class F>
decltype(auto) with_storage_type(const std::string& precision, const F& f) {
  return precision == "bf16" ? f.template operator()<Bfloat16>() : f.template operator()<float>();
}
template <class F>
decltype(auto) with_storage_type(const Deck& deck, const F& f) {
  return with_storage_type(precision_name(deck), f);
}

}  // namespace recpo::app
