#include "recipe/network_pass.hpp"

#include <algorithm>
#include <cstring>

namespace recsys::recipe {

namespace {

using math::RecsysStrided;

constexpr std::size_t kUpperColumns = 5 + 2 * kWideFactor; // of width d
constexpr std::uint32_t kDropInput = 1, kDropState = 2, kDropWide = 3;

const math::RecsysKernels &kernel() noexcept {
	static const math::RecsysKernels &k = math::kernels();
	return k;
}

RecsysStrided plain(const float *data, std::size_t stride) noexcept { return {data, stride, 1}; }
RecsysStrided transposed(const float *data, std::size_t stride) noexcept { return {data, 1, stride}; }

constexpr Part kTransposed[] = {Part::Input, Part::Recurrent, Part::Wide, Part::Narrow, Part::UserInput, Part::UserRecurrent,
								Part::Proposal, Part::Gate};

} // namespace

NetworkTransposes::NetworkTransposes(const NetworkLayout &layout, MemoryBudget *budget)
	: layout_(layout), data_(layout.size(), 0.0f, BudgetAllocator<float>(budget)) {}

void NetworkTransposes::update(const NetworkWeights &weights) {
	for (const Part part : kTransposed) {
		const float *from = weights[part];
		float *to = data_.data() + layout_.begin(part);
		const std::size_t rows = layout_.rows(part), columns = layout_.columns(part);
		for (std::size_t i = 0; i < rows; ++i)
			for (std::size_t j = 0; j < columns; ++j)
				to[j * rows + i] = from[i * columns + j];
	}
}

NetworkPass::NetworkPass(MemoryBudget *budget) {
	for (Budgeted<float> *buffer : {&v_, &x_, &a_, &before_, &next_, &gates_, &output_, &dx_, &dnext_, &v_stats_, &x_stats_, &ended_,
									&user_before_, &user_after_, &user_gates_, &proposal_, &gate_, &dproposal_, &dgate_, &duser_,
									&recurrent_, &carry_, &scratch_})
		*buffer = Budgeted<float>(BudgetAllocator<float>(budget));
}

void NetworkPass::resize() {
	const std::size_t n = in_->events(), rows = n == 0 ? 0 : in_->rows(0), b = beginnings_.size();
	for (Budgeted<float> *buffer : {&v_, &x_, &a_, &before_, &next_, &output_})
		buffer->resize(n * d_);
	gates_.resize(n * 4 * d_);
	v_stats_.resize(n * 2);
	x_stats_.resize(n * 2);
	for (Budgeted<float> *buffer : {&ended_, &user_before_, &user_after_, &proposal_, &gate_})
		buffer->resize(b * d_);
	user_gates_.resize(b * 4 * d_);
	recurrent_.resize(rows * 3 * d_);
	scratch_.resize(kChunk * kUpperColumns * d_ + kChunk * 4);
}

void NetworkPass::resize_back(std::size_t rivals) {
	const std::size_t n = in_->events(), rows = n == 0 ? 0 : in_->rows(0), b = beginnings_.size();
	truth_.resize(n);
	dx_.resize(n * d_);
	dnext_.resize(n * d_);
	dproposal_.resize(b * d_);
	dgate_.resize(b * d_);
	duser_.resize(rows * d_);
	carry_.resize(rows * d_);
	scratch_.resize(kChunk * (kUpperColumns * d_ + 4 + rivals));
}

void NetworkPass::index_sessions() {
	beginnings_.clear();
	beginnings_of_.assign(in_->steps() + 1, 0);
	if (!layout_->shape().two_levels || in_->events() == 0)
		return;
	latest_.assign(in_->rows(0), kNone);
	for (std::size_t t = 0; t < in_->steps(); ++t) {
		for (std::uint32_t row = 0; t > 0 && row < in_->rows(t); ++row)
			if (in_->session[in_->step[t] + row] != 0) {
				beginnings_.push_back({row, latest_[row]});
				latest_[row] = static_cast<std::uint32_t>(beginnings_.size() - 1);
			}
		beginnings_of_[t + 1] = static_cast<std::uint32_t>(beginnings_.size());
	}
}

void NetworkPass::enter(const NetworkWeights &weights, const float *items, std::size_t first, std::size_t n) {
	const math::RecsysKernels &k = kernel();
	for (std::size_t event = first; event < first + n; ++event) {
		float *v = v_.data() + event * d_;
		std::memcpy(v, items + in_->slot[event] * d_, d_ * sizeof(float));
		for (std::size_t column = 0; column < in_->extra_columns; ++column)
			k.add(d_, weights[Part::Extra] + in_->extra[event * in_->extra_columns + column] * d_, v);
	}
	float *x = x_.data() + first * d_, *a = a_.data() + first * d_, *gates = gates_.data() + first * 4 * d_;
	k.normalize(n, d_, v_.data() + first * d_, weights[Part::InGain], weights[Part::InBias], x, v_stats_.data() + 2 * first);
	if (options_.drop > 0)
		k.drop(n, d_, in_->key.data() + first, kDropInput, options_.drop, x);
	k.normalize(n, d_, x, weights[Part::GruGain], weights[Part::GruBias], a, x_stats_.data() + 2 * first);
	k.product(n, 3 * d_, d_, plain(a, d_), weights[Part::Input], 3 * d_, gates, 4 * d_, false);
	k.add_row(n, 3 * d_, weights[Part::InputBias], gates, 4 * d_);
}

void NetworkPass::forward(const NetworkWeights &weights, const float *items, const PackedHistories &histories,
						  const Options &options, const StopToken &stop) {
	const math::RecsysKernels &k = kernel();
	layout_ = &weights.layout;
	d_ = layout_->shape().d;
	in_ = &histories;
	options_ = options;
	index_sessions();
	resize();
	for (std::size_t first = 0; first < in_->events(); first += kChunk) {
		stop.check();
		enter(weights, items, first, std::min(kChunk, in_->events() - first));
	}
	for (std::size_t t = 0; t < in_->steps(); ++t) {
		if (t % 16 == 0)
			stop.check();
		const std::size_t first = in_->step[t], rows = in_->rows(t);
		float *before = before_.data() + first * d_;
		if (t == 0)
			start(before);
		else
			std::memcpy(before, next_.data() + in_->step[t - 1] * d_, rows * d_ * sizeof(float));
		if (beginnings_of_[t] != beginnings_of_[t + 1])
			begin_sessions(weights, t);
		k.product(rows, 3 * d_, d_, plain(before, d_), weights[Part::Recurrent], 3 * d_, recurrent_.data(), 3 * d_, false);
		k.gru(rows, d_, gates_.data() + first * 4 * d_, recurrent_.data(), weights[Part::MemoryBias], before,
			  next_.data() + first * d_);
	}
}

void NetworkPass::start(float *before) const noexcept {
	const std::size_t rows = in_->rows(0), size = state_size(layout_->shape());
	for (std::size_t row = 0; row < rows; ++row)
		if (options_.start == nullptr)
			std::fill_n(before + row * d_, d_, 0.0f);
		else
			std::memcpy(before + row * d_, options_.start + row * size, d_ * sizeof(float));
}

void NetworkPass::user_before(const Beginning &beginning, float *out) const noexcept {
	if (beginning.earlier != kNone)
		std::memcpy(out, user_after_.data() + beginning.earlier * d_, d_ * sizeof(float));
	else if (options_.start != nullptr)
		std::memcpy(out, options_.start + beginning.row * 2 * d_ + d_, d_ * sizeof(float));
	else
		std::fill_n(out, d_, 0.0f);
}

void NetworkPass::state_before_last(std::size_t row, std::size_t last, float *out) const noexcept {
	std::memcpy(out, before_.data() + last * d_, d_ * sizeof(float));
	if (layout_->shape().two_levels)
		user_before({static_cast<std::uint32_t>(row), latest_[row]}, out + d_);
}

/// The user level moves on; the session level's state becomes what it proposes, as far as its gate is open.
void NetworkPass::begin_sessions(const NetworkWeights &weights, std::size_t t) {
	const math::RecsysKernels &k = kernel();
	const std::size_t first = beginnings_of_[t], n = beginnings_of_[t + 1] - first;
	float *before = before_.data() + in_->step[t] * d_;
	float *ended = ended_.data() + first * d_, *user = user_before_.data() + first * d_, *after = user_after_.data() + first * d_;
	float *proposal = proposal_.data() + first * d_, *gate = gate_.data() + first * d_, *gates = user_gates_.data() + first * 4 * d_;
	for (std::size_t i = 0; i < n; ++i) {
		const Beginning &b = beginnings_[first + i];
		std::memcpy(ended + i * d_, before + b.row * d_, d_ * sizeof(float));
		user_before(b, user + i * d_);
	}
	k.product(n, 3 * d_, d_, plain(ended, d_), weights[Part::UserInput], 3 * d_, gates, 4 * d_, false);
	k.add_row(n, 3 * d_, weights[Part::UserInputBias], gates, 4 * d_);
	k.product(n, 3 * d_, d_, plain(user, d_), weights[Part::UserRecurrent], 3 * d_, recurrent_.data(), 3 * d_, false);
	k.gru(n, d_, gates, recurrent_.data(), weights[Part::UserMemoryBias], user, after);
	k.product(n, d_, d_, plain(after, d_), weights[Part::Proposal], d_, proposal, d_, false);
	k.add_row(n, d_, weights[Part::ProposalBias], proposal, d_);
	k.tangent(n * d_, proposal);
	k.product(n, d_, d_, plain(after, d_), weights[Part::Gate], d_, gate, d_, false);
	k.add_row(n, d_, weights[Part::GateBias], gate, d_);
	k.logistic(n * d_, gate);
	for (std::size_t i = 0; i < n; ++i) {
		float *state = before + beginnings_[first + i].row * d_;
		for (std::size_t j = 0; j < d_; ++j)
			state[j] += gate[i * d_ + j] * (proposal[i * d_ + j] - state[j]);
	}
}

NetworkPass::Upper NetworkPass::upper(std::size_t first, std::size_t n, std::size_t rivals) {
	float *at = scratch_.data();
	const auto take = [&](std::size_t columns) {
		float *mine = at;
		at += kChunk * columns;
		return mine;
	};
	return {first, n, take(d_), take(d_), take(kWideFactor * d_), take(d_), take(d_), take(kWideFactor * d_), take(d_), take(rivals),
			take(2), take(2)};
}

void NetworkPass::rise(const NetworkWeights &weights, const Upper &at) {
	const math::RecsysKernels &k = kernel();
	const std::size_t size = at.n * d_, wide = kWideFactor * d_;
	const std::uint32_t *keys = in_->key.data() + at.first;
	std::memcpy(at.sum, next_.data() + at.first * d_, size * sizeof(float));
	if (options_.drop > 0)
		k.drop(at.n, d_, keys, kDropState, options_.drop, at.sum);
	k.add(size, x_.data() + at.first * d_, at.sum);
	k.normalize(at.n, d_, at.sum, weights[Part::WideGain], weights[Part::WideBias], at.normed, at.sum_stats);
	k.product(at.n, wide, d_, plain(at.normed, d_), weights[Part::Wide], wide, at.inner, wide, false);
	k.rectify(at.n, wide, weights[Part::WideInner], at.inner);
	k.product(at.n, d_, wide, plain(at.inner, wide), weights[Part::Narrow], d_, at.total, d_, false);
	k.add_row(at.n, d_, weights[Part::NarrowBias], at.total, d_);
	if (options_.drop > 0)
		k.drop(at.n, d_, keys, kDropWide, options_.drop, at.total);
	k.add(size, at.sum, at.total);
	k.normalize(at.n, d_, at.total, weights[Part::OutGain], weights[Part::OutBias], output_.data() + at.first * d_, at.total_stats);
}

const float *NetworkPass::answer(const NetworkWeights &weights, std::size_t event) {
	rise(weights, upper(event, 1, 0));
	return output_.data() + event * d_;
}

/// The softmax; leaves the slope in the output in at.slope.
double NetworkPass::compare(const Upper &at, const float *items, const float *item_bias, const Rivals &rivals, float *rival_slopes,
							float *rival_bias) {
	const math::RecsysKernels &k = kernel();
	const float *output = output_.data() + at.first * d_;
	math::RecsysTruth *truth = truth_.data() + at.first;
	k.product(at.n, rivals.count, d_, plain(output, d_), rivals.transposed, rivals.count, at.logit, rivals.count, false);
	for (std::size_t i = 0; i < at.n; ++i) {
		const std::uint32_t target = in_->target[at.first + i];
		truth[i] = {0, 0, in_->target_item[at.first + i], 0};
		if (target != PackedHistories::kNoTarget)
			truth[i].logit = k.dot(d_, output + i * d_, items + target * d_) + item_bias[target];
	}
	k.softmax(at.n, rivals.count, at.logit, rivals.shift, rivals.items, truth);
	double loss = 0;
	for (std::size_t i = 0; i < at.n; ++i) {
		if (in_->target[at.first + i] == PackedHistories::kNoTarget) {
			std::fill_n(at.logit + i * rivals.count, rivals.count, 0.0f);
			truth[i].slope = 0;
		} else {
			loss += static_cast<double>(truth[i].loss);
		}
	}
	k.product(rivals.count, d_, at.n, transposed(at.logit, rivals.count), output, d_, rival_slopes, d_, true);
	k.column_sums(at.n, rivals.count, at.logit, rivals.count, rival_bias);
	k.product(at.n, d_, rivals.count, plain(at.logit, rivals.count), rivals.rows, d_, at.slope, d_, false);
	for (std::size_t i = 0; i < at.n; ++i)
		if (truth[i].slope != 0)
			k.axpy(d_, truth[i].slope, items + in_->target[at.first + i] * d_, at.slope + i * d_);
	return loss;
}

/// From the slope in the output to the slopes in x_ and next_.
void NetworkPass::fall(const NetworkWeights &weights, const NetworkTransposes &transposes, const Upper &at, float *slopes) {
	const math::RecsysKernels &k = kernel();
	const std::size_t size = at.n * d_, wide = kWideFactor * d_;
	const std::uint32_t *keys = in_->key.data() + at.first;
	const auto slope = [&](Part part) { return slopes + layout_->begin(part); };
	float *sum_slope = dx_.data() + at.first * d_, *state_slope = dnext_.data() + at.first * d_;
	std::fill_n(sum_slope, size, 0.0f);
	k.normalize_back(at.n, d_, at.total, at.total_stats, weights[Part::OutGain], at.slope, sum_slope, slope(Part::OutGain),
					 slope(Part::OutBias));
	std::memcpy(at.back, sum_slope, size * sizeof(float));
	if (options_.drop > 0)
		k.drop(at.n, d_, keys, kDropWide, options_.drop, at.back);
	k.column_sums(at.n, d_, at.back, d_, slope(Part::NarrowBias));
	k.product(wide, d_, at.n, transposed(at.inner, wide), at.back, d_, slope(Part::Narrow), d_, true);
	k.product(at.n, wide, d_, plain(at.back, d_), transposes[Part::Narrow], wide, at.inner_slope, wide, false);
	k.rectify_back(at.n * wide, at.inner, at.inner_slope);
	k.column_sums(at.n, wide, at.inner_slope, wide, slope(Part::WideInner));
	k.product(d_, wide, at.n, transposed(at.normed, d_), at.inner_slope, wide, slope(Part::Wide), wide, true);
	k.product(at.n, d_, wide, plain(at.inner_slope, wide), transposes[Part::Wide], d_, at.back, d_, false);
	k.normalize_back(at.n, d_, at.sum, at.sum_stats, weights[Part::WideGain], at.back, sum_slope, slope(Part::WideGain),
					 slope(Part::WideBias));
	std::memcpy(state_slope, sum_slope, size * sizeof(float));
	if (options_.drop > 0)
		k.drop(at.n, d_, keys, kDropState, options_.drop, state_slope);
}

double NetworkPass::backward(const NetworkWeights &weights, const NetworkTransposes &transposes, const float *items,
							 const float *item_bias, const Rivals &rivals, float *slopes, float *rival_slopes, float *rival_bias,
							 const StopToken &stop) {
	resize_back(rivals.count);
	const std::size_t n = in_->events();
	double loss = 0;
	for (std::size_t first = 0; first < n; first += kChunk) {
		stop.check();
		const Upper at = upper(first, std::min(kChunk, n - first), rivals.count);
		rise(weights, at);
		loss += compare(at, items, item_bias, rivals, rival_slopes, rival_bias);
		fall(weights, transposes, at, slopes);
	}
	recur_back(transposes, stop);
	for (std::size_t first = 0; first < n; first += kChunk) {
		stop.check();
		leave(weights, transposes, first, std::min(kChunk, n - first), slopes);
	}
	session_slopes(slopes);
	return loss;
}

/// The slopes of all states, from the last step to the first; gates_ become slopes.
void NetworkPass::recur_back(const NetworkTransposes &transposes, const StopToken &stop) {
	const math::RecsysKernels &k = kernel();
	std::fill(duser_.begin(), duser_.end(), 0.0f);
	std::size_t later = 0; // histories that had a step after this one
	for (std::size_t t = in_->steps(); t-- > 0;) {
		if (t % 16 == 0)
			stop.check();
		const std::size_t first = in_->step[t], rows = in_->rows(t);
		float *slope = dnext_.data() + first * d_, *gates = gates_.data() + first * 4 * d_;
		const bool cut = options_.horizon != 0 && (t + 1) % options_.horizon == 0;
		if (!cut)
			k.add(later * d_, carry_.data(), slope);
		k.gru_back(rows, d_, gates, before_.data() + first * d_, slope, carry_.data());
		k.product(rows, d_, 3 * d_, plain(gates + d_, 4 * d_), transposes[Part::Recurrent], d_, carry_.data(), d_, true);
		if (beginnings_of_[t] != beginnings_of_[t + 1])
			begin_sessions_back(transposes, t);
		later = rows;
	}
}

/// The carried slope in a session's first state goes to the state that ended before and to the user level.
void NetworkPass::begin_sessions_back(const NetworkTransposes &transposes, std::size_t t) {
	const math::RecsysKernels &k = kernel();
	const std::size_t first = beginnings_of_[t], n = beginnings_of_[t + 1] - first;
	float *dproposal = dproposal_.data() + first * d_, *dgate = dgate_.data() + first * d_, *gates = user_gates_.data() + first * 4 * d_;
	float *duser = recurrent_.data(), *dbefore = duser + n * d_, *dended = dbefore + n * d_; // n <= rows
	for (std::size_t i = 0; i < n; ++i) {
		const std::uint32_t row = beginnings_[first + i].row;
		const float *ended = ended_.data() + (first + i) * d_, *p = proposal_.data() + (first + i) * d_,
					*g = gate_.data() + (first + i) * d_, *slope = carry_.data() + row * d_;
		for (std::size_t j = 0; j < d_; ++j) {
			dproposal[i * d_ + j] = slope[j] * g[j] * (1 - p[j] * p[j]);
			dgate[i * d_ + j] = slope[j] * (p[j] - ended[j]) * g[j] * (1 - g[j]);
			dended[i * d_ + j] = slope[j] * (1 - g[j]);
		}
		std::memcpy(duser + i * d_, duser_.data() + row * d_, d_ * sizeof(float));
	}
	k.product(n, d_, d_, plain(dproposal, d_), transposes[Part::Proposal], d_, duser, d_, true);
	k.product(n, d_, d_, plain(dgate, d_), transposes[Part::Gate], d_, duser, d_, true);
	k.gru_back(n, d_, gates, user_before_.data() + first * d_, duser, dbefore);
	k.product(n, d_, 3 * d_, plain(gates + d_, 4 * d_), transposes[Part::UserRecurrent], d_, dbefore, d_, true);
	k.product(n, d_, 3 * d_, plain(gates, 4 * d_), transposes[Part::UserInput], d_, dended, d_, true);
	for (std::size_t i = 0; i < n; ++i) {
		const std::uint32_t row = beginnings_[first + i].row;
		std::memcpy(duser_.data() + row * d_, dbefore + i * d_, d_ * sizeof(float));
		std::memcpy(carry_.data() + row * d_, dended + i * d_, d_ * sizeof(float));
	}
}

void NetworkPass::session_slopes(float *slopes) const {
	const std::size_t n = beginnings_.size();
	if (n == 0)
		return;
	const math::RecsysKernels &k = kernel();
	const auto slope = [&](Part part) { return slopes + layout_->begin(part); };
	const float *gates = user_gates_.data();
	k.product(d_, 3 * d_, n, transposed(ended_.data(), d_), gates, 4 * d_, slope(Part::UserInput), 3 * d_, true);
	k.column_sums(n, 3 * d_, gates, 4 * d_, slope(Part::UserInputBias));
	k.product(d_, 3 * d_, n, transposed(user_before_.data(), d_), gates + d_, 4 * d_, slope(Part::UserRecurrent), 3 * d_, true);
	k.column_sums(n, d_, gates + 3 * d_, 4 * d_, slope(Part::UserMemoryBias));
	k.product(d_, d_, n, transposed(user_after_.data(), d_), dproposal_.data(), d_, slope(Part::Proposal), d_, true);
	k.column_sums(n, d_, dproposal_.data(), d_, slope(Part::ProposalBias));
	k.product(d_, d_, n, transposed(user_after_.data(), d_), dgate_.data(), d_, slope(Part::Gate), d_, true);
	k.column_sums(n, d_, dgate_.data(), d_, slope(Part::GateBias));
}

/// From the gates' slopes to the inputs'; dx_ becomes the slope in v_.
void NetworkPass::leave(const NetworkWeights &weights, const NetworkTransposes &transposes, std::size_t first, std::size_t n,
						float *slopes) {
	const math::RecsysKernels &k = kernel();
	const auto slope = [&](Part part) { return slopes + layout_->begin(part); };
	const float *gates = gates_.data() + first * 4 * d_;
	const Upper scratch = upper(first, n, 0);
	float *dx = dx_.data() + first * d_;
	k.product(d_, 3 * d_, n, transposed(before_.data() + first * d_, d_), gates + d_, 4 * d_, slope(Part::Recurrent), 3 * d_, true);
	k.column_sums(n, d_, gates + 3 * d_, 4 * d_, slope(Part::MemoryBias));
	k.product(d_, 3 * d_, n, transposed(a_.data() + first * d_, d_), gates, 4 * d_, slope(Part::Input), 3 * d_, true);
	k.column_sums(n, 3 * d_, gates, 4 * d_, slope(Part::InputBias));
	k.product(n, d_, 3 * d_, plain(gates, 4 * d_), transposes[Part::Input], d_, scratch.back, d_, false);
	k.normalize_back(n, d_, x_.data() + first * d_, x_stats_.data() + 2 * first, weights[Part::GruGain], scratch.back, dx,
					 slope(Part::GruGain), slope(Part::GruBias));
	if (options_.drop > 0)
		k.drop(n, d_, in_->key.data() + first, kDropInput, options_.drop, dx);
	std::fill_n(scratch.sum, n * d_, 0.0f);
	k.normalize_back(n, d_, v_.data() + first * d_, v_stats_.data() + 2 * first, weights[Part::InGain], dx, scratch.sum,
					 slope(Part::InGain), slope(Part::InBias));
	std::memcpy(dx, scratch.sum, n * d_ * sizeof(float));
	for (std::size_t event = first; event < first + n; ++event)
		for (std::size_t column = 0; column < in_->extra_columns; ++column)
			k.add(d_, dx_.data() + event * d_, slope(Part::Extra) + in_->extra[event * in_->extra_columns + column] * d_);
}

} // namespace recsys::recipe
