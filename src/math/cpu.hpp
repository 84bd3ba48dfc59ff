// Which kernels this machine runs. "Same rows and seed, same model bytes" holds on one instruction set; the model
// records it.
#include "base/wall.hpp"
#pragma once

#include <string_view>

namespace recsys::math {

inline bool has_avx2_fma() noexcept {
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

inline bool has_avx512() noexcept {
	return has_avx2_fma() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

inline std::string_view instruction_set() noexcept {
	return has_avx512() ? "x86-64 avx512" : has_avx2_fma() ? "x86-64 avx2 fma" : "x86-64";
}

} // namespace recsys::math
