#include "recipe/item_space.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "math/low_rank.hpp"
#include "recipe/feature_regression.hpp"
#include "recipe/popularity.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kFewestKnown = 50; // items, to learn what features are worth
constexpr double kPenalty = 3;
constexpr std::uint64_t kSeed = 0x6d657461;

/// The features as a matrix that is only multiplied with.
class FeatureMap final : public math::LinearMap {
public:
	explicit FeatureMap(const data::LearnedFeatures &features) : regressors_(features), all_(regressors_.rows(), 1) {}
	std::size_t rows() const noexcept override { return regressors_.rows(); }
	std::size_t columns() const noexcept override { return regressors_.columns(); }
	void times(const math::Matrix &x, math::Matrix &out, const math::Workers &workers) const override {
		constexpr std::size_t kBlock = 1024;
		workers.executor.run((rows() + kBlock - 1) / kBlock, [&](std::size_t block) {
			workers.stop.check();
			for (std::size_t row = block * kBlock; row < std::min(rows(), (block + 1) * kBlock); ++row)
				regressors_.predict(row, x, {out.row(row), out.columns});
		});
	}
	void transposed_times(const math::Matrix &x, math::Matrix &out, const math::Workers &workers) const override {
		regressors_.transposed_times(x, all_, out, workers);
	}

private:
	Regressors regressors_;
	std::vector<std::uint8_t> all_;
};

/// Items of which metadata tell anything.
std::vector<std::uint8_t> described_items(const TrainRequest &request) {
	std::vector<std::uint8_t> described(request.data.n_items(), 0);
	const data::Features &features = request.data.item_features().rows;
	if (!features.empty())
		for (std::size_t item = 0; item < described.size(); ++item)
			described[item] = features.sparse.row_size(item) > 0 ||
							  std::ranges::any_of(features.dense.span(item), [](float x) { return x != 0; });
	return described;
}

/// What metadata foretell: the vector and the logarithm of one more than the number of users. Without metadata, or when too few
/// items are known, a zero vector and the mean.
class Forecast {
public:
	Forecast(const TrainRequest &request, const math::Matrix &vectors, const std::vector<double> &users)
		: described_(described_items(request)), rank_(vectors.columns) {
		std::vector<std::uint8_t> known(users.size());
		double n_chosen = 0;
		std::size_t n_known = 0;
		for (std::size_t item = 0; item < users.size(); ++item) {
			known[item] = described_[item] != 0 && users[item] > 0;
			n_known += known[item];
			n_chosen += users[item] > 0;
			mean_ += users[item] > 0 ? std::log1p(users[item]) : 0.0;
		}
		mean_ /= std::max(n_chosen, 1.0);
		if (n_known < kFewestKnown)
			return;
		const math::Workers workers{request.executor, request.stop, &request.budget};
		math::Matrix targets(users.size(), rank_ + 1, &request.budget);
		for (std::size_t item = 0; item < users.size(); ++item) {
			std::copy_n(vectors.row(item), rank_, targets.row(item));
			targets.row(item)[rank_] = static_cast<float>(std::log1p(users[item]) - mean_);
		}
		regressors_.emplace(request.data.item_features());
		coefficients_ = regressors_->fit(targets, known, kPenalty, workers);
	}
	/// Returns the number of users; `out` has rank + 1 values, of which the first `rank` are the vector.
	double operator()(std::size_t item, std::span<float> out) const {
		std::fill(out.begin(), out.end(), 0.0f);
		if (regressors_ && described_[item] != 0)
			regressors_->predict(item, coefficients_, out);
		return std::expm1(mean_ + static_cast<double>(out[rank_]));
	}

private:
	std::vector<std::uint8_t> described_;
	std::size_t rank_;
	double mean_ = 0;
	std::optional<Regressors> regressors_;
	math::Matrix coefficients_;
};

std::vector<float> column_signs(const ItemFactors &factors) {
	std::vector<float> sign(factors.forth.columns);
	for (std::size_t d = 0; d < sign.size(); ++d) {
		double dot = 0;
		for (std::size_t item = 0; item < factors.forth.rows; ++item)
			dot += static_cast<double>(factors.forth.row(item)[d]) * static_cast<double>(factors.back.row(item)[d]);
		sign[d] = dot < 0 ? -1.0f : 1.0f;
	}
	return sign;
}

} // namespace

ItemSpace place_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
					  std::span<const std::uint8_t> taken) {
	const Budgeted<std::uint32_t> counts = count_positive(request, sides);
	std::vector<double> users(counts.begin(), counts.end());
	for (std::size_t item = 0; item < taken.size(); ++item)
		if (taken[item] != 0)
			users[item] = 0;
	request.monitor.phase("learning what features tell", 1);
	const Forecast forecast(request, factors.forth, users);
	ItemSpace space{math::Matrix(users.size(), factors.forth.columns, &request.budget), column_signs(factors),
					std::vector<float>(users.size())};
	std::vector<float> foretold(factors.forth.columns + 1);
	std::vector<double> expected(users.size());
	double all = 0;
	SparsePoll poll(request.stop);
	for (std::size_t item = 0; item < users.size(); ++item, poll()) {
		const double rest = kEvidence / (kEvidence + users[item]), typical = forecast(item, foretold);
		expected[item] = std::max(rest * typical + (1 - rest) * users[item], 1e-3);
		all += expected[item];
		for (std::size_t d = 0; d < space.behaviour.columns; ++d)
			space.behaviour.row(item)[d] = static_cast<float>(rest * static_cast<double>(foretold[d]) +
															  (1 - rest) * static_cast<double>(factors.forth.row(item)[d]));
	}
	for (std::size_t item = 0; item < users.size(); ++item)
		space.log_share[item] = static_cast<float>(std::log(expected[item] / all));
	request.monitor.advance();
	return space;
}

math::Matrix condense_metadata(const TrainRequest &request, std::size_t rank) {
	const std::size_t n = request.data.n_items();
	if (request.data.item_features().rows.empty())
		return math::Matrix(n, 0, &request.budget);
	request.monitor.phase("condensing metadata", 1);
	math::LowRank svd =
		math::truncated_svd(FeatureMap(request.data.item_features()), rank, kSeed, {request.executor, request.stop, &request.budget});
	const std::vector<std::uint8_t> described = described_items(request);
	for (std::size_t item = 0; item < n; ++item) {
		double square = 0;
		for (std::size_t d = 0; d < svd.left.columns; ++d) {
			svd.left.row(item)[d] *= svd.singular[d];
			square += static_cast<double>(svd.left.row(item)[d]) * static_cast<double>(svd.left.row(item)[d]);
		}
		const float scale = described[item] != 0 && square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
		for (std::size_t d = 0; d < svd.left.columns; ++d)
			svd.left.row(item)[d] *= scale;
	}
	request.monitor.advance();
	return std::move(svd.left);
}

} // namespace recsys::recipe
