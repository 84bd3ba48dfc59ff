// The arithmetic that training and asking a neural network spend their time in, once an instruction set (baseline, AVX2 with
// FMA, AVX-512), chosen at run time.
//
// The kernels are C functions over raw pointers, compiled from one text (kernels_variant.hpp) with different flags. They use no
// header of the standard library, so that no inline function compiled for a newer processor can be linked into code that
// runs on an older one; test/lint/variants.sh holds that.
//
// Matrices are row-major; strides count floats. Every count of columns is a multiple of kLanes, so no kernel has a tail, and
// every sum has one order, which does not depend on the threads.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace recsys::math {

inline constexpr std::size_t kLanes = 16; // columns come in multiples of it
constexpr std::size_t padded(std::size_t columns) noexcept { return (columns + kLanes - 1) / kLanes * kLanes; }

extern "C" {

/// A matrix that may lie transposed: element (i, j) stands at data[i * row + j * column].
struct RecsysStrided {
	const float *data;
	std::size_t row, column;
};

/// What one row of a softmax is asked for: the logit and the item of the truth; gets its share less one, and the loss.
struct RecsysTruth {
	float logit, slope;
	std::uint32_t item;
	float loss;
};

struct RecsysAdam {
	float rate, beta1, beta2, epsilon; // rate and epsilon corrected for the bias of the first steps
};

struct RecsysKernels {
	/// c (m × n) = a (m × k) * b (k × n), or += when `add`.
	void (*product)(std::size_t m, std::size_t n, std::size_t k, RecsysStrided a, const float *b, std::size_t b_stride, float *c,
					std::size_t c_stride, bool add);
	/// out[j] += the sum of column j.
	void (*column_sums)(std::size_t rows, std::size_t columns, const float *x, std::size_t stride, float *out);
	/// Each row += bias.
	void (*add_row)(std::size_t rows, std::size_t columns, const float *bias, float *x, std::size_t stride);
	void (*add)(std::size_t n, const float *x, float *out);
	float (*dot)(std::size_t n, const float *a, const float *b);
	/// out += factor * x.
	void (*axpy)(std::size_t n, float factor, const float *x, float *out);
	/// y = gain * (x - mean) / deviation + bias, row by row; stats gets mean and 1 / deviation of each row.
	void (*normalize)(std::size_t rows, std::size_t columns, const float *x, const float *gain, const float *bias, float *y, float *stats);
	/// dx += the slope of the loss in x, given dy; adds up the slopes of gain and bias.
	void (*normalize_back)(std::size_t rows, std::size_t columns, const float *x, const float *stats, const float *gain, const float *dy,
						   float *dx, float *gain_slope, float *bias_slope);
	/// x = max(0, x + bias); and dy = 0 where y is 0.
	void (*rectify)(std::size_t rows, std::size_t columns, const float *bias, float *x);
	void (*rectify_back)(std::size_t n, const float *y, float *dy);
	/// Keeps each value of row r with probability 1 - share, times 1 / (1 - share); which ones is a function of keys[r] alone.
	void (*drop)(std::size_t rows, std::size_t columns, const std::uint32_t *keys, std::uint32_t site, float share, float *x);
	/// One step of gated recurrent units (Cho et al. 2014). `gates` (rows × 4d) holds on entry the input's part of the candidate,
	/// reset and update gates in its first 3d columns; on exit candidate, reset, update, and the recurrent part of the candidate.
	/// `recurrent` (rows × 3d) is state * weights of reset, update, candidate.
	void (*gru)(std::size_t rows, std::size_t d, float *gates, const float *recurrent, const float *bias, const float *state, float *next);
	/// Turns what `gru` left in `gates` into slopes: of the input's part in columns [0, 3d), of the recurrent part in [d, 4d).
	/// state_slope = the direct part of the slope in `state`.
	void (*gru_back)(std::size_t rows, std::size_t d, float *gates, const float *state, const float *next_slope, float *state_slope);
	/// Softmax over the truth and `columns` other items, whose logit is x + shift. Others that are the truth do not count.
	/// x becomes the slope of the loss.
	void (*softmax)(std::size_t rows, std::size_t columns, float *x, const float *shift, const std::uint32_t *items, RecsysTruth *truths);
	void (*logistic)(std::size_t n, float *x);
	void (*tangent)(std::size_t n, float *x);
	/// Adam (Kingma and Ba 2015) on n values.
	void (*adam)(std::size_t n, const float *slope, RecsysAdam step, float *weight, float *mean, float *square);
	/// What `count` steps without a slope do, in one: moves on what is remembered, and forgets.
	void (*adam_rest)(std::size_t n, std::uint64_t count, RecsysAdam step, float *weight, float *mean, float *square);
	/// out[i] += weight * (row i of `matrix` * x + bias[i]).
	void (*scores)(std::size_t rows, std::size_t columns, const float *matrix, const float *bias, const float *x, float weight, float *out);
};

} // extern "C"

/// The fastest that this machine can run.
const RecsysKernels &kernels() noexcept;
/// All that this machine can run, baseline first: for tests.
std::span<const RecsysKernels *const> runnable_kernels() noexcept;

} // namespace recsys::math
