#include "recipe/stacking.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <Eigen/Dense>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kTopOfExpert = 256, kOthers = 512; // items of a case
constexpr std::size_t kCasesPerTask = 16;				 // fixed, so that sums do not depend on the threads
constexpr double kPullToDefault = 5, kPullToAll = 50;	 // in cases
constexpr double kTrifle = 5e-4;						 // of log-likelihood a case: not worth an expert's cost
constexpr double kBeyondChance = 1.645;			 // standard errors: less helps by chance once in twenty times
constexpr std::size_t kFewestCases = 40;				 // below, nothing can be told and the defaults stay

std::size_t n_tasks(std::size_t n) noexcept { return (n + kCasesPerTask - 1) / kCasesPerTask; }

/// Marks the items with the largest scores, zero excepted.
void mark_top(std::span<const float> score, std::vector<std::uint32_t> &order, std::vector<std::uint8_t> &marked,
			  std::vector<std::uint32_t> &items) {
	order.clear();
	for (std::uint32_t item = 0; item < score.size(); ++item)
		if (score[item] != 0.0f)
			order.push_back(item);
	const std::size_t n = std::min(kTopOfExpert, order.size());
	const auto middle = order.begin() + static_cast<std::ptrdiff_t>(n);
	std::nth_element(order.begin(), middle, order.end(), [&](std::uint32_t a, std::uint32_t b) {
		return score[a] != score[b] ? score[a] > score[b] : a < b;
	});
	for (auto item = order.begin(); item != middle; ++item)
		if (marked[*item] == 0) {
			marked[*item] = 1;
			items.push_back(*item);
		}
}

/// What one choice of experts gains over another, as log-likelihood, and the standard error of that: the users are a sample,
/// the cases of one of them are not independent.
struct Gain {
	double sum = 0, error = 0;
	Gain(std::span<const double> with, std::span<const double> without) {
		double square = 0;
		const double n = static_cast<double>(with.size());
		for (std::size_t user = 0; user < with.size(); ++user) {
			sum += with[user] - without[user];
			square += (with[user] - without[user]) * (with[user] - without[user]);
		}
		error = std::sqrt(std::max(0.0, square - sum * sum / n));
	}
};

} // namespace

struct Stacking::Slopes {
	double value = 0; // log-likelihood
	Eigen::VectorXd gradient;
	Eigen::MatrixXd curvature; // minus the Hessian
};

Stacking::Stacking(const TrainRequest &request, const std::vector<std::unique_ptr<Expert>> &experts,
				   const ExpertScorers &scorers, const HeldOutCases &cases)
	: request_(request), n_experts_(experts.size()), rows_(BudgetAllocator<float>(&request.budget)),
	  log_weight_(BudgetAllocator<float>(&request.budget)) {
	for (std::size_t e = 0; e < n_experts_; ++e) {
		defaults_.push_back(experts[e]->default_weight());
		may_be_negative_.push_back(experts[e]->may_be_negative());
		has_base_.push_back(!scorers[e]->base().empty());
		without_past_.push_back(experts[e]->without_past());
	}
	const std::span<const HeldOutCase> all = cases.cases();
	request.monitor.phase("asking the experts", all.size());
	constexpr std::size_t kBatch = 256; // bounds what waits outside the budget
	for (std::size_t begin = 0; begin < all.size(); begin += kBatch) {
		const std::size_t n = std::min(kBatch, all.size() - begin);
		std::vector<std::vector<float>> rows(n), log_weight(n);
		request.executor.run(n_tasks(n), [&](std::size_t task) {
			for (std::size_t i = task * kCasesPerTask; i < std::min(n, (task + 1) * kCasesPerTask); ++i) {
				request.stop.check();
				score_case(scorers, cases, begin + i, rows[i], log_weight[i]);
				request.monitor.advance();
			}
		});
		for (std::size_t i = 0; i < n; ++i) {
			PastBuffer past;
			past.read(cases.history(all[begin + i]), request.data.n_items());
			cases_.push_back({log_weight_.size(), log_weight_.size() + log_weight[i].size(),
							  static_cast<std::uint8_t>(length_bucket(past.past().size())),
							  static_cast<std::uint8_t>(mix64(all[begin + i].user) & 1), all[begin + i].early,
							  all[begin + i].user});
			rows_.insert(rows_.end(), rows[i].begin(), rows[i].end());
			log_weight_.insert(log_weight_.end(), log_weight[i].begin(), log_weight[i].end());
		}
	}
	measure_spread();
	choose_first();
}

