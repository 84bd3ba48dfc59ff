// The text of all kernels (kernels.hpp tells what each does), read by one file an instruction set. Vectors are the compiler's
// own, of RECSYS_VECTOR_BYTES; everything but the table has internal linkage.
#include "base/wall.hpp"

#include "math/kernels.hpp"

namespace {

using recsys::math::RecsysAdam;
using recsys::math::RecsysStrided;
using recsys::math::RecsysTruth;
using Size = std::size_t;

typedef float Vector __attribute__((vector_size(RECSYS_VECTOR_BYTES), aligned(4), may_alias));
typedef std::int32_t Ints __attribute__((vector_size(RECSYS_VECTOR_BYTES), aligned(4), may_alias));
typedef std::uint32_t Words __attribute__((vector_size(RECSYS_VECTOR_BYTES), aligned(4), may_alias));

constexpr Size kWidth = RECSYS_VECTOR_BYTES / sizeof(float);
constexpr Size kTileRows = RECSYS_TILE_ROWS, kTileVectors = RECSYS_TILE_VECTORS;
constexpr Size kDepth = 128;	  // of a panel: it stays in the first cache
constexpr Size kBlockRows = 128;  // of the left factor: they stay in the second
constexpr Size kFewestToPack = 32; // rows for which copying a panel pays

inline Vector load(const float *p) { return *reinterpret_cast<const Vector *>(p); }
inline void store(float *p, Vector v) { *reinterpret_cast<Vector *>(p) = v; }
inline Vector all(float x) { return x - Vector{}; }

template <Size... kLane> struct Lanes {};
template <Size kCount> Lanes<__integer_pack(kCount)...> first_lanes();
using AllLanes = decltype(first_lanes<kWidth>());

/// Adds lanes whose numbers differ in the bit kBit: of `a` into the lanes without it, of `b` into those with it.
template <Size kBit, Size... kLane> inline Vector fold(Vector a, Vector b, Lanes<kLane...>) {
	return __builtin_shufflevector(a, b, ((kLane & kBit) != 0 ? kLane + kWidth : kLane)...) +
		   __builtin_shufflevector(a, b, ((kLane & kBit) != 0 ? (kLane ^ kBit) + kWidth : kLane ^ kBit)...);
}

template <Size kBit = 1> inline float sum(Vector v) {
	if constexpr (kBit == kWidth)
		return v[0];
	else
		return sum<kBit * 2>(fold<kBit>(v, v, AllLanes()));
}

/// Lane i of what comes back is the sum of v[i]; v is overwritten.
template <Size kBit = 1> inline Vector sums(Vector *v) {
	if constexpr (kBit == kWidth) {
		return v[0];
	} else {
		for (Size i = 0; i < kWidth / kBit / 2; ++i)
			v[i] = fold<kBit>(v[2 * i], v[2 * i + 1], AllLanes());
		return sums<kBit * 2>(v);
	}
}

// 2^n * p(r) with x = n log 2 + r, |r| <= log(2) / 2; the polynomial is the minimax one of the Cephes library's expf.
inline Vector exponential(Vector x) {
	x = x > -87.0f ? x : all(-87.0f);
	x = x < 87.0f ? x : all(87.0f);
	const Vector round = all(12582912.0f); // 1.5 * 2^23: adding it rounds to an integer
	const Vector n = (x * 1.44269504f + round) - round;
	const Vector r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
	Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	return p * reinterpret_cast<Vector>((__builtin_convertvector(n, Ints) + 127) << 23);
}

inline Vector logistic_of(Vector x) { return 1.0f / (1.0f + exponential(-x)); }
inline Vector tangent_of(Vector x) { return 2.0f * logistic_of(2.0f * x) - 1.0f; }

inline float exponential_of(float x) { return exponential(all(x))[0]; }

// Natural logarithm of a positive number: e + log(m), m in [sqrt(1/2), sqrt(2)), by Newton's method on exp.
inline float logarithm_of(float x) {
	float y = 0;
	while (x > 1.41421356f) {
		x *= 0.5f;
		y += 0.693147181f;
	}
	const float t = (x - 1) / (x + 1), t2 = t * t;
	return y + 2 * t * (1 + t2 * (1.0f / 3 + t2 * (1.0f / 5 + t2 * (1.0f / 7 + t2 * (1.0f / 9)))));
}

// A tile of c: Rows × (Vectors * kWidth), all of it in registers.
template <Size Rows, Size Vectors>
void tile(Size k, RecsysStrided a, const float *b, Size b_stride, float *c, Size c_stride, bool add) {
	Vector sums[Rows][Vectors] = {};
	for (Size p = 0; p < k; ++p) {
		Vector row[Vectors];
#pragma GCC unroll 8
		for (Size j = 0; j < Vectors; ++j)
			row[j] = load(b + p * b_stride + j * kWidth);
#pragma GCC unroll 8
		for (Size i = 0; i < Rows; ++i) {
			const Vector left = all(a.data[i * a.row + p * a.column]);
#pragma GCC unroll 8
			for (Size j = 0; j < Vectors; ++j)
				sums[i][j] += left * row[j];
		}
	}
#pragma GCC unroll 8
	for (Size i = 0; i < Rows; ++i)
#pragma GCC unroll 8
		for (Size j = 0; j < Vectors; ++j) {
			float *out = c + i * c_stride + j * kWidth;
			store(out, add ? load(out) + sums[i][j] : sums[i][j]);
		}
}

template <Size Vectors>
void tiles(Size m, Size k, RecsysStrided a, const float *b, Size b_stride, float *c, Size c_stride, bool add) {
	Size i = 0;
	const auto left = [&] { return RecsysStrided{a.data + i * a.row, a.row, a.column}; };
	for (; i + kTileRows <= m; i += kTileRows)
		tile<kTileRows, Vectors>(k, left(), b, b_stride, c + i * c_stride, c_stride, add);
	if constexpr (kTileRows > 4)
		for (; i + 4 <= m; i += 4)
			tile<4, Vectors>(k, left(), b, b_stride, c + i * c_stride, c_stride, add);
	for (; i + 2 <= m; i += 2)
		tile<2, Vectors>(k, left(), b, b_stride, c + i * c_stride, c_stride, add);
	for (; i < m; ++i)
		tile<1, Vectors>(k, left(), b, b_stride, c + i * c_stride, c_stride, add);
}

void panel(Size vectors, Size m, Size k, RecsysStrided a, const float *b, Size b_stride, float *c, Size c_stride, bool add) {
	if (vectors == 1)
		tiles<1>(m, k, a, b, b_stride, c, c_stride, add);
	else if (vectors == 2)
		tiles<2>(m, k, a, b, b_stride, c, c_stride, add);
	else
		tiles<kTileVectors>(m, k, a, b, b_stride, c, c_stride, add);
}

void product(Size m, Size n, Size k, RecsysStrided a, const float *b, Size b_stride, float *c, Size c_stride, bool add) {
	alignas(64) float packed[kDepth * kTileVectors * kWidth];
	for (Size p = 0; p < k; p += kDepth) {
		const Size depth = k - p < kDepth ? k - p : kDepth;
		for (Size begin = 0; begin < m; begin += kBlockRows) {
			const Size rows = m - begin < kBlockRows ? m - begin : kBlockRows;
			for (Size j = 0; j < n; j += kTileVectors * kWidth) {
				const Size vectors = (n - j) / kWidth < kTileVectors ? (n - j) / kWidth : kTileVectors;
				const float *right = b + p * b_stride + j;
				Size right_stride = b_stride;
				if (rows >= kFewestToPack) {
					right_stride = vectors * kWidth;
					for (Size row = 0; row < depth; ++row)
						for (Size v = 0; v < vectors; ++v)
							store(packed + row * right_stride + v * kWidth, load(right + row * b_stride + v * kWidth));
					right = packed;
				}
				panel(vectors, rows, depth, {a.data + begin * a.row + p * a.column, a.row, a.column}, right, right_stride,
					  c + begin * c_stride + j, c_stride, add || p > 0);
			}
		}
	}
}

void column_sums(Size rows, Size columns, const float *x, Size stride, float *out) {
	for (Size j = 0; j < columns; j += kWidth) {
		Vector total{};
		for (Size i = 0; i < rows; ++i)
			total += load(x + i * stride + j);
		store(out + j, load(out + j) + total);
	}
}

void add_row(Size rows, Size columns, const float *bias, float *x, Size stride) {
	for (Size i = 0; i < rows; ++i)
		for (Size j = 0; j < columns; j += kWidth)
			store(x + i * stride + j, load(x + i * stride + j) + load(bias + j));
}

void add(Size n, const float *x, float *out) {
	for (Size i = 0; i < n; i += kWidth)
		store(out + i, load(out + i) + load(x + i));
}

float dot(Size n, const float *a, const float *b) {
	Vector total{};
	for (Size i = 0; i < n; i += kWidth)
		total += load(a + i) * load(b + i);
	return sum(total);
}

void axpy(Size n, float factor, const float *x, float *out) {
	for (Size i = 0; i < n; i += kWidth)
		store(out + i, load(out + i) + factor * load(x + i));
}

void normalize(Size rows, Size columns, const float *x, const float *gain, const float *bias, float *y, float *stats) {
	const float n = static_cast<float>(columns);
	for (Size i = 0; i < rows; ++i, x += columns, y += columns) {
		Vector total{}, square{};
		for (Size j = 0; j < columns; j += kWidth)
			total += load(x + j);
		const float mean = sum(total) / n;
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector centred = load(x + j) - mean;
			square += centred * centred;
		}
		const float scale = 1.0f / __builtin_sqrtf(sum(square) / n + 1e-5f);
		stats[2 * i] = mean;
		stats[2 * i + 1] = scale;
		for (Size j = 0; j < columns; j += kWidth)
			store(y + j, (load(x + j) - mean) * scale * load(gain + j) + load(bias + j));
	}
}

