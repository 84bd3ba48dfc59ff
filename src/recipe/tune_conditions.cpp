// The model is P(item | conditions) proportional to share(item) * exp(sum of weight(field) * lift(condition, item)). Its normaliser
// is a mean over items drawn by their shares, the same for all cases. A field's doubt is chosen with the field alone; then the
// weights are found together, by Newton's method: the likelihood is concave in them.
#include "recipe/tune_conditions.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <Eigen/Dense>

#include "base/rng.hpp"
#include "recipe/held_out_cases.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kDraws = 512;			 // items that stand for the catalogue
constexpr std::size_t kMostCases = 1600;	 // held-out events that are asked
constexpr std::size_t kFewestCases = 40;	 // below, nothing can be told
constexpr std::size_t kPerTask = 16;		 // cases
constexpr double kDoubts[] = {1, 3, 10, 30, 100, 300, 1000}; // events as expected
constexpr double kCautious = 10;			 // doubt where nothing can be told
constexpr double kTrifle = 5e-4;			 // of log-likelihood a case: not worth a look at the field
constexpr double kBeyondChance = 1.645;		 // standard errors
constexpr double kPullToOne = 5;			 // in cases: a lift is a lift

std::size_t n_tasks(std::size_t n) noexcept { return (n + kPerTask - 1) / kPerTask; }

/// Items that stand for the catalogue, and how often each was drawn, as a share.
struct Draws {
	std::vector<std::uint32_t> item; // ascending
	std::vector<double> share;
};

Draws draw_items(const TrainRequest &request, const Sequences &sequences) {
	std::vector<std::uint32_t> drawn;
	Rng rng(request.seed, 0x64726177);
	std::vector<std::uint64_t> upto(sequences.n_items() + 1, 0);
	for (std::size_t item = 0; item < sequences.n_items(); ++item)
		upto[item + 1] = upto[item] + sequences.events_on(item).size();
	for (std::size_t i = 0; i < kDraws; ++i) {
		const auto at = std::upper_bound(upto.begin(), upto.end(), rng.below(upto.back()));
		drawn.push_back(static_cast<std::uint32_t>(at - upto.begin() - 1));
	}
	std::sort(drawn.begin(), drawn.end());
	Draws draws;
	for (std::size_t i = 0, end = 0; i < drawn.size(); i = end) {
		while (end < drawn.size() && drawn[end] == drawn[i])
			++end;
		draws.item.push_back(drawn[i]);
		draws.share.push_back(static_cast<double>(end - i) / kDraws);
	}
	return draws;
}

class Tuning {
public:
	Tuning(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases, ConditionKind kind)
		: request_(request), sequences_(sequences), kind_(kind), draws_(draw_items(request, sequences)), width_(draws_.item.size() + 1) {
		const auto all = cases.cases();
		const std::size_t every = std::max<std::size_t>(1, all.size() / kMostCases);
		for (std::size_t c = 0; c < all.size(); c += every)
			cases_.push_back(&all[c]);
	}

	std::vector<Conditions::Field> run(const std::vector<ConditionField> &fields) {
		for (const ConditionField &field : fields) {
			request_.monitor.advance();
			learn(field);
		}
		weigh();
		std::erase_if(kept_, [](const Conditions::Field &field) { return field.weight == 0; });
		return kept_;
	}

private:
	using Lifts = Budgeted<float>; // cases × (the item that was chosen, the drawn ones)

	double share(std::uint32_t item) const {
		return static_cast<double>(sequences_.events_on(item).size()) / static_cast<double>(sequences_.n_events());
	}

	/// Keeps the field if it tells something.
	void learn(const ConditionField &field) {
		const ConditionCounts counts = count_conditions(request_, sequences_, kind_, field);
		std::optional<Lifts> best;
		double most = 0, doubt = 0;
		for (const double candidate : kDoubts) {
			Lifts lifts = lift_cases(counts, candidate);
			if (const double gain = clear_gain(lifts); gain > most) {
				most = gain;
				doubt = candidate;
				best = std::move(lifts);
			}
		}
		if (!best)
			return;
		kept_.push_back({field, doubt, 1});
		lifts_.push_back(std::move(*best));
	}

	Lifts lift_cases(const ConditionCounts &counts, double doubt) const {
		Lifts lifts(cases_.size() * width_, 0.0f, BudgetAllocator<float>(&request_.budget));
		// By condition: what the drawn items have is the same in all cases.
		std::vector<std::vector<float>> drawn(counts.field.end - counts.field.begin);
		HourBuffer buffer;
		for (std::size_t c = 0; c < cases_.size(); ++c) {
			request_.stop.check();
			const Situation situation = situation_of(request_.data, cases_[c]->event, cases_[c]->owner);
			for (const std::uint32_t condition : conditions_of(kind_, situation, buffer)) {
				if (condition < counts.field.begin || condition >= counts.field.end)
					continue;
				const ConditionCounts::Items items = counts.items(condition);
				const double total = counts.total(condition);
				const auto lift = [&](std::uint32_t item) {
					return static_cast<float>(shrunken_lift(items.of(item), total * share(item), doubt));
				};
				std::vector<float> &of_drawn = drawn[condition - counts.field.begin];
				if (of_drawn.empty())
					std::transform(draws_.item.begin(), draws_.item.end(), std::back_inserter(of_drawn), lift);
				float *const row = lifts.data() + c * width_;
				row[0] += lift(cases_[c]->truth);
				for (std::size_t i = 0; i < of_drawn.size(); ++i)
					row[i + 1] += of_drawn[i];
			}
		}
		return lifts;
	}