void Stacking::score_case(const ExpertScorers &scorers, const HeldOutCases &cases, std::size_t index,
						  std::vector<float> &rows, std::vector<float> &log_weight) const {
	const HeldOutCase &c = cases.cases()[index];
	const std::size_t n_items = request_.data.n_items();
	PastBuffer past;
	past.read(cases.history(c), n_items);
	const Situation situation = situation_of(request_.data, c.event, c.owner);
	std::vector<std::uint8_t> marked(n_items, 0);
	std::vector<std::uint32_t> items{c.truth}, order, dirty(n_items / Dense::kBlock + 1);
	marked[c.truth] = 1;
	std::vector<std::vector<float>> personal(n_experts_);
	for (std::size_t e = 0; e < n_experts_; ++e) {
		if (has_base_[e] != 0)
			continue;
		personal[e].assign(n_items, 0.0f);
		scorers[e]->score({past.past(), situation}, 1.0f, {personal[e].data(), dirty.data(), dirty.size()});
		mark_top(personal[e], order, marked, items);
	}
	const std::size_t certain = items.size();
	if (n_items - certain <= 2 * kOthers) {
		for (std::uint32_t item = 0; item < n_items; ++item)
			if (marked[item] == 0)
				items.push_back(item);
	} else {
		Rng rng(request_.seed, 0x7374616b, index);
		while (items.size() < certain + kOthers) {
			const auto item = static_cast<std::uint32_t>(rng.below(n_items));
			if (marked[item] == 0) {
				marked[item] = 1;
				items.push_back(item);
			}
		}
	}
	const std::size_t others = items.size() - certain;
	const double stands_for = others == 0 ? 1.0 : static_cast<double>(n_items - certain) / static_cast<double>(others);
	for (std::size_t i = 0; i < items.size(); ++i) {
		log_weight.push_back(i < certain ? 0.0f : static_cast<float>(std::log(stands_for)));
		for (std::size_t e = 0; e < n_experts_; ++e)
			rows.push_back(has_base_[e] != 0 ? scorers[e]->base()[items[i]] : personal[e][items[i]]);
	}
}

void Stacking::measure_spread() {
	spread_.assign(n_experts_, 0.0);
	for (const CaseRows &c : cases_) {
		const double n = static_cast<double>(c.end - c.begin);
		for (std::size_t e = 0; e < n_experts_; ++e) {
			double sum = 0, square = 0;
			for (std::size_t row = c.begin; row < c.end; ++row) {
				const double x = static_cast<double>(rows_[row * n_experts_ + e]);
				sum += x;
				square += x * x;
			}
			spread_[e] += std::max(0.0, square / n - sum / n * (sum / n)) / static_cast<double>(cases_.size());
		}
	}
}

template <class Keep> std::vector<std::size_t> Stacking::select(Keep keep) const {
	std::vector<std::size_t> chosen;
	for (std::size_t i = 0; i < cases_.size(); ++i)
		if (keep(cases_[i]))
			chosen.push_back(i);
	return chosen;
}

double Stacking::shares(const CaseRows &c, const Weights &weights, std::vector<double> &share) const {
	share.clear();
	double highest = -std::numeric_limits<double>::infinity();
	for (std::size_t row = c.begin; row < c.end; ++row) {
		double logit = static_cast<double>(log_weight_[row]);
		for (std::size_t e = 0; e < n_experts_; ++e)
			logit += weights[e] * static_cast<double>(rows_[row * n_experts_ + e]);
		share.push_back(logit);
		highest = std::max(highest, logit);
	}
	const double truth = share[0];
	double sum = 0;
	for (double &value : share)
		sum += value = std::exp(value - highest);
	for (double &value : share)
		value /= sum;
	return truth - highest - std::log(sum);
}

std::vector<double> Stacking::log_likelihoods(std::span<const std::size_t> chosen, const Weights &weights) const {
	std::vector<double> found(chosen.size());
	request_.executor.run(n_tasks(chosen.size()), [&](std::size_t task) {
		request_.stop.check();
		std::vector<double> share;
		for (std::size_t i = task * kCasesPerTask; i < std::min(chosen.size(), (task + 1) * kCasesPerTask); ++i)
			found[i] = shares(cases_[chosen[i]], weights, share);
	});
	return found;
}