void normalize_back(Size rows, Size columns, const float *x, const float *stats, const float *gain, const float *dy, float *dx,
					float *gain_slope, float *bias_slope) {
	const float n = static_cast<float>(columns);
	for (Size i = 0; i < rows; ++i, x += columns, dy += columns, dx += columns) {
		const float mean = stats[2 * i], scale = stats[2 * i + 1];
		Vector total{}, along{};
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector unit = (load(x + j) - mean) * scale, slope = load(dy + j), g = slope * load(gain + j);
			store(gain_slope + j, load(gain_slope + j) + slope * unit);
			store(bias_slope + j, load(bias_slope + j) + slope);
			total += g;
			along += g * unit;
		}
		const float of_mean = sum(total) / n, of_scale = sum(along) / n;
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector unit = (load(x + j) - mean) * scale;
			store(dx + j, load(dx + j) + (load(dy + j) * load(gain + j) - of_mean - unit * of_scale) * scale);
		}
	}
}

void rectify(Size rows, Size columns, const float *bias, float *x) {
	for (Size i = 0; i < rows; ++i, x += columns)
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector v = load(x + j) + load(bias + j);
			store(x + j, v > 0.0f ? v : Vector{});
		}
}

void rectify_back(Size n, const float *y, float *dy) {
	for (Size i = 0; i < n; i += kWidth)
		store(dy + i, load(y + i) > 0.0f ? load(dy + i) : Vector{});
}

