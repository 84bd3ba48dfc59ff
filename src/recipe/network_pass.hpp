// One pass of the network over some histories: forward, and backward by the chain rule (backpropagation through time).
//
// Histories of different lengths lie packed, step by step, the longest first: at step t the histories still running are the
// first rows of their block, so a step is one matrix product without padding. What happens outside the recurrence is done
// for many events at once, in chunks that fit the second cache; the softmax is learned from right there.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.hpp"
#include "base/stop.hpp"
#include "math/kernels.hpp"
#include "recipe/network.hpp"

namespace recsys::recipe {

/// Histories of one pass. Rows of step t are events [step[t], step[t + 1]), never more than of the step before.
struct PackedHistories {
	std::vector<std::uint32_t> step{0};
	std::vector<std::uint32_t> slot;		// an event: row of the item matrix that the pass is given
	std::vector<std::uint32_t> extra;		// extra_columns an event: rows of Part::Extra
	std::vector<std::uint8_t> session;		// an event: 1 = a session begins (ignored in step 0)
	std::vector<std::uint32_t> target;		// an event: slot of what came next, kNoTarget = not asked
	std::vector<std::uint32_t> target_item; // and its item
	std::vector<std::uint32_t> key;			// an event: of what is dropped
	std::size_t extra_columns = 0;

	static constexpr std::uint32_t kNoTarget = 0xffffffffu;
	std::size_t events() const noexcept { return slot.size(); }
	std::size_t steps() const noexcept { return step.size() - 1; }
	std::size_t rows(std::size_t t) const noexcept { return step[t + 1] - step[t]; }
};

/// Weights with the transposes that backward needs.
class NetworkTransposes {
public:
	NetworkTransposes(const NetworkLayout &layout, MemoryBudget *budget);
	void update(const NetworkWeights &weights);
	const float *operator[](Part part) const noexcept { return data_.data() + layout_.begin(part); }

private:
	NetworkLayout layout_;
	Budgeted<float> data_;
};

/// The items that the truth is compared with in the softmax; `count` is a multiple of math::kLanes. All see the same.
struct Rivals {
	std::size_t count = 0;
	const float *rows = nullptr;	   // count × d
	const float *transposed = nullptr; // d × count
	const float *shift = nullptr;	   // count: bias less the log of how often the item is drawn
	const std::uint32_t *items = nullptr;
};

class NetworkPass {
public:
	struct Options {
		float drop = 0;			   // share of values dropped
		std::uint32_t horizon = 0; // steps after which a slope is cut; 0 = never
		/// Where each history stands before its first event, rows(0) × state_size(): what `state_before` told. Null = at nothing.
		/// A first event's beginning of a session is then in it. Not for backward.
		const float *start = nullptr;
	};

	explicit NetworkPass(MemoryBudget *budget);

	/// States of all events. The weights' layout and `histories` must outlive the later calls.
	void forward(const NetworkWeights &weights, const float *items, const PackedHistories &histories, const Options &options,
				 const StopToken &stop);
	/// The network's answer after an event, d values: what is multiplied with the item matrix.
	const float *answer(const NetworkWeights &weights, std::size_t event);
	/// After forward: the softmax of every event with a target, and all slopes. Returns the sum of the losses. `slopes`
	/// (layout.size()), `rival_slopes` (count × d) and `rival_bias` (count) are added to.
	double backward(const NetworkWeights &weights, const NetworkTransposes &transposes, const float *items, const float *item_bias,
					const Rivals &rivals, float *slopes, float *rival_slopes, float *rival_bias, const StopToken &stop);

	/// After backward: an event's slope in its input, and its target's share: slope(e) * output(e).
	const float *input_slope(std::size_t event) const noexcept { return dx_.data() + event * d_; }
	const float *output(std::size_t event) const noexcept { return output_.data() + event * d_; }
	float target_slope(std::size_t event) const noexcept { return truth_[event].slope; }
	/// After forward.
	const float *state(std::size_t event) const noexcept { return next_.data() + event * d_; }
	/// Values of what a history stands at: of the session's level, then of the user's.
	static std::size_t state_size(const NetworkShape &shape) noexcept { return shape.two_levels ? 2 * shape.d : shape.d; }
	/// After forward: where the history in row `row` stood before its last event, which is event `last` of the pass.
	void state_before_last(std::size_t row, std::size_t last, float *out) const noexcept;

private:
	static constexpr std::size_t kChunk = 128; // events
	struct Beginning {
		std::uint32_t row, earlier; // history; the one before of the same history, or kNone
	};
	/// The network's upper part over the events of a chunk, a row each.
	struct Upper {
		std::size_t first, n;
		float *sum, *normed, *inner, *total, *slope, *inner_slope, *back, *logit, *sum_stats, *total_stats;
	};

	void resize();
	void resize_back(std::size_t rivals);
	void index_sessions();
	void enter(const NetworkWeights &weights, const float *items, std::size_t first, std::size_t n);
	void begin_sessions(const NetworkWeights &weights, std::size_t t);
	void start(float *before) const noexcept;
	void user_before(const Beginning &beginning, float *out) const noexcept;
	Upper upper(std::size_t first, std::size_t n, std::size_t rivals);
	void rise(const NetworkWeights &weights, const Upper &at);
	double compare(const Upper &at, const float *items, const float *item_bias, const Rivals &rivals, float *rival_slopes,
				   float *rival_bias);
	void fall(const NetworkWeights &weights, const NetworkTransposes &transposes, const Upper &at, float *slopes);
	void recur_back(const NetworkTransposes &transposes, const StopToken &stop);
	void begin_sessions_back(const NetworkTransposes &transposes, std::size_t t);
	void session_slopes(float *slopes) const;
	void leave(const NetworkWeights &weights, const NetworkTransposes &transposes, std::size_t first, std::size_t n, float *slopes);

	const NetworkLayout *layout_ = nullptr;
	std::size_t d_ = 0;
	const PackedHistories *in_ = nullptr;
	Options options_;
	// An event a row: the sum that enters, after norm_in, after norm_gru, state before and after, gates, output; then slopes.
	Budgeted<float> v_, x_, a_, before_, next_, gates_, output_, dx_, dnext_, v_stats_, x_stats_;
	std::vector<math::RecsysTruth> truth_;
	// A beginning of a session a row, in the order of steps: the session level's state before, the user level's before and
	// after, its gates, what is proposed and how much of it is taken; then slopes.
	static constexpr std::uint32_t kNone = 0xffffffffu;
	std::vector<Beginning> beginnings_;
	std::vector<std::uint32_t> beginnings_of_; // of step t: [t], [t + 1]
	std::vector<std::uint32_t> latest_;		   // of each history, or kNone
	Budgeted<float> ended_, user_before_, user_after_, user_gates_, proposal_, gate_, dproposal_, dgate_, duser_;
	Budgeted<float> recurrent_, carry_, scratch_;
};

} // namespace recsys::recipe
