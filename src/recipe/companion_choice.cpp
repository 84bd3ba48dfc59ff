#include "recipe/companion_choice.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "base/hash.hpp"
#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr double kSample = 1000; // items, about
constexpr std::size_t kPerTask = 16;
constexpr std::uint64_t kSampleStream = 0x636f6d70;

using Weights = Eigen::Vector3d; // of the logarithm of the share, of behaviour, of metadata

struct Slopes {
	double value = 0;
	Weights gradient = Weights::Zero();
	Eigen::Matrix3d curvature = Eigen::Matrix3d::Zero(); // minus the Hessian
};

class Choice {
public:
	Choice(const TrainRequest &request, const ItemSpace &space, const math::Matrix &metadata, std::span<const Companions> pairs)
		: request_(request), space_(space), metadata_(metadata), pairs_(pairs), match_(BudgetAllocator<Match>(&request.budget)) {
		draw_sample();
		const std::size_t width = sample_.size() + 1; // the choice itself comes last
		match_.resize(pairs.size() * width);
		each_task([&](std::size_t p, std::size_t) {
			for (std::size_t i = 0; i < sample_.size(); ++i)
				match_[p * width + i] = match(pairs[p].item, sample_[i].item);
			match_[p * width + width - 1] = match(pairs[p].item, pairs[p].companion);
		});
	}

	Slopes slopes(const Weights &weights) const {
		std::vector<Slopes> parts(n_tasks());
		each_task([&](std::size_t p, std::size_t task) { add_pair(p, weights, parts[task]); });
		Slopes sum;
		for (const Slopes &part : parts) {
			sum.value += part.value;
			sum.gradient += part.gradient;
			sum.curvature += part.curvature;
		}
		return sum;
	}

private:
	struct Sampled {
		std::uint32_t item;
		double log_probability; // of being in the sample
	};
	struct Match {
		float behaviour, metadata;
	};

	/// Each item alone decides whether it is in, so which ones does not depend on the others.
	void draw_sample() {
		const auto n = static_cast<double>(space_.log_share.size());
		for (std::uint32_t item = 0; item < space_.log_share.size(); ++item) {
			const double share = std::exp(static_cast<double>(space_.log_share[item]));
			const double probability = std::min(1.0, kSample * (0.5 * share + 0.5 / n));
			if (Rng(request_.seed, kSampleStream, hash64(request_.data.items()[item])).uniform() < probability)
				sample_.push_back({item, std::log(probability)});
		}
	}

	Match match(std::uint32_t a, std::uint32_t b) const noexcept {
		Match out{};
		for (std::size_t d = 0; d < space_.behaviour.columns; ++d)
			out.behaviour += space_.sign[d] * space_.behaviour.row(a)[d] * space_.behaviour.row(b)[d];
		for (std::size_t d = 0; d < metadata_.columns; ++d)
			out.metadata += metadata_.row(a)[d] * metadata_.row(b)[d];
		return out;
	}

	std::size_t n_tasks() const noexcept { return (pairs_.size() + kPerTask - 1) / kPerTask; }
	template <class Body> void each_task(Body body) const {
		request_.executor.run(n_tasks(), [&](std::size_t task) {
			request_.stop.check();
			for (std::size_t p = task * kPerTask; p < std::min(pairs_.size(), (task + 1) * kPerTask); ++p)
				body(p, task);
		});
	}

	Weights signs(std::size_t p, std::size_t i, std::uint32_t item) const noexcept {
		const Match &m = match_[p * (sample_.size() + 1) + i];
		return {static_cast<double>(space_.log_share[item]), static_cast<double>(m.behaviour), static_cast<double>(m.metadata)};
	}

	void add_pair(std::size_t p, const Weights &weights, Slopes &sum) const {
		const Companions &pair = pairs_[p];
		const Weights truth = signs(p, sample_.size(), pair.companion);
		const double shift = weights.dot(truth);
		double mass = 1;
		Weights mean = truth;
		Eigen::Matrix3d square = truth * truth.transpose();
		for (std::size_t i = 0; i < sample_.size(); ++i) {
			if (sample_[i].item == pair.item || sample_[i].item == pair.companion)
				continue;
			const Weights x = signs(p, i, sample_[i].item);
			const double e = std::exp(std::min(weights.dot(x) - shift - sample_[i].log_probability, 300.0));
			mass += e;
			mean += e * x;
			square += e * x * x.transpose();
		}
		mean /= mass;
		sum.value -= std::log(mass);
		sum.gradient += truth - mean;
		sum.curvature += square / mass - mean * mean.transpose();
	}

	const TrainRequest &request_;
	const ItemSpace &space_;
	const math::Matrix &metadata_;
	std::span<const Companions> pairs_;
	std::vector<Sampled> sample_;
	Budgeted<Match> match_; // pairs × (sample + 1)
};

} // namespace

std::vector<Companions> held_out_companions(const HeldOutCases &cases) {
	std::vector<Companions> pairs;
	for (const HeldOutCase &c : cases.cases()) {
		const std::span<const Event> history = cases.history(c);
		const auto newest = std::find_if(history.rbegin(), history.rend(), [](const Event &event) { return event.sign > 0; });
		if (newest != history.rend() && newest->item != c.truth)
			pairs.push_back({newest->item, c.truth});
	}
	std::stable_sort(pairs.begin(), pairs.end(), [](const Companions &a, const Companions &b) { return a.item < b.item; });
	return pairs;
}

void learn_weights(const TrainRequest &request, const ItemSpace &space, const math::Matrix &metadata, std::span<const Companions> pairs,
				   CompanionWeights &weights) {
	if (pairs.empty())
		return;
	request.monitor.phase("weighing what items have in common", 1);
	const Choice choice(request, space, metadata, pairs);
	const Weights start(static_cast<double>(weights.share), static_cast<double>(weights.behaviour), static_cast<double>(weights.metadata));
	const auto value = [&](const Slopes &s, const Weights &at) { return s.value - (at - start).squaredNorm() / 2; };
	Weights at = start;
	Slopes here = choice.slopes(at);
	for (int round = 0; round < 30; ++round) {
		const Weights slope = here.gradient - (at - start);
		Weights step = (here.curvature + Eigen::Matrix3d::Identity()).ldlt().solve(slope);
		Slopes there = choice.slopes(at + step);
		for (int half = 0; half < 30 && !(value(there, at + step) > value(here, at)); ++half) {
			step /= 2;
			there = choice.slopes(at + step);
		}
		const double gained = value(there, at + step) - value(here, at);
		if (!(gained > 0))
			break;
		at += step;
		here = there;
		if (gained < 1e-6 * static_cast<double>(pairs.size()))
			break;
	}
	weights.share = static_cast<float>(std::max(at[0], 0.0));
	weights.behaviour = static_cast<float>(std::max(at[1], 0.0));
	weights.metadata = static_cast<float>(std::max(at[2], 0.0));
	request.monitor.advance();
}

} // namespace recsys::recipe
