#include <doctest/doctest.h>

#include <cmath>

#include "base/rng.hpp"
#include "math/low_rank.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using math::Matrix;

namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
	Matrix m(rows, columns, nullptr);
	Rng rng(seed);
	for (float &x : m.values)
		x = static_cast<float>(rng.normal());
	return m;
}

/// A tenth of the entries of a matrix.
math::SparseMap sparse_of(const Matrix &m, const math::Workers &workers) {
	math::Csr pattern;
	pattern.n_columns = m.columns;
	pattern.offsets.push_back(0);
	Budgeted<float> values;
	for (std::size_t r = 0; r < m.rows; ++r) {
		for (std::size_t c = r % 10; c < m.columns; c += 10) {
			pattern.index.push_back(static_cast<std::uint32_t>(c));
			values.push_back(m.row(r)[c]);
		}
		pattern.offsets.push_back(values.size());
	}
	return math::SparseMap(std::move(pattern), std::move(values), workers);
}

double at(const math::LowRank &svd, std::size_t r, std::size_t c) {
	double sum = 0;
	for (std::size_t d = 0; d < svd.singular.size(); ++d)
		sum += static_cast<double>(svd.left.row(r)[d]) * static_cast<double>(svd.singular[d]) * static_cast<double>(svd.right.row(c)[d]);
	return sum;
}

} // namespace

TEST_CASE("products: sparse and dense, and their transposes, agree with the definition") {
	test::ThreadExecutor executor(2);
	const math::Workers workers{executor, {}, nullptr};
	const Matrix m = random_matrix(2500, 30, 1), x = random_matrix(30, 5, 2), y = random_matrix(2500, 5, 3);
	const math::SparseMap sparse = sparse_of(m, workers);
	for (const bool dense : {false, true}) {
		const math::DenseMap all(m);
		const math::LinearMap &map = dense ? static_cast<const math::LinearMap &>(all) : sparse;
		const auto entry = [&](std::size_t r, std::size_t c) {
			return dense || c % 10 == r % 10 ? static_cast<double>(m.row(r)[c]) : 0.0;
		};
		Matrix forth(2500, 5, nullptr), back(30, 5, nullptr);
		map.times(x, forth, workers);
		map.transposed_times(y, back, workers);
		double sum = 0;
		for (std::size_t c = 0; c < 30; ++c)
			sum += entry(1777, c) * static_cast<double>(x.row(c)[3]);
		CHECK(static_cast<double>(forth.row(1777)[3]) == doctest::Approx(sum).epsilon(1e-4));
		sum = 0;
		for (std::size_t r = 0; r < 2500; ++r)
			sum += entry(r, 7) * static_cast<double>(y.row(r)[4]);
		CHECK(static_cast<double>(back.row(7)[4]) == doctest::Approx(sum).epsilon(1e-3));
	}
}

TEST_CASE("a matrix of low rank is found again, with the same bytes at any number of threads") {
	const Matrix a = random_matrix(1500, 3, 4), b = random_matrix(40, 3, 5);
	Matrix m(1500, 40, nullptr);
	for (std::size_t r = 0; r < m.rows; ++r)
		for (std::size_t c = 0; c < m.columns; ++c)
			for (std::size_t d = 0; d < 3; ++d)
				m.row(r)[c] += a.row(r)[d] * b.row(c)[d];
	test::ThreadExecutor one(1), three(3);
	const math::LowRank svd = math::truncated_svd(math::DenseMap(m), 10, 7, {one, {}, nullptr}),
						again = math::truncated_svd(math::DenseMap(m), 10, 7, {three, {}, nullptr});
	REQUIRE(svd.singular.size() == 3); // no more than there is
	CHECK(std::ranges::equal(svd.left.values, again.left.values));
	CHECK(std::ranges::equal(svd.right.values, again.right.values));
	for (const std::size_t r : {0u, 700u, 1499u})
		for (const std::size_t c : {0u, 39u})
			CHECK(at(svd, r, c) == doctest::Approx(static_cast<double>(m.row(r)[c])).epsilon(1e-3));
}

TEST_CASE("the leading part of a matrix of full rank is the best of its rank") {
	// Orthogonal columns of known length: the singular values are the lengths.
	Matrix m(64, 8, nullptr);
	for (std::size_t c = 0; c < 8; ++c)
		m.row(c)[c] = static_cast<float>(8 - c);
	SerialExecutor executor;
	const math::LowRank svd = math::truncated_svd(math::DenseMap(m), 4, 7, {executor, {}, nullptr});
	REQUIRE(svd.singular.size() == 4);
	for (std::size_t d = 0; d < 4; ++d)
		CHECK(svd.singular[d] == doctest::Approx(8 - d).epsilon(1e-4));
}

TEST_CASE("the empty, the zero and the stopped") {
	SerialExecutor executor;
	const Matrix zero(20, 5, nullptr), nothing(0, 0, nullptr);
	CHECK(math::truncated_svd(math::DenseMap(zero), 3, 1, {executor, {}, nullptr}).singular.empty());
	CHECK(math::truncated_svd(math::DenseMap(nothing), 3, 1, {executor, {}, nullptr}).singular.empty());
	const std::atomic<bool> stop{true};
	CHECK_THROWS_AS(math::truncated_svd(math::DenseMap(zero), 3, 1, {executor, StopToken(&stop), nullptr}), Cancelled);
}
