// Counter-based random numbers: the value is a pure function of (seed, stream, position), so results do not depend on the
// number of threads or on the order in which shards run. The mixer is SplitMix64's finaliser (Steele et al. 2014), applied
// once per key word.
#include "base/wall.hpp"
#pragma once

#include <cmath>
#include <cstdint>

namespace recsys {

inline constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/// One stream of numbers, keyed by up to four words: Rng(seed, epoch, shard, position).
class Rng {
public:
	explicit constexpr Rng(std::uint64_t seed, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0)
		: key_(mix64(mix64(mix64(mix64(seed) ^ a) ^ b) ^ c)) {}
	constexpr std::uint64_t next() noexcept { return mix64(key_ + counter_++ * 0x9e3779b97f4a7c15ULL); }
	/// In [0, 1).
	constexpr double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
	/// In [0, n); n > 0.
	constexpr std::uint64_t below(std::uint64_t n) noexcept {
		return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
	}
	/// Standard normal, by Box and Muller.
	double normal() noexcept {
		const double u = 1.0 - uniform(), v = uniform();
		return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
	}

private:
	std::uint64_t key_, counter_ = 0;
};

} // namespace recsys
