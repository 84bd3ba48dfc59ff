// The largest value and the sum of exponentials over a catalogue, which every softmax at request time needs: four at a time
// with the vector extensions of GCC and Clang, which at baseline x86-64 are SSE2 and elsewhere whatever the target has.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <span>

namespace recsys::math {

/// The largest value; -infinity when there is none. NaN is passed over.
float largest(std::span<const float> x) noexcept;

/// The sum of exp(x[i] - shift). Relative error of a term below 2e-7; terms below exp(-87) count as exp(-87) or nothing.
/// x[i] - shift must not exceed 88; -infinity is allowed.
double sum_exp(std::span<const float> x, float shift) noexcept;

} // namespace recsys::math
