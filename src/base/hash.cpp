#include "base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace recsys {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept {
	return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::pair<std::uint64_t, std::uint64_t> hash128(std::span<const std::byte> bytes) noexcept {
	const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
	return {h.low64, h.high64};
}

} // namespace recsys
