#include "serve/selection.hpp"

#include <algorithm>
#include <limits>

#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr std::size_t kBlockGrowth = 4, kMaxBlock = 10000;
// Looking for all that pass costs about as much as testing a twelfth of the catalogue. So it pays when more than a sixteenth will
// have to be tested; to learn that, a sixty-fourth is tested, and at least 1,000.
constexpr std::size_t kShareToLearn = 64, kShareToTest = 16, kLeastTests = 1000;

class Selection {
public:
	Selection(CandidateTest &test, const store::Model &model, std::size_t wanted, math::DescendingOrder &order)
		: test_(test), model_(model), wanted_(wanted), order_(order) {}

	std::vector<math::Scored> run(std::span<const float> logits) {
		using pg::settings::filter_plan;
		const std::size_t limit = std::max({kLeastTests, logits.size() / kShareToLearn, kBlockGrowth * wanted_});
		worth_testing_ = std::max(limit, logits.size() / kShareToTest);
		const bool small = logits.size() <= limit, expensive = test_.expected_tests(wanted_) > static_cast<double>(worth_testing_);
		const bool pre = filter_plan == pg::settings::FilterPre || (filter_plan == pg::settings::FilterAuto && expensive && !small);
		const bool post = filter_plan == pg::settings::FilterPost || small;
		if (!test_.has_predicates())
			take(logits, wanted_, std::numeric_limits<std::size_t>::max(), true);
		else if (pre || !take(logits, kBlockGrowth * wanted_, post ? std::numeric_limits<std::size_t>::max() : limit, false))
			take_passing(logits);
		test_.remember();
		return std::move(out_);
	}

private:
	// False when `limit` candidates were tested, the list is still short, and filling it would take more than is worth testing.
	bool take(std::span<const float> logits, std::size_t block, std::size_t limit, bool presence_only) {
		out_.clear();
		order_.reset(logits);
		for (std::size_t tested = 0; out_.size() < wanted_;) {
			block = std::min({block, kMaxBlock, limit - tested});
			const std::span<const math::Scored> candidates = order_.next(block);
			if (candidates.empty())
				return true;
			take_allowed(candidates, presence_only);
			tested += candidates.size();
			if (out_.size() < wanted_ && tested >= limit) {
				if (tested >= worth_testing_ || wanted_ * tested > out_.size() * worth_testing_)
					return false;
				limit = worth_testing_;
			}
			block *= kBlockGrowth;
			pg::check_interrupts();
		}
		return true;
	}

	void take_allowed(std::span<const math::Scored> candidates, bool presence_only) {
		ids_.clear();
		items_.clear();
		for (const math::Scored &c : candidates) {
			ids_.push_back(model_.items()[c.item]);
			items_.push_back(c.item);
		}
		const std::vector<std::uint8_t> allowed = presence_only ? test_.present(ids_, items_) : test_.check(ids_, items_);
		for (std::size_t i = 0; i < candidates.size() && out_.size() < wanted_; ++i)
			if (allowed[i])
				out_.push_back(candidates[i]);
	}

	void take_passing(std::span<const float> logits) {
		const PassingItems &passing = test_.passing();
		std::vector<float> masked(logits.begin(), logits.end());
		for (std::size_t item = 0; item < masked.size(); ++item)
			if (!passing.known[item])
				masked[item] = -std::numeric_limits<float>::infinity();
		take(masked, wanted_, std::numeric_limits<std::size_t>::max(), true);
	}

	CandidateTest &test_;
	const store::Model &model_;
	std::size_t wanted_, worth_testing_ = 0;
	math::DescendingOrder &order_;
	std::vector<math::Scored> out_;
	std::vector<std::string_view> ids_;
	std::vector<std::uint32_t> items_;
};

} // namespace

std::vector<math::Scored> select_best(CandidateTest &test, const store::Model &model, std::span<const float> logits,
									  std::size_t wanted, math::DescendingOrder &order) {
	return Selection(test, model, wanted, order).run(logits);
}

} // namespace recsys::serve