	/// What the field alone, at weight one, adds to the log-likelihood; 0 if that may be chance.
	double clear_gain(const Lifts &lifts) const {
		double sum = 0, square = 0, of_user = 0;
		std::size_t n_users = 0;
		for (std::size_t c = 0; c < cases_.size(); ++c) {
			const float *const row = lifts.data() + c * width_;
			double mean = 0;
			for (std::size_t i = 0; i < draws_.item.size(); ++i)
				mean += draws_.share[i] * std::exp(static_cast<double>(row[i + 1]));
			of_user += static_cast<double>(row[0]) - std::log(mean);
			if (c + 1 < cases_.size() && cases_[c + 1]->user == cases_[c]->user)
				continue;
			sum += of_user;
			square += of_user * of_user;
			of_user = 0;
			++n_users;
		}
		const double error = std::sqrt(std::max(0.0, square - sum * sum / static_cast<double>(n_users)));
		return sum > std::max(kTrifle * static_cast<double>(cases_.size()), kBeyondChance * error) ? sum : 0;
	}

	struct Slopes {
		Eigen::VectorXd gradient;
		Eigen::MatrixXd curvature;
		double value;
	};

	Slopes slopes(const Eigen::VectorXd &weights) const {
		const Eigen::Index k = weights.size();
		const auto zero = [k] { return Slopes{Eigen::VectorXd::Zero(k), Eigen::MatrixXd::Zero(k, k), 0}; };
		std::vector<Slopes> parts(n_tasks(cases_.size()), zero());
		request_.executor.run(parts.size(), [&](std::size_t task) {
			request_.stop.check();
			Slopes &part = parts[task];
			Eigen::VectorXd x(k);
			for (std::size_t c = task * kPerTask; c < std::min(cases_.size(), (task + 1) * kPerTask); ++c) {
				const auto load = [&](std::size_t at) {
					for (Eigen::Index f = 0; f < k; ++f)
						x[f] = static_cast<double>(lifts_[static_cast<std::size_t>(f)][c * width_ + at]);
				};
				double mass = 0;
				Eigen::VectorXd mean = Eigen::VectorXd::Zero(k);
				Eigen::MatrixXd square = Eigen::MatrixXd::Zero(k, k);
				for (std::size_t i = 0; i < draws_.item.size(); ++i) {
					load(i + 1);
					const double p = draws_.share[i] * std::exp(weights.dot(x));
					mass += p;
					mean += p * x;
					square += p * x * x.transpose();
				}
				mean /= mass;
				load(0);
				part.value += weights.dot(x) - std::log(mass);
				part.gradient += x - mean;
				part.curvature += square / mass - mean * mean.transpose();
			}
		});
		Slopes sum = zero();
		for (const Slopes &part : parts) {
			sum.gradient += part.gradient;
			sum.curvature += part.curvature;
			sum.value += part.value;
		}
		return sum;
	}

	/// The weights of all fields together; one that would be negative is dropped.
	void weigh() {
		const auto k = static_cast<Eigen::Index>(kept_.size());
		if (k == 0)
			return;
		Eigen::VectorXd at = Eigen::VectorXd::Zero(k);
		Slopes here = slopes(at);
		const Eigen::VectorXd pull = here.curvature.diagonal() * (kPullToOne / static_cast<double>(cases_.size()));
		const auto penalty = [&](const Eigen::VectorXd &w) { return 0.5 * (pull.array() * (w.array() - 1).square()).sum(); };
		for (int round = 0; round < 30; ++round) {
			const Eigen::VectorXd slope = here.gradient - (pull.array() * (at.array() - 1)).matrix();
			Eigen::MatrixXd curvature = here.curvature;
			curvature.diagonal() += pull + Eigen::VectorXd::Constant(k, 1e-9);
			Eigen::VectorXd step = curvature.ldlt().solve(slope);
			const double before = here.value - penalty(at);
			Slopes there = slopes(at + step);
			for (int half = 0; half < 20 && !(there.value - penalty(at + step) >= before); ++half) {
				step /= 2;
				there = slopes(at + step);
			}
			const double gained = there.value - penalty(at + step) - before;
			if (!(gained > 0))
				break;
			at += step;
			here = std::move(there);
			if (gained < 1e-5 * static_cast<double>(cases_.size()))
				break;
		}
		Eigen::Index worst = 0;
		if (at.minCoeff(&worst) < 0) {
			kept_.erase(kept_.begin() + worst);
			lifts_.erase(lifts_.begin() + worst);
			return weigh();
		}
		for (Eigen::Index f = 0; f < k; ++f)
			kept_[static_cast<std::size_t>(f)].weight = at[f];
	}

	const TrainRequest &request_;
	const Sequences &sequences_;
	ConditionKind kind_;
	Draws draws_;
	std::size_t width_;
	std::vector<const HeldOutCase *> cases_;
	std::vector<Conditions::Field> kept_;
	std::vector<Lifts> lifts_; // of each field that is kept
};

} // namespace

std::vector<Conditions::Field> tune_conditions(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases,
											   ConditionKind kind) {
	const std::vector<ConditionField> fields = condition_fields(kind, request.data);
	request.monitor.phase("asking what goes with circumstances", fields.size());
	if (sequences.n_events() > 0 && cases.cases().size() >= kFewestCases)
		return Tuning(request, sequences, cases, kind).run(fields);
	std::vector<Conditions::Field> all;
	for (const ConditionField &field : fields)
		all.push_back({field, kCautious, 1 / std::sqrt(static_cast<double>(fields.size()))});
	return all;
}

} // namespace recsys::recipe
