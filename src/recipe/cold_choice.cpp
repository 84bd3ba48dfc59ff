#include "recipe/cold_choice.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "recipe/cold_items.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kPerTask = 16;		  // cases
constexpr double kBeyondChance = 1.645;		  // standard errors of the weight
constexpr double kPull = 1e-3;				  // towards zero: decides when the cases do not

std::size_t n_tasks(std::size_t n) noexcept { return (n + kPerTask - 1) / kPerTask; }

} // namespace

struct NextChoice::Slopes {
	double value = 0;
	Weights gradient = Weights::Zero();
	Eigen::Matrix3d curvature = Eigen::Matrix3d::Zero(); // minus the Hessian
};

NextChoice::NextChoice(const TrainRequest &request, NewItems items, const HeldOutCases &cases, const Scorer &scorer)
	: request_(request), items_(std::move(items)), match_(BudgetAllocator<float>(&request.budget)) {
	const std::span<const HeldOutCase> all = cases.cases();
	std::vector<Case> read_cases(all.size());
	std::vector<std::uint8_t> usable(all.size(), 0);
	request.executor.run(n_tasks(all.size()), [&](std::size_t task) {
		Scores scores;
		for (std::size_t i = task * kPerTask; i < std::min(all.size(), (task + 1) * kPerTask); ++i) {
			request.stop.check();
			usable[i] = read(cases.history(all[i]), all[i].truth, scorer, scores, read_cases[i]);
		}
	});
	for (std::size_t i = 0; i < all.size(); ++i)
		if (usable[i] != 0) {
			chosen_new_ += read_cases[i].truth != data::kNone;
			cases_.push_back(std::move(read_cases[i]));
		}
	match_.resize(cases_.size() * items_.items.size());
}

std::uint32_t NextChoice::place(std::uint32_t item) const noexcept {
	const auto at = std::lower_bound(items_.items.begin(), items_.items.end(), item);
	return at != items_.items.end() && *at == item ? static_cast<std::uint32_t>(at - items_.items.begin()) : data::kNone;
}

bool NextChoice::read(std::span<const Event> history, std::uint32_t truth, const Scorer &scorer, Scores &scores, Case &out) const {
	PastBuffer past;
	past.read(history, request_.data.n_items());
	if (past.past().empty())
		return false;
	out.past.assign(past.past().begin(), past.past().end());
	for (const Vote &vote : out.past)
		if (const std::uint32_t at = place(vote.item); at != data::kNone)
			out.own.push_back(at);
	std::sort(out.own.begin(), out.own.end());
	out.truth = place(truth);
	if (out.truth != data::kNone && std::binary_search(out.own.begin(), out.own.end(), out.truth))
		return false;
	scorer.score({.history = history.last(std::min(history.size(), scorer.max_history()))}, scores);
	out.truth_logit = static_cast<double>(scores.logit[truth]);
	for (const std::uint32_t item : items_.items)
		scores.logit[item] = -std::numeric_limits<float>::infinity();
	const double most = static_cast<double>(*std::max_element(scores.logit.begin(), scores.logit.end()));
	double sum = 0;
	for (const float logit : scores.logit)
		sum += std::exp(static_cast<double>(logit) - most);
	out.known = most + std::log(sum);
	return std::isfinite(out.known) && std::isfinite(out.truth_logit);
}

void NextChoice::match_pasts(float age_power) {
	const std::vector<float> age_weight = age_weights(age_power);
	const std::size_t rank = items_.forth.columns;
	request_.executor.run(n_tasks(cases_.size()), [&](std::size_t task) {
		std::vector<float> taste(rank);
		for (std::size_t c = task * kPerTask; c < std::min(cases_.size(), (task + 1) * kPerTask); ++c) {
			request_.stop.check();
			sum_past(std::span<const Vote>(cases_[c].past), age_weight, items_.forth.values.data(), taste);
			float *const match = match_.data() + c * items_.items.size();
			for (std::size_t i = 0; i < items_.items.size(); ++i) {
				match[i] = 0;
				for (std::size_t d = 0; d < rank; ++d)
					match[i] += taste[d] * items_.vectors.row(i)[d];
			}
		}
	});
}

