#include "math/low_rank.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "base/rng.hpp"

namespace recsys::math {

namespace {

constexpr std::size_t kOversampling = 16; // extra directions, which make the wanted ones accurate
constexpr int kPowerIterations = 3;
constexpr double kNegligible = 1e-6; // of the largest eigenvalue of a Gram matrix: what single precision cannot tell from zero

/// Transpose of m * m, in double precision.
Eigen::MatrixXd gram(const Matrix &m, const Workers &workers) {
	Matrix product(m.columns, m.columns, workers.budget);
	DenseMap(m).transposed_times(m, product, workers);
	const auto k = static_cast<Eigen::Index>(m.columns);
	return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(product.values.data(), k, k)
		.cast<double>();
}

/// m * factor.
Matrix times(const Matrix &m, const Eigen::MatrixXd &factor, const Workers &workers) {
	Matrix right(m.columns, static_cast<std::size_t>(factor.cols()), workers.budget);
	for (std::size_t r = 0; r < right.rows; ++r)
		for (std::size_t c = 0; c < right.columns; ++c)
			right.row(r)[c] = static_cast<float>(factor(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(c)));
	Matrix out(m.rows, right.columns, workers.budget);
	DenseMap(m).times(right, out, workers);
	return out;
}

/// Eigenvalues of the Gram matrix that are not negligible, descending, with their vectors.
struct Spectrum {
	Eigen::VectorXd values;
	Eigen::MatrixXd vectors;
};

Spectrum spectrum(const Matrix &m, const Workers &workers) {
	if (m.columns == 0)
		return {};
	const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram(m, workers));
	const Eigen::VectorXd &ascending = solver.eigenvalues();
	const Eigen::Index n = ascending.size();
	const double most = ascending[n - 1];
	Eigen::Index kept = 0;
	while (kept < n && most > 0 && ascending[n - 1 - kept] > kNegligible * most)
		++kept;
	return {ascending.reverse().head(kept), solver.eigenvectors().rowwise().reverse().leftCols(kept)};
}

/// An orthonormal basis of the columns of m. Twice, because once loses digits when the columns are nearly parallel.
Matrix orthonormal(Matrix m, const Workers &workers) {
	for (int round = 0; round < 2; ++round) {
		const Spectrum s = spectrum(m, workers);
		m = times(m, s.vectors * s.values.cwiseSqrt().cwiseInverse().asDiagonal(), workers);
	}
	return m;
}

} // namespace

LowRank truncated_svd(const LinearMap &map, std::size_t rank, std::uint64_t seed, const Workers &workers) {
	const std::size_t width = std::min({rank + kOversampling, map.rows(), map.columns()});
	Matrix random(map.columns(), width, workers.budget);
	for (std::size_t r = 0; r < random.rows; ++r) {
		if (r % 1024 == 0)
			workers.stop.check();
		Rng rng(seed, r);
		for (std::size_t c = 0; c < width; ++c)
			random.row(r)[c] = static_cast<float>(rng.normal());
	}
	Matrix image(map.rows(), width, workers.budget);
	map.times(random, image, workers);
	Matrix basis = orthonormal(std::move(image), workers), back;
	for (int round = 0;; ++round) {
		back = Matrix(map.columns(), basis.columns, workers.budget);
		map.transposed_times(basis, back, workers);
		if (round == kPowerIterations || basis.columns == 0)
			break;
		const Matrix side = orthonormal(std::move(back), workers);
		image = Matrix(map.rows(), side.columns, workers.budget);
		map.times(side, image, workers);
		basis = orthonormal(std::move(image), workers);
	}
	const Spectrum s = spectrum(back, workers);
	const Eigen::Index kept = std::min<Eigen::Index>(s.values.size(), static_cast<Eigen::Index>(rank));
	LowRank out;
	const Eigen::VectorXd singular = s.values.head(kept).cwiseSqrt();
	out.left = times(basis, s.vectors.leftCols(kept), workers);
	out.right = times(back, s.vectors.leftCols(kept) * singular.cwiseInverse().asDiagonal(), workers);
	for (const double value : singular)
		out.singular.push_back(static_cast<float>(value));
	return out;
}

} // namespace recsys::math
