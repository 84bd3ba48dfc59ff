#include "recipe/exploration.hpp"
#include "base/hash.hpp"
#include "base/rng.hpp"

#include "serve/selection.hpp"

#include <algorithm>
#include <limits>

#include "serve/answer.hpp"
#include "serve/history.hpp"
#include "serve/situation.hpp"

#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr std::size_t kBlockGrowth = 4, kMaxBlock = 10000;
constexpr double kMargin = 1.25; // a block that was a few too small costs another one
// Looking for all that pass costs about as much as testing a sixty-fourth of the catalogue: so much is tested at most. A small
// catalogue is tested to its end.
constexpr std::size_t kShareToTest = 64, kLeastTests = 1000;

class Selection {
public:
	Selection(CandidateTest &test, const Candidates &candidates, std::size_t wanted, math::DescendingOrder &order)
		: test_(test), candidates_(candidates), wanted_(wanted), order_(order) {}

	std::vector<math::Scored> run(std::span<const float> logits) {
		using pg::settings::filter_plan;
		const std::size_t limit = std::max({kLeastTests, logits.size() / kShareToTest, kBlockGrowth * wanted_});
		const bool small = logits.size() <= limit, expensive = test_.expected_tests(wanted_) > static_cast<double>(limit);
		const bool pre = filter_plan == pg::settings::FilterPre || (filter_plan == pg::settings::FilterAuto && expensive && !small);
		const bool post = filter_plan == pg::settings::FilterPost || small;
		if (!test_.has_predicates())
			take(logits, wanted_, std::numeric_limits<std::size_t>::max(), true);
		else if (pre || !take(logits, first_block(), post ? std::numeric_limits<std::size_t>::max() : limit, false))
			take_passing(logits);
		test_.remember();
		return std::move(out_);
	}

private:
	// So many that they will most likely hold as many as are wanted, as far as experience tells.
	std::size_t first_block() const {
		const double expected = std::min(kMargin * test_.expected_tests(wanted_), static_cast<double>(kMaxBlock)); // it may be infinite
		return std::max(kBlockGrowth * wanted_, static_cast<std::size_t>(expected));
	}

	// Likewise, by the share that passed so far.
	std::size_t next_block(std::size_t block, std::size_t tested) const {
		const std::size_t most = kBlockGrowth * block;
		if (out_.empty())
			return most;
		const double rate = static_cast<double>(out_.size()) / static_cast<double>(tested);
		const auto expected = static_cast<std::size_t>(kMargin * static_cast<double>(wanted_ - out_.size()) / rate);
		return std::min(most, std::max(expected, wanted_));
	}

	// The logits are those of `ordinals`, where there are any, else of all. False when `limit` candidates were tested, and the list
	// is still short.
	bool take(std::span<const float> logits, std::size_t block, std::size_t limit, bool presence_only,
			  std::span<const std::uint32_t> ordinals = {}) {
		out_.clear();
		order_.reset(logits);
		for (std::size_t tested = 0; out_.size() < wanted_;) {
			block = std::min({block, kMaxBlock, limit - tested});
			const std::span<const math::Scored> next = order_.next(block);
			if (next.empty())
				return true;
			block_.assign(next.begin(), next.end());
			if (!ordinals.empty())
				for (math::Scored &c : block_)
					c.item = ordinals[c.item];
			take_allowed(presence_only);
			tested += block_.size();
			if (out_.size() < wanted_ && tested >= limit)
				return false;
			block = next_block(block, tested);
			pg::check_interrupts();
		}
		return true;
	}

	void take_allowed(bool presence_only) {
		ids_.clear();
		items_.clear();
		for (const math::Scored &c : block_) {
			ids_.push_back(candidates_.id(c.item));
			items_.push_back(candidates_.item(c.item));
		}
		const std::vector<std::uint8_t> allowed = presence_only ? test_.present(ids_, items_) : test_.check(ids_, items_);
		for (std::size_t i = 0; i < block_.size() && out_.size() < wanted_; ++i)
			if (allowed[i])
				out_.push_back(block_[i]);
	}

