#pragma once
// Frequencies of the rotary position embedding, on the host: what a model's configuration says of them.

#include <vector>

namespace recpo::kernels {

// Llama-3.1's frequency scaling; factor 1 means none.
struct RopeScaling {
  double factor = 1.0;
  double low_frequency_factor = 1.0;
  double high_frequency_factor = 4.0;
  double original_length = 8192.0;
};

// inverse_frequency[d] = theta^(-2d/D), d < D/2, then Llama-3.1's scaling: wavelengths longer than original/low are
// divided by factor, shorter than original/high kept, between them interpolated. Computed in double as Transformers
// computes it in float (rounded to float at the same places is not needed: tests hold 1e-7 relative).
std::vector<double> rope_inverse_frequencies(int head_dim, double theta, const RopeScaling& scaling);

}  // namespace recpo::kernels
