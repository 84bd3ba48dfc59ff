#include "recipe/user_affinity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace recsys::recipe {

namespace {

constexpr std::size_t kPollEvery = 1 << 20; // entries: a few milliseconds

/// Calls body(user, entries) for every user with items.
template <class Body> void each_user(const Histories &histories, const std::function<void()> &poll, Body &&body) {
	std::size_t since_poll = 0;
	for (std::size_t u = 0; u < histories.n_users(); ++u) {
		const std::span<const std::uint32_t> entries = histories.user(u);
		if ((since_poll += entries.size() + 1) >= kPollEvery) {
			poll();
			since_poll = 0;
		}
		if (!entries.empty())
			body(u, entries);
	}
}

std::size_t longest(const Histories &histories) noexcept {
	std::size_t most = 0;
	for (std::size_t u = 0; u < histories.n_users(); ++u)
		most = std::max(most, histories.user(u).size());
	return most;
}

/// x^-power for x = first, first + 1, … n values.
std::vector<float> powers(std::size_t first, std::size_t n, float power) {
	std::vector<float> out(n);
	for (std::size_t i = 0; i < n; ++i)
		out[i] = static_cast<float>(std::pow(static_cast<double>(std::max<std::size_t>(first + i, 1)), -static_cast<double>(power)));
	return out;
}

std::uint32_t item_of(std::uint32_t entry) noexcept { return entry & ~Histories::kAsNew; }

/// Where the entries end that are as new as entry k.
std::size_t end_of_as_new(std::span<const std::uint32_t> entries, std::size_t k) noexcept {
	std::size_t end = k + 1;
	while (end < entries.size() && (entries[end] & Histories::kAsNew) != 0)
		++end;
	return end;
}

} // namespace

AffinityRung affinity_rung(float score) noexcept {
	return score > 0 ? AffinityRung::Affine : score > -1 ? AffinityRung::Active : AffinityRung::Returning;
}

std::vector<float> affinity_totals(const Histories &histories, const AffinitySettings &settings) {
	const std::vector<float> by_length = powers(0, longest(histories) + 1, settings.user_power);
	std::vector<double> total(histories.n_items, 0);
	each_user(histories, [] {}, [&](std::size_t, std::span<const std::uint32_t> entries) {
		const auto weight = static_cast<double>(by_length[entries.size()]), backward = static_cast<double>(settings.backward);
		for (std::size_t k = 0, end; k < entries.size(); k = end) {
			end = end_of_as_new(entries, k);
			const double all = weight * (static_cast<double>(end - 1) + backward * static_cast<double>(entries.size() - end));
			for (std::size_t i = k; i < end; ++i)
				total[item_of(entries[i])] += all;
		}
	});
	return {total.begin(), total.end()};
}

Affinity::Affinity(const Histories &histories, const AffinitySettings &settings, std::span<const float> totals)
	: histories_(histories), settings_(settings), totals_(totals), by_age_(powers(1, longest(histories), settings.age_power)),
	  by_length_(powers(0, longest(histories) + 1, settings.user_power)) {}

// w of every item.
std::vector<float> Affinity::votes(std::span<const std::uint32_t> items, const std::function<void()> &poll) const {
	std::vector<std::uint8_t> asked(histories_.n_items, 0);
	for (const std::uint32_t item : items)
		asked[item] = 1;
	std::vector<float> vote(histories_.n_items, 0.0f);
	each_user(histories_, poll, [&](std::size_t, std::span<const std::uint32_t> entries) {
		unsigned n_asked = 0;
		for (const std::uint32_t entry : entries)
			n_asked += asked[item_of(entry)];
		if (n_asked == 0)
			return;
		const float weight = by_length_[entries.size()];
		unsigned not_before = 0; // asked items that came after the entry, or with it
		for (std::size_t k = 0, end; k < entries.size(); k = end) {
			end = end_of_as_new(entries, k);
			for (std::size_t i = k; i < end; ++i)
				not_before += asked[item_of(entries[i])];
			const float before = settings_.backward * static_cast<float>(n_asked - not_before);
			for (std::size_t i = k; i < end; ++i)
				vote[item_of(entries[i])] += weight * (static_cast<float>(not_before - asked[item_of(entries[i])]) + before);
		}
	});
	const auto power = static_cast<double>(settings_.item_power);
	for (std::size_t a = 0; a < vote.size(); ++a) {
		const auto total = static_cast<double>(totals_[a]);
		if (total <= 0)
			continue;
		vote[a] = static_cast<float>(static_cast<double>(vote[a]) * std::pow(total, -power));
		if (asked[a] != 0 && settings_.own > 0)
			vote[a] += static_cast<float>(static_cast<double>(settings_.own) * std::pow(total, 1 - power));
	}
	return vote;
}