// Which values stay: a hash of (key, site, column), twice multiplied and shifted, against the share.
void drop(Size rows, Size columns, const std::uint32_t *keys, std::uint32_t site, float share, float *x) {
	const auto least = static_cast<std::uint32_t>(share * 16777216.0f);
	const float scale = 1.0f / (1.0f - share);
	Words lane;
	for (Size i = 0; i < kWidth; ++i)
		lane[i] = static_cast<std::uint32_t>(i);
	for (Size i = 0; i < rows; ++i, x += columns)
		for (Size j = 0; j < columns; j += kWidth) {
			Words h = (lane + static_cast<std::uint32_t>(j)) * 0x9e3779b1u + (keys[i] ^ (site * 0x85ebca6bu));
			h ^= h >> 16;
			h *= 0x7feb352du;
			h ^= h >> 15;
			h *= 0x846ca68bu;
			h >>= 8;
			const Ints kept = reinterpret_cast<Ints>(h) >= static_cast<std::int32_t>(least);
			store(x + j, kept ? load(x + j) * scale : Vector{});
		}
}

void gru(Size rows, Size d, float *gates, const float *recurrent, const float *bias, const float *state, float *next) {
	for (Size i = 0; i < rows; ++i, gates += 4 * d, recurrent += 3 * d, state += d, next += d)
		for (Size j = 0; j < d; j += kWidth) {
			const Vector reset = logistic_of(load(gates + d + j) + load(recurrent + j));
			const Vector update = logistic_of(load(gates + 2 * d + j) + load(recurrent + d + j));
			const Vector memory = load(recurrent + 2 * d + j) + load(bias + j);
			const Vector candidate = tangent_of(load(gates + j) + reset * memory);
			store(gates + j, candidate);
			store(gates + d + j, reset);
			store(gates + 2 * d + j, update);
			store(gates + 3 * d + j, memory);
			store(next + j, candidate + update * (load(state + j) - candidate));
		}
}

void gru_back(Size rows, Size d, float *gates, const float *state, const float *next_slope, float *state_slope) {
	for (Size i = 0; i < rows; ++i, gates += 4 * d, state += d, next_slope += d, state_slope += d)
		for (Size j = 0; j < d; j += kWidth) {
			const Vector candidate = load(gates + j), reset = load(gates + d + j), update = load(gates + 2 * d + j);
			const Vector memory = load(gates + 3 * d + j), slope = load(next_slope + j);
			const Vector inner = slope * (1.0f - update) * (1.0f - candidate * candidate);
			store(gates + j, inner);
			store(gates + d + j, inner * memory * reset * (1.0f - reset));
			store(gates + 2 * d + j, slope * (load(state + j) - candidate) * update * (1.0f - update));
			store(gates + 3 * d + j, inner * reset);
			store(state_slope + j, slope * update);
		}
}

