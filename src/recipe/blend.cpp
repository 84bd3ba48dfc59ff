#include "recipe/blend.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/sum_exp.hpp"
#include "recipe/cold_items.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kBlock = Dense::kBlock;
constexpr const char *kNames = "blend.experts", *kWeights = "blend.weights";

bool silent(const LengthWeights &weights) noexcept {
	return std::all_of(weights.begin(), weights.end(), [](float w) { return w == 0.0f; });
}

// Whole blocks: constant counts, and memory that is promised not to overlap, let -O2 make vectors of the loops.
void add_scaled_block(float weight, const float *__restrict base, float *__restrict logit) noexcept {
	for (std::size_t i = 0; i < kBlock; ++i)
		logit[i] += weight * base[i];
}

void put_scaled_block(float weight, const float *__restrict base, float *__restrict logit) noexcept {
	for (std::size_t i = 0; i < kBlock; ++i)
		logit[i] = weight * base[i];
}

void tell_reasons_block(const float *__restrict logit, const float *__restrict base,
						Reason *__restrict reason) noexcept {
	for (std::size_t i = 0; i < kBlock; ++i)
		reason[i] = logit[i] != base[i] ? Reason::Personal : Reason::Popular;
}

} // namespace

std::size_t length_bucket(std::size_t n_votes) noexcept {
	constexpr std::size_t kFirst[kLengthBuckets] = {0, 1, 3, 8, 20, 60};
	std::size_t bucket = kLengthBuckets - 1;
	while (n_votes < kFirst[bucket])
		--bucket;
	return bucket;
}

BlendScorer::BlendScorer(std::size_t n_items, const ExpertScorers &experts, const std::vector<LengthWeights> &weights,
						 std::shared_ptr<const ColdItems> cold, std::span<const std::string> names)
	: n_items_(n_items), n_blocks_((n_items + kBlock - 1) / kBlock), cold_(std::move(cold)) {
	for (std::size_t e = 0; e < experts.size(); ++e) {
		if (silent(weights[e]))
			continue;
		(experts[e]->base().empty() ? personal_ : base_).push_back({names.empty() ? "" : names[e], experts[e], weights[e]});
	}
	for (const Member &member : base_)
		prior_ += member.weights[0];
	std::vector<float> logit(n_blocks_ * kBlock);
	for (std::size_t bucket = 0; bucket < kLengthBuckets; ++bucket) {
		for (std::size_t block = 0; block < n_blocks_; ++block)
			fill_base(bucket, block, logit.data() + block * kBlock);
		base_max_[bucket] = n_items_ == 0 ? 0.0f : math::largest({logit.data(), n_items_});
		base_sum_[bucket].resize(n_blocks_);
		for (std::size_t block = 0; block < n_blocks_; ++block)
			base_sum_[bucket][block] =
				math::sum_exp({logit.data() + block * kBlock, block_size(block)}, base_max_[bucket]);
	}
}

std::size_t BlendScorer::block_size(std::size_t block) const noexcept {
	return std::min(kBlock, n_items_ - block * kBlock);
}

void BlendScorer::fill_base(std::size_t bucket, std::size_t block, float *logit) const noexcept {
	const std::size_t size = block_size(block);
	if (base_.empty() || size < kBlock)
		std::fill_n(logit, size, 0.0f);
	for (const Member &member : base_) {
		const float weight = member.weights[bucket];
		const float *base = member.expert->base().data() + block * kBlock;
		if (size == kBlock)
			(&member == &base_.front() ? put_scaled_block : add_scaled_block)(weight, base, logit);
		else
			for (std::size_t i = 0; i < size; ++i)
				logit[i] += weight * base[i];
	}
	if (cold_)
		cold_->mix_base(block * kBlock, block * kBlock + size, prior_, bucket > 0, logit);
}

void BlendScorer::score(const Query &query, Scores &out) const {
	out.logit.resize(n_items_);
	out.reason.assign(n_items_, Reason::Popular);
	out.touched.assign(n_blocks_, 0);
	PastBuffer past;
	past.read(query.history, n_items_, query.user);
	const std::size_t bucket = length_bucket(past.past().size());
	for (std::size_t block = 0; block < n_blocks_; ++block)
		fill_base(bucket, block, out.logit.data() + block * kBlock);
	for (const Member &member : personal_)
		if (member.weights[bucket] != 0.0f)
			member.expert->score({past.past(), query.situation}, member.weights[bucket],
								 {out.logit.data(), out.touched.data(), n_blocks_});
	if (cold_)
		cold_->add(past.past(), {out.logit.data(), out.touched.data(), n_blocks_});
	tell_reasons(bucket, out);
	for (const std::uint32_t item : past.denied()) {
		out.logit[item] = -std::numeric_limits<float>::infinity();
		out.touched[item / kBlock] = 1;
	}
	normalize(bucket, out);
}

bool BlendScorer::reads_sessions() const noexcept {
	return std::any_of(personal_.begin(), personal_.end(), [](const Member &member) { return member.expert->reads_sessions(); });
}

