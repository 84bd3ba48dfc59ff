#include "math/sum_exp.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace recsys::math {

namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef std::int32_t Int4 __attribute__((vector_size(16)));

constexpr std::size_t kChunk = 64; // added in single precision, then in double

Float4 broadcast(float x) noexcept {
	return Float4{x, x, x, x};
}

/// 2^n * p(r) with x = n log 2 + r, |r| <= log(2) / 2; the polynomial is the minimax one of the Cephes library's expf.
Float4 exp4(Float4 x) noexcept {
	const Float4 low = broadcast(-87.0f);
	x = x > low ? x : low;
	const Float4 round = broadcast(12582912.0f); // 1.5 * 2^23: adding it rounds to an integer
	const Float4 n = (x * 1.44269504f + round) - round;
	const Float4 r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
	Float4 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	const Int4 exponent = (__builtin_convertvector(n, Int4) + 127) << 23;
	Float4 scale;
	std::memcpy(&scale, &exponent, sizeof scale);
	return p * scale;
}

} // namespace

float largest(std::span<const float> x) noexcept {
	constexpr float kNone = -std::numeric_limits<float>::infinity();
	constexpr std::size_t kLanes = 4; // independent chains, so that one comparison need not wait for the last
	Float4 most[kLanes] = {broadcast(kNone), broadcast(kNone), broadcast(kNone), broadcast(kNone)};
	std::size_t i = 0;
	for (; i + 4 * kLanes <= x.size(); i += 4 * kLanes)
		for (std::size_t lane = 0; lane < kLanes; ++lane) {
			Float4 v;
			std::memcpy(&v, x.data() + i + 4 * lane, sizeof v);
			most[lane] = v > most[lane] ? v : most[lane];
		}
	float result = kNone;
	for (const Float4 &chain : most)
		for (std::size_t j = 0; j < 4; ++j)
			result = std::max(result, chain[j]);
	for (; i < x.size(); ++i)
		result = x[i] > result ? x[i] : result;
	return result;
}

double sum_exp(std::span<const float> x, float shift) noexcept {
	double sum = 0;
	std::size_t i = 0;
	while (i + 4 <= x.size()) {
		const std::size_t end = std::min(i + kChunk, x.size() / 4 * 4);
		Float4 part = broadcast(0.0f);
		for (; i < end; i += 4) {
			Float4 v;
			std::memcpy(&v, x.data() + i, sizeof v);
			part += exp4(v - shift);
		}
		sum += static_cast<double>(part[0] + part[1]) + static_cast<double>(part[2] + part[3]);
	}
	for (; i < x.size(); ++i)
		sum += static_cast<double>(std::exp(x[i] - shift));
	return sum;
}

} // namespace recsys::math
