// How much to listen to whom: softmax stacking (Wolpert 1992) of expert scores on held-out events. The log-likelihood of
// what came next is concave in the weights, so Newton's method finds the one optimum in a few steps.
//
// Three safeguards. The weights start from, and are pulled towards, each expert's default, with the strength of a few
// cases: little evidence moves little. An expert stays only if weights fitted on one half of the held-out users foretell the
// other half better with it than without, by more than chance explains. And each history length has its own weights, pulled towards those of all lengths.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recipe/blend.hpp"

namespace recsys::recipe {

class Stacking {
public:
	/// Scores a sample of the catalogue for each case: all items that an expert ranks high, and some others that stand for
	/// the rest. `experts` of the training that produced `scorers`.
	Stacking(const TrainRequest &request, const std::vector<std::unique_ptr<Expert>> &experts,
			 const ExpertScorers &scorers, const HeldOutCases &cases);

	/// The experts that are worth having, by cross-validation; 0 or 1 an expert. Those without a base always stay out if
	/// they have nothing to say in any case.
	std::vector<std::uint8_t> choose() const;
	/// Weights by history length; an expert with active[e] == 0 has none where there is a history. Without one, those have a weight
	/// who speak about such users and foretell first events better than the base alone.
	std::vector<LengthWeights> fit(std::span<const std::uint8_t> active) const;
	/// The factor on all of `weights` under which what came next is the likeliest: the lists stay, the scores spread as far as
	/// the held-out cases say. Positive; 1 when there are too few cases to tell.
	double temperature(const std::vector<LengthWeights> &weights) const;

private:
	using Weights = std::vector<double>; // an expert
	struct CaseRows {
		std::size_t begin, end; // rows; the first is the truth
		std::uint8_t bucket, fold;
		bool early;
		std::uint32_t user;
	};
	struct Pull {
		Weights towards;
		double cases; // strength
	};
	struct Slopes;
	/// Of an expert in a fit: none, to be found, or what it is pulled towards.
	enum Part : std::uint8_t { Out, Free, Fixed };

	void score_case(const ExpertScorers &scorers, const HeldOutCases &cases, std::size_t index, std::vector<float> &rows,
					std::vector<float> &log_weight) const;
	void measure_spread();
	Slopes slopes(std::span<const std::size_t> chosen, const Weights &weights) const;
	double penalty(const Weights &weights, const Pull &pull) const;
	/// Newton's method; experts that turn out negative and must not are set to zero and the rest fitted again.
	Weights fit(std::span<const std::size_t> chosen, std::vector<std::uint8_t> active, const Pull &pull) const;
	/// Log-likelihood of each user's cases under weights from users of the other half.
	template <class Keep> std::vector<double> cross_validated(std::span<const std::uint8_t> active, Keep keep) const;
	/// Takes out of `active`, one after the other, the experts without a base that do not help with these cases beyond chance.
	template <class Keep> void drop_idle(std::vector<std::uint8_t> &active, Keep keep) const;
	void choose_first();
	void drop_undecided(std::vector<std::uint8_t> &active) const;
	/// The softmax over a case's rows; returns the log of the truth's.
	double shares(const CaseRows &c, const Weights &weights, std::vector<double> &share) const;
	std::vector<double> log_likelihoods(std::span<const std::size_t> chosen, const Weights &weights) const;
	/// A user's first event.
	static bool first(const CaseRows &c) noexcept { return c.bucket == 0; }
	/// Cases as they come in service, with something to go by.
	static bool late(const CaseRows &c) noexcept { return !c.early && c.bucket > 0; }
	template <class Keep> std::vector<std::size_t> select(Keep keep) const;

	const TrainRequest &request_;
	std::size_t n_experts_;
	Weights defaults_;
	std::vector<std::uint8_t> may_be_negative_, has_base_, without_past_;
	std::vector<std::uint8_t> first_; // who has a say without a history: Kept or Fixed
	std::vector<CaseRows> cases_;
	Budgeted<float> rows_;		 // n_experts_ a row
	Budgeted<float> log_weight_; // a row: log of how many items it stands for
	Weights spread_;			 // mean square of the scores around the case's mean; the unit of a pull
};

} // namespace recsys::recipe
