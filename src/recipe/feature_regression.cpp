#include "recipe/feature_regression.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

namespace recsys::recipe {

namespace {

constexpr float kConstant = 0.3f; // the regressor of all rows: small, so that the penalty leaves the mean nearly alone
constexpr int kMostSteps = 40;
constexpr double kPrecision = 1e-2; // of the gradient, relative to where it began
constexpr std::size_t kBlock = 2048; // rows summed up by one task

void add_scaled(float *out, float factor, const float *values, std::size_t n) noexcept {
	const auto size = static_cast<Eigen::Index>(n);
	Eigen::Map<Eigen::ArrayXf>(out, size) += factor * Eigen::Map<const Eigen::ArrayXf>(values, size);
}

/// One sum a column.
std::vector<double> dots(const math::Matrix &a, const math::Matrix &b) {
	std::vector<double> sum(a.columns, 0.0);
	for (std::size_t r = 0; r < a.rows; ++r)
		for (std::size_t d = 0; d < a.columns; ++d)
			sum[d] += static_cast<double>(a.row(r)[d]) * static_cast<double>(b.row(r)[d]);
	return sum;
}

} // namespace

Regressors::Regressors(const data::LearnedFeatures &features)
	: sparse_(features.rows.sparse), dense_values_(features.rows.dense), n_sparse_(features.rows.sparse.n_columns),
	  field_of_(features.rows.sparse.n_columns) {
	std::uint32_t field = 0;
	for (const data::EncodedColumn &column : features.encoder.columns()) {
		std::fill(field_of_.begin() + column.sparse_begin, field_of_.begin() + column.sparse_end, field++);
		if (column.kind != data::FeatureKind::Number)
			for (std::uint32_t d = column.dense_begin; d < column.dense_end; ++d)
				dense_.push_back(d);
	}
}

/// Ordinals of one field stand together.
float Regressors::value(std::size_t row, std::size_t entry) const noexcept {
	const std::uint32_t field = field_of_[sparse_.index[entry]];
	std::size_t begin = entry, end = entry + 1;
	while (begin > sparse_.offsets[row] && field_of_[sparse_.index[begin - 1]] == field)
		--begin;
	while (end < sparse_.offsets[row + 1] && field_of_[sparse_.index[end]] == field)
		++end;
	return 1 / std::sqrt(static_cast<float>(end - begin));
}

void Regressors::predict(std::size_t row, const math::Matrix &coefficients, std::span<float> out) const noexcept {
	std::fill(out.begin(), out.end(), 0.0f);
	for (std::size_t entry = sparse_.offsets[row]; entry < sparse_.offsets[row + 1]; ++entry)
		add_scaled(out.data(), value(row, entry), coefficients.row(sparse_.index[entry]), out.size());
	for (std::size_t d = 0; d < dense_.size(); ++d)
		add_scaled(out.data(), dense_values_.row(row)[dense_[d]], coefficients.row(n_sparse_ + d), out.size());
	add_scaled(out.data(), kConstant, coefficients.row(columns() - 1), out.size());
}

void Regressors::transposed_times(const math::Matrix &y, std::span<const std::uint8_t> use, math::Matrix &out,
								  const math::Workers &workers) const {
	// Each task sums the whole of a slice of the columns of y, so that no two write to one place.
	constexpr std::size_t kSlice = 16;
	std::fill(out.values.begin(), out.values.end(), 0.0f);
	workers.executor.run((y.columns + kSlice - 1) / kSlice, [&](std::size_t slice) {
		const std::size_t first = slice * kSlice, n = std::min(kSlice, y.columns - first);
		SparsePoll poll(workers.stop, 256);
		for (std::size_t row = 0; row < rows(); ++row, poll()) {
			if (use[row] == 0)
				continue;
			const float *const target = y.row(row) + first;
			for (std::size_t entry = sparse_.offsets[row]; entry < sparse_.offsets[row + 1]; ++entry)
				add_scaled(out.row(sparse_.index[entry]) + first, value(row, entry), target, n);
			for (std::size_t d = 0; d < dense_.size(); ++d)
				add_scaled(out.row(n_sparse_ + d) + first, dense_values_.row(row)[dense_[d]], target, n);
			add_scaled(out.row(columns() - 1) + first, kConstant, target, n);
		}
	});
}

math::Matrix Regressors::fit(const math::Matrix &targets, std::span<const std::uint8_t> use, double penalty,
							 const math::Workers &workers) const {
	const std::size_t k = targets.columns;
	math::Matrix found(columns(), k, workers.budget), residual(columns(), k, workers.budget), image(columns(), k, workers.budget),
		forecast(rows(), k, workers.budget);
	transposed_times(targets, use, residual, workers); // the gradient at zero
	math::Matrix direction = residual;
	std::vector<double> square = dots(residual, residual);
	const std::vector<double> begin = square;
	for (int step = 0; step < kMostSteps; ++step) {
		workers.executor.run((rows() + kBlock - 1) / kBlock, [&](std::size_t block) {
			SparsePoll poll(workers.stop, 256);
			for (std::size_t row = block * kBlock; row < std::min(rows(), (block + 1) * kBlock); ++row, poll())
				if (use[row] != 0)
					predict(row, direction, {forecast.row(row), k});
		});
		transposed_times(forecast, use, image, workers);
		for (std::size_t i = 0; i < image.values.size(); ++i)
			image.values[i] += static_cast<float>(penalty) * direction.values[i];
		const std::vector<double> bend = dots(direction, image);
		std::vector<double> length(k);
		for (std::size_t d = 0; d < k; ++d)
			length[d] = bend[d] > 0 && square[d] > kPrecision * kPrecision * begin[d] ? square[d] / bend[d] : 0.0;
		for (std::size_t r = 0; r < columns(); ++r)
			for (std::size_t d = 0; d < k; ++d) {
				found.row(r)[d] += static_cast<float>(length[d]) * direction.row(r)[d];
				residual.row(r)[d] -= static_cast<float>(length[d]) * image.row(r)[d];
			}
		const std::vector<double> next = dots(residual, residual);
		bool done = true;
		for (std::size_t d = 0; d < k; ++d)
			done = done && !(next[d] > kPrecision * kPrecision * begin[d]);
		if (done)
			break;
		for (std::size_t r = 0; r < columns(); ++r)
			for (std::size_t d = 0; d < k; ++d)
				direction.row(r)[d] =
					residual.row(r)[d] + static_cast<float>(square[d] > 0 ? next[d] / square[d] : 0.0) * direction.row(r)[d];
		square = next;
	}
	return found;
}

} // namespace recsys::recipe