/// Softmax over the new items and the sum of the known ones.
void NextChoice::add_case(std::size_t c, const Weights &weights, Slopes &sum) const {
	const Case &one = cases_[c];
	const float *const match = match_.data() + c * items_.items.size();
	const auto signs = [&](std::size_t i) { return Weights(1, items_.log_share[i], static_cast<double>(match[i])); };
	double most = one.known;
	for (std::size_t i = 0; i < items_.items.size(); ++i)
		most = std::max(most, weights.dot(signs(i)));
	double mass = std::exp(one.known - most);
	Weights mean = Weights::Zero();
	Eigen::Matrix3d square = Eigen::Matrix3d::Zero();
	for (std::uint32_t i = 0; i < items_.items.size(); ++i) {
		if (std::binary_search(one.own.begin(), one.own.end(), i))
			continue;
		const Weights x = signs(i);
		const double p = std::exp(weights.dot(x) - most);
		mass += p;
		mean += p * x;
		square += p * x * x.transpose();
	}
	mean /= mass;
	const bool chose_new = one.truth != data::kNone;
	sum.value += (chose_new ? weights.dot(signs(one.truth)) : one.truth_logit) - most - std::log(mass);
	sum.gradient += (chose_new ? signs(one.truth) : Weights(Weights::Zero())) - mean;
	sum.curvature += square / mass - mean * mean.transpose();
}

NextChoice::Slopes NextChoice::slopes(const Weights &weights) const {
	std::vector<Slopes> parts(n_tasks(cases_.size()));
	request_.executor.run(parts.size(), [&](std::size_t task) {
		request_.stop.check();
		for (std::size_t c = task * kPerTask; c < std::min(cases_.size(), (task + 1) * kPerTask); ++c)
			add_case(c, weights, parts[task]);
	});
	Slopes sum;
	for (const Slopes &part : parts) {
		sum.value += part.value;
		sum.gradient += part.gradient;
		sum.curvature += part.curvature;
	}
	return sum;
}

/// With which the new items together are chosen about as often as they were, if nothing but their shares counts.
double NextChoice::fair_offset() const {
	double known = 0, shares = 0;
	for (const Case &c : cases_)
		known += c.known;
	for (const double share : items_.log_share)
		shares += std::exp(share);
	const double n = static_cast<double>(cases_.size()), chosen = static_cast<double>(chosen_new_);
	return known / std::max(n, 1.0) - std::log(shares) + std::log((chosen + 1) / (n - chosen + 1));
}

double NextChoice::fit(float age_power, ColdSettings &settings) {
	match_pasts(age_power);
	const Weights start(fair_offset(), 1, 0); // a share is a share
	Weights at = start;
	Slopes here = slopes(at);
	for (int round = 0; round < 50; ++round) {
		const Weights slope = here.gradient - kPull * (at - start);
		Weights step = (here.curvature + kPull * Eigen::Matrix3d::Identity()).ldlt().solve(slope);
		Slopes there = slopes(at + step);
		for (int half = 0; half < 40 && !(there.value - here.value >= 0.1 * slope.dot(step)); ++half) {
			step /= 2;
			there = slopes(at + step);
		}
		const double gained = there.value - here.value;
		if (!(gained > 0))
			break;
		at += step;
		here = there;
		if (gained < 1e-6 * static_cast<double>(cases_.size()))
			break;
	}
	const double error = here.curvature(2, 2) > 0 ? 1 / std::sqrt(here.curvature(2, 2)) : INFINITY;
	settings.age_power = age_power;
	settings.offset = static_cast<float>(at[0]);
	settings.share_weight = static_cast<float>(at[1]);
	settings.weight = at[2] > kBeyondChance * error ? static_cast<float>(at[2]) : 0.0f;
	return here.value;
}

} // namespace recsys::recipe
