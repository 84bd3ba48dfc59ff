// The two hashes of recsys, both XXH3: 64 bits for tables and choices, 128 bits for the identity of stored bytes.
// xxHash's own header stays inside hash.cpp, so that no other file pays for reading it and nothing has to be linked.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace recsys {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;
/// Low and high half.
std::pair<std::uint64_t, std::uint64_t> hash128(std::span<const std::byte> bytes) noexcept;

} // namespace recsys