void softmax(Size rows, Size columns, float *x, const float *shift, const std::uint32_t *items, RecsysTruth *truths) {
	for (Size i = 0; i < rows; ++i, x += columns) {
		RecsysTruth &truth = truths[i];
		Vector most = all(truth.logit);
		for (Size j = 0; j < columns; j += kWidth) {
			const Ints same = *reinterpret_cast<const Ints *>(items + j) == static_cast<std::int32_t>(truth.item);
			const Vector v = same ? all(-1e30f) : load(x + j) + load(shift + j);
			store(x + j, v);
			most = v > most ? v : most;
		}
		float highest = most[0];
		for (Size l = 1; l < kWidth; ++l)
			highest = most[l] > highest ? most[l] : highest;
		Vector total{};
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector v = load(x + j), e = v > -1e29f ? exponential(v - highest) : Vector{};
			store(x + j, e);
			total += e;
		}
		const float own = exponential_of(truth.logit - highest), whole = own + sum(total), scale = 1.0f / whole;
		for (Size j = 0; j < columns; j += kWidth)
			store(x + j, load(x + j) * scale);
		truth.slope = own * scale - 1.0f;
		truth.loss = highest + logarithm_of(whole) - truth.logit;
	}
}

void logistic(Size n, float *x) {
	for (Size i = 0; i < n; i += kWidth)
		store(x + i, logistic_of(load(x + i)));
}

void tangent(Size n, float *x) {
	for (Size i = 0; i < n; i += kWidth)
		store(x + i, tangent_of(load(x + i)));
}

inline Vector root(Vector x) {
	Vector y;
	for (Size i = 0; i < kWidth; ++i)
		y[i] = __builtin_sqrtf(x[i]);
	return y;
}

void adam(Size n, const float *slope, RecsysAdam step, float *weight, float *mean, float *square) {
	for (Size i = 0; i < n; i += kWidth) {
		const Vector g = load(slope + i);
		const Vector m = step.beta1 * load(mean + i) + (1.0f - step.beta1) * g;
		const Vector s = step.beta2 * load(square + i) + (1.0f - step.beta2) * g * g;
		store(mean + i, m);
		store(square + i, s);
		store(weight + i, load(weight + i) - step.rate * m / (root(s) + step.epsilon));
	}
}

// With r = beta1 / sqrt(beta2), the steps move by rate * mean / root(square) times r + r^2 + …; epsilon is kept still.
void adam_rest(Size n, std::uint64_t count, RecsysAdam step, float *weight, float *mean, float *square) {
	const float ratio = step.beta1 / __builtin_sqrtf(step.beta2);
	float of_mean = 1, of_square = 1, power = 1;
	for (std::uint64_t i = 0; i < count && of_mean > 1e-12f; ++i) {
		of_mean *= step.beta1;
		power *= ratio;
	}
	for (std::uint64_t i = 0; i < count && of_square > 1e-12f; ++i)
		of_square *= step.beta2;
	const float way = step.rate * ratio * (1.0f - power) / (1.0f - ratio);
	for (Size i = 0; i < n; i += kWidth) {
		const Vector m = load(mean + i), s = load(square + i);
		store(weight + i, load(weight + i) - way * m / (root(s) + step.epsilon));
		store(mean + i, of_mean * m);
		store(square + i, of_square * s);
	}
}

void scores(Size rows, Size columns, const float *matrix, const float *bias, const float *x, float weight, float *out) {
	Size i = 0;
	for (; i + kWidth <= rows; i += kWidth, matrix += kWidth * columns) {
		Vector total[kWidth] = {};
		for (Size j = 0; j < columns; j += kWidth) {
			const Vector factor = load(x + j);
			for (Size row = 0; row < kWidth; ++row)
				total[row] += load(matrix + row * columns + j) * factor;
		}
		store(out + i, load(out + i) + weight * (sums(total) + load(bias + i)));
	}
	for (; i < rows; ++i, matrix += columns)
		out[i] += weight * (dot(columns, matrix, x) + bias[i]);
}

} // namespace

extern "C" {
extern const recsys::math::RecsysKernels RECSYS_KERNELS;
const recsys::math::RecsysKernels RECSYS_KERNELS = {product, column_sums, add_row, add, dot, axpy, normalize, normalize_back,
													  rectify, rectify_back, drop, gru, gru_back, softmax, logistic, tangent, adam, adam_rest,
													  scores};
}