void Affinity::score(std::span<const std::uint32_t> items, std::vector<float> &out, const std::function<void()> &poll) const {
	const std::vector<float> vote = votes(items, poll);
	const std::uint32_t single = items.size() == 1 && settings_.own < 0 ? items[0] : data::kNone;
	const auto power = static_cast<double>(settings_.activity_power);
	out.assign(histories_.n_users(), -std::numeric_limits<float>::infinity());
	each_user(histories_, poll, [&](std::size_t u, std::span<const std::uint32_t> entries) {
		float sum = 0, weights = 0;
		bool has_it = false;
		std::size_t age = 0;
		for (std::size_t k = 0; k < entries.size(); ++k) {
			if ((entries[k] & Histories::kAsNew) == 0)
				age = k;
			const std::uint32_t item = item_of(entries[k]);
			sum += by_age_[age] * vote[item];
			weights += by_age_[age];
			has_it |= item == single;
		}
		const double score = static_cast<double>(sum) * std::pow(static_cast<double>(weights), -power);
		if (has_it)
			out[u] = static_cast<float>(-1 - 1 / (1 + score)); // -1 itself is nobody's, as votes are finite
		else if (sum > 0)
			out[u] = std::max(static_cast<float>(score), std::numeric_limits<float>::min());
		else
			out[u] = static_cast<float>(-1 / (1 + static_cast<double>(entries.size())));
	});
}

namespace {

/// Offsets must ascend and end at the entries, items and entries without the mark must exist: checked once, as requests read all.
Histories read_histories(const artifact::View &view, std::size_t n_users, std::size_t n_items) {
	Histories out{view.get<std::uint64_t>("history.offsets", n_users + 1), view.get<std::uint32_t>("history.items"), n_items};
	if (out.offsets[0] != 0 || out.offsets[n_users] != out.entries.size() || !std::is_sorted(out.offsets.begin(), out.offsets.end()))
		artifact::View::fail("history.offsets", "does not match the items");
	for (const std::uint32_t entry : out.entries)
		if (item_of(entry) >= n_items)
			artifact::View::fail("history.items", "names an item that is not there");
	return out;
}

} // namespace

AffinityScorer::AffinityScorer(const artifact::View &view) : users_(view, "user") {
	histories_ = read_histories(view, users_.size(), artifact::IdView(view, "item").size());
	const auto s = view.get<float>("affinity.settings", 6);
	if (!std::all_of(s.begin(), s.end(), [](float x) { return std::abs(x) <= 100; }))
		artifact::View::fail("affinity.settings", "are out of range");
	const auto totals = view.get<float>("affinity.totals", histories_.n_items);
	affinity_ = std::make_unique<Affinity>(histories_, AffinitySettings{s[0], s[1], s[2], s[3], s[4], s[5]}, totals);
}

void AffinityScorer::score(const Query &, Scores &out) const {
	out.logit.assign(n_items(), -std::numeric_limits<float>::infinity());
	out.reason.assign(n_items(), Reason::Popular);
	out.log_normalizer = 0;
}

std::unique_ptr<Scorer> open_affinity(const artifact::View &view) { return std::make_unique<AffinityScorer>(view); }

} // namespace recsys::recipe