const data::FeatureEncoder *BlendScorer::context_encoder() const noexcept {
	for (const Member &member : personal_)
		if (const data::FeatureEncoder *encoder = member.expert->context_encoder())
			return encoder;
	return nullptr;
}

const data::FeatureEncoder *BlendScorer::user_encoder() const noexcept {
	for (const Member &member : personal_)
		if (const data::FeatureEncoder *encoder = member.expert->user_encoder())
			return encoder;
	return nullptr;
}

bool BlendScorer::reads_time() const noexcept {
	return std::any_of(personal_.begin(), personal_.end(), [](const Member &member) { return member.expert->reads_time(); });
}

/// An item is personal when somebody moved it from where popularity had put it; the network moves all. Without a past it is
/// popular all the same: among those who are in the same situation.
void BlendScorer::tell_reasons(std::size_t bucket, Scores &out) const noexcept {
	float base[kBlock];
	for (std::size_t block = 0; block < n_blocks_; ++block) {
		if (out.touched[block] == 0 || bucket == 0)
			continue;
		fill_base(bucket, block, base);
		const std::size_t first = block * kBlock;
		if (block_size(block) == kBlock) {
			tell_reasons_block(out.logit.data() + first, base, out.reason.data() + first);
			continue;
		}
		for (std::size_t i = 0; i < block_size(block); ++i)
			out.reason[first + i] = out.logit[first + i] != base[i] ? Reason::Personal : Reason::Popular;
	}
	if (cold_)
		cold_->tell_reasons(out.reason);
}

void BlendScorer::normalize(std::size_t bucket, Scores &out) const noexcept {
	const auto logits = [&](std::size_t block) {
		return std::span<const float>(out.logit.data() + block * kBlock, block_size(block));
	};
	float shift = base_max_[bucket];
	for (std::size_t block = 0; block < n_blocks_; ++block)
		if (out.touched[block] != 0)
			shift = std::max(shift, math::largest(logits(block)));
	double sum = 0, untouched = 0;
	for (std::size_t block = 0; block < n_blocks_; ++block) {
		if (out.touched[block] != 0)
			sum += math::sum_exp(logits(block), shift);
		else
			untouched += base_sum_[bucket][block];
	}
	sum += untouched * std::exp(static_cast<double>(base_max_[bucket]) - static_cast<double>(shift));
	out.log_normalizer = sum > 0 ? static_cast<double>(shift) + std::log(sum) : 0.0;
}

void write_blend(artifact::Writer &writer, const std::vector<std::string> &names,
				 const std::vector<LengthWeights> &weights) {
	std::string text;
	std::vector<float> flat;
	for (std::size_t e = 0; e < names.size(); ++e) {
		if (silent(weights[e]))
			continue;
		text += names[e] + '\n';
		flat.insert(flat.end(), weights[e].begin(), weights[e].end());
	}
	writer.add_text(kNames, text);
	writer.add<float>(kWeights, flat);
}

bool blend_has(const artifact::View &view, std::string_view expert) {
	std::string_view names = view.text(kNames);
	while (!names.empty()) {
		const std::string_view name = names.substr(0, names.find('\n'));
		if (name == expert)
			return true;
		names.remove_prefix(std::min(names.size(), name.size() + 1));
	}
	return false;
}

void copy_blend(const artifact::View &old, artifact::Writer &writer) {
	copy_section(old, kNames, writer);
	copy_section(old, kWeights, writer);
}

std::unique_ptr<Scorer> open_blend(const artifact::View &view, const std::vector<std::unique_ptr<Expert>> &known,
								   std::string_view only) {
	const std::size_t n_items = view.get<std::uint8_t>("item.flags").size();
	const auto flat = view.get<float>(kWeights);
	std::string_view names = view.text(kNames);
	ExpertScorers experts;
	std::vector<std::string> opened;
	std::vector<LengthWeights> weights;
	while (!names.empty()) {
		const std::string_view name = names.substr(0, names.find('\n'));
		names.remove_prefix(std::min(names.size(), name.size() + 1));
		const auto expert =
			std::find_if(known.begin(), known.end(), [&](const auto &candidate) { return candidate->name() == name; });
		if (expert == known.end())
			artifact::View::fail(kNames, "names an expert that does not exist");
		experts.push_back((*expert)->open(view, n_items));
		opened.emplace_back(name);
		if (flat.size() < experts.size() * kLengthBuckets)
			artifact::View::fail(kWeights, "has an unexpected size");
		LengthWeights &mine = weights.emplace_back();
		std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>((experts.size() - 1) * kLengthBuckets), kLengthBuckets,
					mine.begin());
		if (!std::all_of(mine.begin(), mine.end(), [](float w) { return std::isfinite(w); }))
			artifact::View::fail(kWeights, "has a value that is not finite");
		if (!only.empty())
			mine.fill(name == only ? 1.0f : 0.0f);
	}
	std::shared_ptr<const ColdItems> cold;
	if (only.empty() && ColdItems::present(view))
		cold = std::make_shared<ColdItems>(view, n_items);
	return std::make_unique<BlendScorer>(n_items, experts, weights, std::move(cold), opened);
}

} // namespace recsys::recipe