Stacking::Slopes Stacking::slopes(std::span<const std::size_t> chosen, const Weights &weights) const {
	const auto k = static_cast<Eigen::Index>(n_experts_);
	const auto zero = [&] { return Slopes{0, Eigen::VectorXd::Zero(k), Eigen::MatrixXd::Zero(k, k)}; };
	std::vector<Slopes> parts(n_tasks(chosen.size()), zero());
	request_.executor.run(parts.size(), [&](std::size_t task) {
		request_.stop.check();
		Slopes &part = parts[task];
		std::vector<double> share;
		Eigen::VectorXd x(k);
		for (std::size_t i = task * kCasesPerTask; i < std::min(chosen.size(), (task + 1) * kCasesPerTask); ++i) {
			const CaseRows &c = cases_[chosen[i]];
			const auto load = [&](std::size_t row) {
				for (Eigen::Index e = 0; e < k; ++e)
					x[e] = static_cast<double>(rows_[row * n_experts_ + static_cast<std::size_t>(e)]);
			};
			part.value += shares(c, weights, share);
			Eigen::VectorXd mean = Eigen::VectorXd::Zero(k);
			for (std::size_t row = c.begin; row < c.end; ++row) {
				const double p = share[row - c.begin];
				if (p < 1e-9)
					continue;
				load(row);
				mean += p * x;
				part.curvature += p * x * x.transpose();
			}
			part.curvature -= mean * mean.transpose();
			load(c.begin);
			part.gradient += x - mean;
		}
	});
	Slopes sum = zero();
	for (const Slopes &part : parts) {
		sum.value += part.value;
		sum.gradient += part.gradient;
		sum.curvature += part.curvature;
	}
	return sum;
}

double Stacking::penalty(const Weights &weights, const Pull &pull) const {
	double sum = 0;
	for (std::size_t e = 0; e < n_experts_; ++e)
		sum += 0.5 * pull.cases * spread_[e] * (weights[e] - pull.towards[e]) * (weights[e] - pull.towards[e]);
	return sum;
}

Stacking::Weights Stacking::fit(std::span<const std::size_t> chosen, std::vector<std::uint8_t> active,
								const Pull &pull) const {
	const auto k = static_cast<Eigen::Index>(n_experts_);
	Weights weights(n_experts_, 0.0);
	for (std::size_t e = 0; e < n_experts_; ++e)
		weights[e] = active[e] != Out ? pull.towards[e] : 0.0;
	Slopes here = slopes(chosen, weights);
	for (int round = 0; round < 20; ++round) {
		Eigen::VectorXd gradient = here.gradient;
		Eigen::MatrixXd curvature = here.curvature;
		for (Eigen::Index e = 0; e < k; ++e) {
			const auto at = static_cast<std::size_t>(e);
			gradient[e] -= pull.cases * spread_[at] * (weights[at] - pull.towards[at]);
			curvature(e, e) += pull.cases * spread_[at] + 1e-9;
			if (active[at] == Free)
				continue;
			gradient[e] = 0;
			curvature.row(e).setZero();
			curvature.col(e).setZero();
			curvature(e, e) = 1;
		}
		const Eigen::VectorXd step = curvature.ldlt().solve(gradient);
		const double before = here.value - penalty(weights, pull);
		double length = 1;
		Weights next = weights;
		for (; length > 1e-3; length /= 2) {
			for (std::size_t e = 0; e < n_experts_; ++e)
				next[e] = weights[e] + length * step[static_cast<Eigen::Index>(e)];
			here = slopes(chosen, next);
			if (here.value - penalty(next, pull) >= before)
				break;
		}
		const double gained = here.value - penalty(next, pull) - before;
		if (!(gained >= 0))
			break;
		weights = next;
		if (gained < 1e-5 * static_cast<double>(chosen.size() + 1))
			break;
	}
	for (std::size_t e = 0; e < n_experts_; ++e)
		if (active[e] == Free && weights[e] < 0 && may_be_negative_[e] == 0) {
			active[e] = Out;
			return fit(chosen, std::move(active), pull);
		}
	return weights;
}

template <class Keep> std::vector<double> Stacking::cross_validated(std::span<const std::uint8_t> active, Keep keep) const {
	std::vector<double> by_user;
	for (const int fold : {0, 1}) {
		const auto learn = select([&](const CaseRows &c) { return keep(c) && c.fold != fold; });
		const auto judge = select([&](const CaseRows &c) { return keep(c) && c.fold == fold; });
		const Weights weights = fit(learn, {active.begin(), active.end()}, {defaults_, kPullToDefault});
		const std::vector<double> values = log_likelihoods(judge, weights);
		for (std::size_t i = 0; i < judge.size(); ++i) {
			const std::size_t user = cases_[judge[i]].user;
			by_user.resize(std::max(by_user.size(), user + 1), 0.0);
			by_user[user] += values[i];
		}
	}
	return by_user;
}

