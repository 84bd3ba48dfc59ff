#include "math/kernels.hpp"

#include "math/cpu.hpp"

extern "C" {
extern const recsys::math::RecsysKernels recsys_kernels_x86_64, recsys_kernels_avx2, recsys_kernels_avx512;
}

namespace recsys::math {

namespace {

constexpr const RecsysKernels *kAll[] = {&recsys_kernels_x86_64, &recsys_kernels_avx2, &recsys_kernels_avx512};

} // namespace

std::span<const RecsysKernels *const> runnable_kernels() noexcept {
	return std::span(kAll).first(has_avx512() ? 3 : has_avx2_fma() ? 2 : 1);
}

const RecsysKernels &kernels() noexcept {
	return *runnable_kernels().back();
}

} // namespace recsys::math
