// Ridge regression from the features of items to anything that items have: what an item without a history is likely to be
// like, by what those are like that share its features. Solved by conjugate gradients on the normal equations, so the matrix
// of the features is only multiplied with.
//
// A category counts 1 / sqrt(categories of the field that the item has), an interval of a number 1, a text or vector as it is
// encoded: each field has about the length of one, whatever it holds.
#include "base/wall.hpp"
#pragma once

#include <span>

#include "data/features.hpp"
#include "math/matrix.hpp"

namespace recsys::recipe {

/// The features of rows as regressors: ordinals, then dense values, then a constant.
class Regressors {
public:
	explicit Regressors(const data::LearnedFeatures &features);
	std::size_t rows() const noexcept { return sparse_.rows(); }
	std::size_t columns() const noexcept { return n_sparse_ + dense_.size() + 1; }

	/// Coefficients (columns() × targets.columns) fitted on the rows with use[row] != 0: the least sum of squared errors plus
	/// `penalty` times the sum of squared coefficients.
	math::Matrix fit(const math::Matrix &targets, std::span<const std::uint8_t> use, double penalty, const math::Workers &workers) const;
	/// Of one row.
	void predict(std::size_t row, const math::Matrix &coefficients, std::span<float> out) const noexcept;

	/// out = transpose of the regressors * y, over the used rows; y has a row for every row.
	void transposed_times(const math::Matrix &y, std::span<const std::uint8_t> use, math::Matrix &out, const math::Workers &workers) const;

private:
	float value(std::size_t row, std::size_t entry) const noexcept;

	const math::Csr &sparse_;
	const math::Matrix &dense_values_;
	std::size_t n_sparse_;
	std::vector<std::uint32_t> dense_;	  // the dense values that are used: those of numbers say what their intervals say
	std::vector<std::uint32_t> field_of_; // of each ordinal
};

} // namespace recsys::recipe
