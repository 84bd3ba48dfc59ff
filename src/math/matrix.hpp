// Matrices of single precision, and what may be multiplied with them. Products are cut into blocks of rows by size alone, and
// sums of blocks are added in their order, so the result does not depend on the number of threads.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <span>

#include "base/executor.hpp"
#include "math/csr.hpp"

namespace recsys::math {

/// Who computes, who may stop it, and who is charged.
struct Workers {
	Executor &executor;
	StopToken stop;
	MemoryBudget *budget;
};

/// Row-major.
struct Matrix {
	std::size_t rows = 0, columns = 0;
	Budgeted<float> values; // rows * columns

	Matrix() = default;
	Matrix(std::size_t n_rows, std::size_t n_columns, MemoryBudget *budget)
		: rows(n_rows), columns(n_columns), values(n_rows * n_columns, 0.0f, BudgetAllocator<float>(budget)) {}
	float *row(std::size_t r) noexcept { return values.data() + r * columns; }
	const float *row(std::size_t r) const noexcept { return values.data() + r * columns; }
	std::span<const float> span(std::size_t r) const noexcept { return {row(r), columns}; }
};

/// Anything that a matrix can be multiplied with: stored, or only known by what it does.
class LinearMap {
public:
	virtual ~LinearMap() = default;
	virtual std::size_t rows() const noexcept = 0;
	virtual std::size_t columns() const noexcept = 0;
	/// out = this * x; x has columns() rows, out has rows() rows and as many columns as x.
	virtual void times(const Matrix &x, Matrix &out, const Workers &workers) const = 0;
	/// out = transpose of this * x.
	virtual void transposed_times(const Matrix &x, Matrix &out, const Workers &workers) const = 0;
};

/// out = the sparse matrix * x. Entry i of `pattern.index` has the value values[i].
void multiply(const Csr &pattern, std::span<const float> values, const Matrix &x, Matrix &out, const Workers &workers);

/// Sparse, with its transpose, so that both products run over rows.
class SparseMap final : public LinearMap {
public:
	SparseMap(Csr pattern, Budgeted<float> values, const Workers &workers);
	std::size_t rows() const noexcept override { return pattern_.rows(); }
	std::size_t columns() const noexcept override { return pattern_.n_columns; }
	void times(const Matrix &x, Matrix &out, const Workers &workers) const override;
	void transposed_times(const Matrix &x, Matrix &out, const Workers &workers) const override;

private:
	Csr pattern_, transposed_;
	Budgeted<float> values_, transposed_values_;
};

/// A dense matrix, kept by its owner.
class DenseMap final : public LinearMap {
public:
	explicit DenseMap(const Matrix &matrix) : matrix_(matrix) {}
	std::size_t rows() const noexcept override { return matrix_.rows; }
	std::size_t columns() const noexcept override { return matrix_.columns; }
	void times(const Matrix &x, Matrix &out, const Workers &workers) const override;
	void transposed_times(const Matrix &x, Matrix &out, const Workers &workers) const override;

private:
	const Matrix &matrix_;
};

} // namespace recsys::math
