// Any number of experts, one answer: logit(item) = sum of weight(expert, history length) * score(expert, item), and the
// score of an item is the softmax over the catalogue (stacking.hpp finds the weights).
//
// A request costs what its experts touch. Scores that do not depend on the user are laid down first; personal experts add
// to the items they know and mark blocks of 64; the normaliser is the sum over marked blocks plus precomputed sums of all
// others, so it is exact and still mostly free.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "recipe/expert.hpp"

namespace recsys::recipe {

/// Histories of about the same length share their weights: 0, 1-2, 3-7, 8-19, 20-59, 60 and more positive events.
inline constexpr std::size_t kLengthBuckets = 6;
std::size_t length_bucket(std::size_t n_votes) noexcept;

using LengthWeights = std::array<float, kLengthBuckets>;
class ColdItems;
using ExpertScorers = std::vector<std::shared_ptr<const ExpertScorer>>;

class BlendScorer final : public Scorer {
public:
	/// weights[e] belongs to experts[e]; an expert with all weights zero is dropped.
	/// `cold` may be null. `names`, for explain(), may be left out.
	BlendScorer(std::size_t n_items, const ExpertScorers &experts, const std::vector<LengthWeights> &weights,
				std::shared_ptr<const ColdItems> cold = nullptr, std::span<const std::string> names = {});
	std::size_t n_items() const noexcept override { return n_items_; }
	/// The same for all models: also the negative events of users whom no expert looks at keep items out of the list.
	std::size_t max_history() const noexcept override { return kMaxPast; }
	void score(const Query &query, Scores &out) const override;
	bool reads_sessions() const noexcept override;
	bool explain(const Query &query, std::uint32_t item, const Poll &poll, Explanation &out) const override;
	const data::FeatureEncoder *context_encoder() const noexcept override;
	const data::FeatureEncoder *user_encoder() const noexcept override;
	bool reads_time() const noexcept override;

private:
	struct Member {
		std::string name;
		std::shared_ptr<const ExpertScorer> expert;
		LengthWeights weights;
	};
	void fill_base(std::size_t bucket, std::size_t block, float *logit) const noexcept;
	void normalize(std::size_t bucket, Scores &out) const noexcept;
	void tell_reasons(std::size_t bucket, Scores &out) const noexcept;
	std::size_t block_size(std::size_t block) const noexcept;

	std::size_t n_items_, n_blocks_;
	std::vector<Member> base_, personal_;
	std::shared_ptr<const ColdItems> cold_; // items that the experts know too little of
	float prior_ = 0;						// sum of the weights of base_ for users without a history
	/// Of the base logits: per length bucket the largest, and per block the sum of exp(logit - largest).
	std::array<float, kLengthBuckets> base_max_{};
	std::array<std::vector<double>, kLengthBuckets> base_sum_;
};

/// Sections "blend.experts" (names, one a line) and "blend.weights".
void write_blend(artifact::Writer &writer, const std::vector<std::string> &names,
				 const std::vector<LengthWeights> &weights);
/// Whether the model has this expert.
bool blend_has(const artifact::View &view, std::string_view expert);
/// The sections of write_blend as they are.
void copy_blend(const artifact::View &old, artifact::Writer &writer);
/// Opens the experts that the model names, out of `known`; if `only` is not empty, that one alone has a say, with weight 1.
/// Errors: RS007.
std::unique_ptr<Scorer> open_blend(const artifact::View &view, const std::vector<std::unique_ptr<Expert>> &known,
								   std::string_view only = {});

} // namespace recsys::recipe
