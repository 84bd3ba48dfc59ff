#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.hpp"
#include "math/sum_exp.hpp"

using namespace recsys;

TEST_CASE("the largest and the sum of exponentials, at every length") {
	const float inf = std::numeric_limits<float>::infinity();
	Rng rng(1);
	for (std::size_t n = 0; n < 150; ++n) {
		std::vector<float> x(n);
		for (float &value : x)
			value = static_cast<float>(rng.below(4000)) / 100.0f - 20.0f;
		const float largest = n == 0 ? -inf : *std::max_element(x.begin(), x.end());
		CHECK(math::largest(x) == largest);
		double sum = 0;
		for (const float value : x)
			sum += std::exp(static_cast<double>(value));
		CHECK(math::sum_exp(x, 0.0f) == doctest::Approx(sum).epsilon(1e-6));
	}
}

TEST_CASE("the largest of strange values") {
	const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
	for (const std::size_t n : {1u, 4u, 16u, 33u, 64u})
		for (std::size_t at = 0; at < n; ++at) {
			std::vector<float> x(n, -inf);
			CHECK(math::largest(x) == -inf);
			x[at] = -3.0f;
			CHECK(math::largest(x) == -3.0f);
			std::fill(x.begin(), x.end(), nan);
			CHECK(math::largest(x) == -inf);
			x[at] = -3.0f;
			CHECK(math::largest(x) == -3.0f);
			x[(at + 1) % n] = inf;
			CHECK(math::largest(x) == inf);
		}
}