	void take_passing(std::span<const float> logits) {
		std::vector<std::uint32_t> ordinals = test_.passing().known;
		// Newcomers are few, and need no row among the items.
		const std::vector<std::string_view> &newcomers = candidates_.newcomers;
		const std::vector<std::uint8_t> allowed = test_.check(newcomers, std::vector<std::uint32_t>(newcomers.size(), data::kNone));
		for (std::size_t i = 0; i < newcomers.size(); ++i)
			if (allowed[i])
				ordinals.push_back(static_cast<std::uint32_t>(candidates_.known() + i));
		std::vector<float> scores;
		scores.reserve(ordinals.size());
		for (const std::uint32_t ordinal : ordinals)
			scores.push_back(logits[ordinal]);
		take(scores, wanted_, std::numeric_limits<std::size_t>::max(), true, ordinals);
	}

	CandidateTest &test_;
	const Candidates &candidates_;
	std::size_t wanted_;
	math::DescendingOrder &order_;
	std::vector<math::Scored> out_, block_;
	std::vector<std::string_view> ids_;
	std::vector<std::uint32_t> items_;
};

} // namespace

std::uint32_t Candidates::find(std::string_view id) const {
	if (const std::uint32_t item = model.find_item(id); item != data::kNone)
		return item;
	const auto at = std::find(newcomers.begin(), newcomers.end(), id);
	return at == newcomers.end() ? data::kNone : static_cast<std::uint32_t>(known() + static_cast<std::size_t>(at - newcomers.begin()));
}

namespace {

/// Young items move up, for users and for nobody in particular. The noise stays for an hour, so that pages hold still meanwhile.
void explore(const Endpoint &endpoint, const Subject &subject, Workspace &work) {
	constexpr int kMostDays = 36500;
	constexpr std::int64_t kHour = 3600 * std::int64_t{1'000'000}, kDay = 24 * kHour;
	const recipe::Exploration *exploration = endpoint.model().exploration();
	if (exploration == nullptr || endpoint.exploration_weight() == 0 || subject.item)
		return;
	const std::int64_t now = pg::unix_micros(pg::call([] { return GetCurrentTransactionStartTimestamp(); }));
	const std::int64_t from = pg::settings::exploration_age == pg::settings::AgeFromNow ? now : exploration->newest_event();
	const std::uint64_t key = mix64(hash64(subject.user.value_or("")) ^ static_cast<std::uint64_t>(now / kHour));
	exploration->apply(endpoint.exploration_weight(), from - std::min(endpoint.exploration_cut_off(), kMostDays) * kDay, key, work->order, work->scores);
}

} // namespace

Candidates score_candidates(Endpoint &endpoint, const Subject &subject, const catalog::Json &context, Workspace &work) {
	Candidates candidates{endpoint.model()};
	candidates.query = ask_for(endpoint, subject.user, work->history);
	if (subject.item)
		candidates.query.item = candidates.model.find_item(canonical_id(*subject.item, endpoint.item_type()));
	candidates.query.situation = read_situation(endpoint, subject.user, context, work->situation);
	candidates.model.scorer().score(candidates.query, work->scores);
	explore(endpoint, subject, work);
	if (endpoint.trends() != nullptr) {
		candidates.trending = endpoint.trends()->count(candidates.model, work->scores.logit);
		candidates.newcomers = order_by_growth(*candidates.trending, work->scores);
	}
	return candidates;
}

std::vector<math::Scored> select_best(CandidateTest &test, const Candidates &candidates, std::size_t wanted, Workspace &work) {
	Selection selection(test, candidates, wanted, work->order);
	std::vector<math::Scored> best = selection.run(work->scores.logit);
	// What is popular only stands behind all that is related.
	const bool behind = !best.empty() && work->scores.reason[best.back().item] == recipe::Reason::Popular;
	if (behind && candidates.model.scorer().extend(candidates.query, work->scores))
		best = selection.run(work->scores.logit);
	return best;
}

} // namespace recsys::serve
