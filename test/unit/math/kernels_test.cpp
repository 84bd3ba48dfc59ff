#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/rng.hpp"
#include "math/kernels.hpp"

using namespace recsys;
using math::RecsysKernels;

namespace {

std::vector<float> random(std::size_t n, std::uint64_t seed) {
	Rng rng(seed);
	std::vector<float> x(n);
	for (float &value : x)
		value = static_cast<float>(rng.normal());
	return x;
}

/// Largest distance, in units of the largest value.
double distance(const std::vector<float> &a, const std::vector<double> &b) {
	double most = 1e-6, worst = 0;
	for (std::size_t i = 0; i < a.size(); ++i) {
		most = std::max(most, std::abs(b[i]));
		worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
	}
	return worst / most;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

} // namespace

TEST_CASE("kernels: products of every shape equal plain loops, in place of and added to what was there") {
	for (const RecsysKernels *k : math::runnable_kernels())
		for (const std::size_t m : {1, 2, 3, 7, 8, 13, 31, 32, 129})
			for (const std::size_t n : {16, 32, 48, 112})
				for (const std::size_t depth : {1, 5, 127, 128, 300})
					for (const bool turned : {false, true}) {
						CAPTURE(m);
						CAPTURE(n);
						CAPTURE(depth);
						const auto a = random(m * depth, 1), b = random(depth * (n + 16), 2);
						auto c = random(m * (n + 32), 3);
						std::vector<double> expected(c.begin(), c.end());
						for (std::size_t i = 0; i < m; ++i)
							for (std::size_t j = 0; j < n; ++j) {
								double sum = turned ? expected[i * (n + 32) + j] : 0;
								for (std::size_t p = 0; p < depth; ++p)
									sum += static_cast<double>(turned ? a[p * m + i] : a[i * depth + p]) * static_cast<double>(b[p * (n + 16) + j]);
								expected[i * (n + 32) + j] = sum;
							}
						k->product(m, n, depth, turned ? math::RecsysStrided{a.data(), 1, m} : math::RecsysStrided{a.data(), depth, 1},
								   b.data(), n + 16, c.data(), n + 32, turned);
						REQUIRE(distance(c, expected) < 1e-5);
					}
}

TEST_CASE("kernels: the gates of a recurrent unit") {
	constexpr std::size_t d = 32, rows = 3;
	for (const RecsysKernels *k : math::runnable_kernels()) {
		auto gates = random(rows * 4 * d, 1);
		const auto input = gates, recurrent = random(rows * 3 * d, 2), bias = random(d, 3), state = random(rows * d, 4);
		std::vector<float> next(rows * d);
		k->gru(rows, d, gates.data(), recurrent.data(), bias.data(), state.data(), next.data());
		std::vector<double> expected(rows * d);
		for (std::size_t i = 0; i < rows; ++i)
			for (std::size_t j = 0; j < d; ++j) {
				const auto in = [&](std::size_t gate) { return static_cast<double>(input[i * 4 * d + gate * d + j]); };
				const auto back = [&](std::size_t gate) { return static_cast<double>(recurrent[i * 3 * d + gate * d + j]); };
				const double reset = logistic(in(1) + back(0)), update = logistic(in(2) + back(1));
				const double candidate = std::tanh(in(0) + reset * (back(2) + static_cast<double>(bias[j])));
				expected[i * d + j] = (1 - update) * candidate + update * static_cast<double>(state[i * d + j]);
			}
		CHECK(distance(next, expected) < 1e-5);
	}
}

TEST_CASE("kernels: the softmax leaves the truth out of its rivals, and takes any logits") {
	constexpr std::size_t columns = 32;
	for (const RecsysKernels *k : math::runnable_kernels())
		for (const float size : {1.0f, 200.0f}) {
			auto x = random(columns, 5);
			for (float &value : x)
				value *= size;
			const auto logit = x, shift = random(columns, 6);
			std::vector<std::uint32_t> items(columns);
			for (std::size_t i = 0; i < columns; ++i)
				items[i] = static_cast<std::uint32_t>(i / 2);
			math::RecsysTruth truth{0.5f * size, 0, 7, 0};
			k->softmax(1, columns, x.data(), shift.data(), items.data(), &truth);
			double most = 0.5 * static_cast<double>(size);
			for (std::size_t i = 0; i < columns; ++i)
				most = std::max(most, static_cast<double>(logit[i] + shift[i]));
			double sum = std::exp(0.5 * static_cast<double>(size) - most);
			std::vector<double> expected(columns);
			for (std::size_t i = 0; i < columns; ++i)
				if (items[i] != 7)
					sum += expected[i] = std::exp(static_cast<double>(logit[i] + shift[i]) - most);
			for (double &value : expected)
				value /= sum;
			CHECK(distance(x, expected) < 1e-4);
			CHECK(static_cast<double>(truth.loss) == doctest::Approx(most + std::log(sum) - 0.5 * static_cast<double>(size)).epsilon(1e-4));
			CHECK(static_cast<double>(truth.slope) == doctest::Approx(std::exp(0.5 * static_cast<double>(size) - most) / sum - 1).epsilon(1e-4));
		}
}

TEST_CASE("kernels: what is dropped is the asked share, the same for the same key and on every instruction set") {
	constexpr std::size_t columns = 64, rows = 500;
	std::vector<std::uint32_t> keys(rows);
	Rng rng(3);
	for (std::uint32_t &key : keys)
		key = static_cast<std::uint32_t>(rng.next());
	std::vector<float> first;
	for (const RecsysKernels *k : math::runnable_kernels())
		for (const std::uint32_t site : {1u, 2u}) {
			std::vector<float> x(rows * columns, 1.0f);
			k->drop(rows, columns, keys.data(), site, 0.3f, x.data());
			double zeros = 0, by_column[columns] = {};
			for (std::size_t i = 0; i < x.size(); ++i) {
				const bool dropped = x[i] == 0;
				CHECK((dropped || x[i] == doctest::Approx(1 / 0.7)));
				zeros += dropped;
				by_column[i % columns] += dropped;
			}
			CHECK(zeros / static_cast<double>(x.size()) == doctest::Approx(0.3).epsilon(0.03));
			for (const double n : by_column)
				CHECK(n / rows == doctest::Approx(0.3).epsilon(0.3));
			if (site == 1 && first.empty())
				first = x;
			CHECK((x == first) == (site == 1));
		}
}

TEST_CASE("kernels: a step of Adam, sums and normalisation") {
	constexpr std::size_t n = 48, rows = 5;
	for (const RecsysKernels *k : math::runnable_kernels()) {
		auto weight = random(n, 1), mean = random(n, 2), square = random(n, 3);
		const auto slope = random(n, 4);
		for (float &s : square)
			s *= s;
		std::vector<double> expected(n);
		for (std::size_t i = 0; i < n; ++i) {
			const double g = static_cast<double>(slope[i]), m = 0.9 * static_cast<double>(mean[i]) + 0.1 * g,
						 s = 0.98 * static_cast<double>(square[i]) + 0.02 * g * g;
			expected[i] = static_cast<double>(weight[i]) - 0.01 * m / (std::sqrt(s) + 1e-3);
		}
		k->adam(n, slope.data(), {0.01f, 0.9f, 0.98f, 1e-3f}, weight.data(), mean.data(), square.data());
		CHECK(distance(weight, expected) < 1e-6);

		for (const std::uint64_t count : {1u, 7u, 400u}) {
			auto stepped = weight, stepped_mean = mean, stepped_square = square, rested = weight, rested_mean = mean, rested_square = square;
			const std::vector<float> none(n);
			for (std::uint64_t i = 0; i < count; ++i)
				k->adam(n, none.data(), {0.01f, 0.9f, 0.98f, 1e-9f}, stepped.data(), stepped_mean.data(), stepped_square.data());
			k->adam_rest(n, count, {0.01f, 0.9f, 0.98f, 1e-9f}, rested.data(), rested_mean.data(), rested_square.data());
			CHECK(distance(rested, {stepped.begin(), stepped.end()}) < 1e-5);
			CHECK(distance(rested_mean, {stepped_mean.begin(), stepped_mean.end()}) < 1e-5);
			CHECK(distance(rested_square, {stepped_square.begin(), stepped_square.end()}) < 1e-3);
		}

		const auto x = random(rows * n, 5), gain = random(n, 6), bias = random(n, 7);
		std::vector<float> y(rows * n), stats(2 * rows), sums(n, 1.0f);
		k->normalize(rows, n, x.data(), gain.data(), bias.data(), y.data(), stats.data());
		k->column_sums(rows, n, x.data(), n, sums.data());
		std::vector<double> normal(rows * n), total(n, 1.0);
		for (std::size_t i = 0; i < rows; ++i) {
			double sum = 0, squares = 0;
			for (std::size_t j = 0; j < n; ++j)
				sum += static_cast<double>(x[i * n + j]);
			for (std::size_t j = 0; j < n; ++j)
				squares += std::pow(static_cast<double>(x[i * n + j]) - sum / n, 2);
			for (std::size_t j = 0; j < n; ++j) {
				normal[i * n + j] = (static_cast<double>(x[i * n + j]) - sum / n) / std::sqrt(squares / n + 1e-5) * static_cast<double>(gain[j]) +
									static_cast<double>(bias[j]);
				total[j] += static_cast<double>(x[i * n + j]);
			}
		}
		CHECK(distance(y, normal) < 1e-5);
		CHECK(distance(sums, total) < 1e-6);

		std::vector<float> out(rows, 1.0f);
		k->scores(rows, n, x.data(), gain.data(), bias.data(), 2.0f, out.data());
		std::vector<double> scores(rows, 1.0);
		for (std::size_t i = 0; i < rows; ++i) {
			for (std::size_t j = 0; j < n; ++j)
				scores[i] += 2 * static_cast<double>(x[i * n + j]) * static_cast<double>(bias[j]);
			scores[i] += 2 * static_cast<double>(gain[i]);
		}
		CHECK(distance(out, scores) < 1e-5);
	}
}
