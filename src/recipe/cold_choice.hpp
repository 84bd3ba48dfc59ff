// Weights for new items: what came next, when a part of the items is new? A user chooses among known items, whose logits the
// blend tells, and new ones, whose logits are offset + weight * log share + weight * past . vector. The likelihood of the held-out
// choices is concave in the three.
#include "base/wall.hpp"
#pragma once

#include <span>
#include <vector>

#include <Eigen/Core>

#include "math/matrix.hpp"
#include "recipe/expert.hpp"

namespace recsys::recipe {

struct ColdSettings;

/// Items that are taken for new.
struct NewItems {
	std::span<const std::uint32_t> items; // ascending
	std::vector<double> log_share;
	const math::Matrix &vectors; // a row each; columns beyond those of `forth` are not looked at
	const math::Matrix &forth;	 // of all items
};

class NextChoice {
public:
	NextChoice(const TrainRequest &request, NewItems items, const HeldOutCases &cases, const Scorer &scorer);
	/// Cases in which a new item was chosen.
	std::size_t chosen_new() const noexcept { return chosen_new_; }
	/// Finds offset and weights for a power of age, that of the past zero when it does not help beyond chance. Returns the
	/// log-likelihood.
	double fit(float age_power, ColdSettings &settings);

private:
	struct Case {
		std::vector<Vote> past;
		std::vector<std::uint32_t> own; // places of new items that the user has already: they do not compete
		std::uint32_t truth;			// place among the new items; kNone: a known item was chosen
		double truth_logit, known;		// of the known item; the logarithm of the sum over all known items
	};
	struct Slopes;
	using Weights = Eigen::Vector3d; // of one, of the logarithm of the share, of the match with the past
	bool read(std::span<const Event> history, std::uint32_t truth, const Scorer &scorer, Scores &scores, Case &out) const;
	std::uint32_t place(std::uint32_t item) const noexcept;
	void match_pasts(float age_power);
	double fair_offset() const;
	Slopes slopes(const Weights &weights) const;
	void add_case(std::size_t c, const Weights &weights, Slopes &sum) const;

	const TrainRequest &request_;
	NewItems items_;
	std::vector<Case> cases_;
	Budgeted<float> match_; // cases × items: past . vector
	std::size_t chosen_new_ = 0;
};

} // namespace recsys::recipe
