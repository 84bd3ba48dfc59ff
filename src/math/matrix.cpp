#include "math/matrix.hpp"

#include <algorithm>

#include <Eigen/Dense>

namespace recsys::math {

namespace {

constexpr std::size_t kBlockRows = 1024;
constexpr std::size_t kEntriesPerPoll = 1 << 15; // each is a row of the other factor

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MapIn = Eigen::Map<const RowMajor>;
using MapOut = Eigen::Map<RowMajor>;

std::size_t blocks(std::size_t rows) noexcept { return (rows + kBlockRows - 1) / kBlockRows; }

Eigen::Index index(std::size_t n) noexcept { return static_cast<Eigen::Index>(n); }

MapIn rows_of(const Matrix &m, std::size_t begin, std::size_t end) { return {m.row(begin), index(end - begin), index(m.columns)}; }

} // namespace

void multiply(const Csr &pattern, std::span<const float> values, const Matrix &x, Matrix &out, const Workers &workers) {
	workers.executor.run(blocks(pattern.rows()), [&](std::size_t block) {
		std::size_t since_poll = kEntriesPerPoll;
		for (std::size_t r = block * kBlockRows; r < std::min(pattern.rows(), (block + 1) * kBlockRows); ++r) {
			Eigen::Map<Eigen::ArrayXf> sum(out.row(r), index(out.columns));
			sum.setZero();
			for (std::size_t i = pattern.offsets[r]; i < pattern.offsets[r + 1]; ++i) {
				if (++since_poll >= kEntriesPerPoll) {
					since_poll = 0;
					workers.stop.check();
				}
				sum += values[i] * Eigen::Map<const Eigen::ArrayXf>(x.row(pattern.index[i]), index(x.columns));
			}
		}
	});
}

SparseMap::SparseMap(Csr pattern, Budgeted<float> values, const Workers &workers)
	: pattern_(std::move(pattern)), transposed_(transpose(pattern_, workers.budget, workers.stop)),
	  values_(std::move(values)), transposed_values_(values_.size(), 0.0f, BudgetAllocator<float>(workers.budget)) {
	// The transpose lists old rows in ascending order, so one walk over the rows fills each new row from its front.
	Budgeted<std::uint64_t> next(transposed_.offsets, BudgetAllocator<std::uint64_t>(workers.budget));
	SparsePoll poll(workers.stop);
	for (std::size_t i = 0; i < values_.size(); ++i, poll())
		transposed_values_[next[pattern_.index[i]]++] = values_[i];
}

void SparseMap::times(const Matrix &x, Matrix &out, const Workers &workers) const {
	multiply(pattern_, values_, x, out, workers);
}

void SparseMap::transposed_times(const Matrix &x, Matrix &out, const Workers &workers) const {
	multiply(transposed_, transposed_values_, x, out, workers);
}

void DenseMap::times(const Matrix &x, Matrix &out, const Workers &workers) const {
	const MapIn factor(x.row(0), index(x.rows), index(x.columns));
	workers.executor.run(blocks(rows()), [&](std::size_t block) {
		workers.stop.check();
		const std::size_t begin = block * kBlockRows, end = std::min(rows(), begin + kBlockRows);
		MapOut(out.row(begin), index(end - begin), index(out.columns)).noalias() = rows_of(matrix_, begin, end) * factor;
	});
}

void DenseMap::transposed_times(const Matrix &x, Matrix &out, const Workers &workers) const {
	constexpr std::size_t kAtOnce = 16; // partial sums kept
	std::vector<RowMajor> parts(kAtOnce);
	MapOut sum(out.row(0), index(out.rows), index(out.columns));
	sum.setZero();
	for (std::size_t first = 0; first < blocks(rows()); first += kAtOnce) {
		const std::size_t n = std::min(kAtOnce, blocks(rows()) - first);
		workers.executor.run(n, [&](std::size_t part) {
			workers.stop.check();
			const std::size_t begin = (first + part) * kBlockRows, end = std::min(rows(), begin + kBlockRows);
			parts[part].noalias() = rows_of(matrix_, begin, end).transpose() * rows_of(x, begin, end);
		});
		for (std::size_t part = 0; part < n; ++part)
			sum += parts[part];
	}
}

} // namespace recsys::math