template <class Keep> void Stacking::drop_idle(std::vector<std::uint8_t> &active, Keep keep) const {
	const double n = static_cast<double>(select(keep).size());
	std::vector<double> with = cross_validated(active, keep);
	for (;;) {
		std::size_t worst = n_experts_;
		double least = std::numeric_limits<double>::infinity();
		std::vector<double> best;
		for (std::size_t e = 0; e < n_experts_; ++e) {
			if (active[e] != Free || has_base_[e] != 0)
				continue;
			std::vector<std::uint8_t> without(active);
			without[e] = Out;
			std::vector<double> values = cross_validated(without, keep);
			const Gain gain(with, values);
			if (gain.sum > std::max(kTrifle * n, kBeyondChance * gain.error) || gain.sum >= least)
				continue;
			least = gain.sum;
			worst = e;
			best = std::move(values);
		}
		if (worst == n_experts_)
			return;
		active[worst] = Out;
		with = std::move(best);
		request_.monitor.advance();
	}
}

std::vector<std::uint8_t> Stacking::choose() const {
	std::vector<std::uint8_t> active(n_experts_, Free);
	for (std::size_t e = 0; e < n_experts_; ++e)
		active[e] = has_base_[e] != 0 || spread_[e] > 0 || cases_.empty() ? Free : Out;
	if (select(late).size() < kFewestCases) {
		drop_undecided(active);
		return active;
	}
	request_.monitor.phase("weighing the experts", n_experts_);
	drop_idle(active, late);
	return active;
}

/// Without a history a base speaks for itself: its default takes it as the log of a probability. Held-out first events would
/// judge it by all times alike, when what is asked for is now. They do tell what circumstances add to it.
void Stacking::choose_first() {
	first_.assign(n_experts_, Out);
	for (std::size_t e = 0; e < n_experts_; ++e)
		first_[e] = has_base_[e] != 0 ? Fixed : without_past_[e] != 0 && (spread_[e] > 0 || cases_.empty()) ? Free : Out;
	if (select(first).size() >= kFewestCases)
		drop_idle(first_, first);
	else
		drop_undecided(first_);
}

/// Who has no weight by default is let in by evidence alone.
void Stacking::drop_undecided(std::vector<std::uint8_t> &active) const {
	for (std::size_t e = 0; e < n_experts_; ++e)
		if (defaults_[e] == 0)
			active[e] = Out;
}

std::vector<LengthWeights> Stacking::fit(std::span<const std::uint8_t> active) const {
	const std::vector<std::uint8_t> mask(active.begin(), active.end());
	const Weights overall = fit(select(late), mask, {defaults_, kPullToDefault});
	std::vector<LengthWeights> weights(n_experts_, LengthWeights{});
	const Weights without_history = fit(select(first), first_, {defaults_, kPullToDefault});
	for (std::size_t e = 0; e < n_experts_; ++e)
		weights[e][0] = static_cast<float>(without_history[e]);
	for (std::size_t bucket = 1; bucket < kLengthBuckets; ++bucket) {
		std::vector<std::uint8_t> allowed(mask);
		for (std::size_t e = 0; e < n_experts_; ++e)
			if (overall[e] == 0)
				allowed[e] = 0;
		const auto chosen = select([&](const CaseRows &c) { return c.bucket == bucket; });
		const Weights found = fit(chosen, allowed, {overall, kPullToAll});
		for (std::size_t e = 0; e < n_experts_; ++e)
			weights[e][bucket] = static_cast<float>(found[e]);
	}
	return weights;
}

double Stacking::temperature(const std::vector<LengthWeights> &weights) const {
	if (select(late).size() < kFewestCases)
		return 1;
	struct Point {
		double value = 0, slope = 0, curvature = 0;
	};
	const auto at = [&](double factor) {
		Point point;
		for (std::size_t bucket = 1; bucket < kLengthBuckets; ++bucket) {
			Eigen::VectorXd direction(static_cast<Eigen::Index>(n_experts_));
			Weights scaled(n_experts_);
			for (std::size_t e = 0; e < n_experts_; ++e) {
				direction[static_cast<Eigen::Index>(e)] = static_cast<double>(weights[e][bucket]);
				scaled[e] = factor * static_cast<double>(weights[e][bucket]);
			}
			const Slopes here = slopes(select([&](const CaseRows &c) { return late(c) && c.bucket == bucket; }), scaled);
			point.value += here.value;
			point.slope += here.gradient.dot(direction);
			point.curvature += direction.dot(here.curvature * direction);
		}
		return point;
	};
	double factor = 1;
	Point here = at(factor);
	for (int round = 0; round < 20 && here.curvature > 0; ++round) {
		// At most by half or to the double: the factor stays positive, so that no list is turned around.
		double next = std::clamp(factor + here.slope / here.curvature, factor / 2, factor * 2);
		Point there = at(next);
		for (; there.value < here.value && std::abs(next - factor) > 1e-4 * factor; there = at(next))
			next = (next + factor) / 2;
		if (there.value < here.value)
			break;
		const bool done = std::abs(next - factor) <= 1e-4 * factor;
		factor = next;
		here = there;
		if (done)
			break;
	}
	return factor;
}

} // namespace recsys::recipe
