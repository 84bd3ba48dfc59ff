// What a blend tells of an item's logit: BlendScorer::explain.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "recipe/blend.hpp"
#include "recipe/cold_items.hpp"

namespace recsys::recipe {

namespace {

constexpr double kMostStretch = 3; // of losses; more would blow up what is mostly noise

using Source = Explanation::Source;

/// Whoever says something about the past, for one item.
class Voice {
public:
	Voice(std::string_view name, std::size_t n_items, std::uint32_t item, float apart, std::function<void(Past, Dense)> add)
		: name_(name), logit_(n_items), dirty_((n_items + Dense::kBlock - 1) / Dense::kBlock), item_(item), apart_(apart),
		  add_(std::move(add)) {}
	const std::string &name() const noexcept { return name_; }
	/// What it gives the item for any past.
	double apart() const noexcept { return static_cast<double>(apart_); }
	/// And what it gives the item for this one.
	double operator()(Past past) {
		std::fill(logit_.begin(), logit_.end(), 0.0f);
		add_(past, {logit_.data(), dirty_.data(), dirty_.size()});
		return static_cast<double>(logit_[item_]) - (past.empty() ? 0.0 : apart());
	}

private:
	std::string name_;
	std::vector<float> logit_;
	std::vector<std::uint32_t> dirty_;
	std::uint32_t item_;
	float apart_;
	std::function<void(Past, Dense)> add_;
};

/// Adds to `parts` what the voices say of the past, event by event.
void explain_past(const Query &query, std::size_t n_items, Past past, std::vector<Voice> &voices, const Poll &poll,
				  std::vector<Explanation::Part> &parts) {
	// Pasts that differ from the user's own have to be read from their beginning, and be compared with one that was.
	PastBuffer buffer;
	buffer.read(query.history, n_items);
	std::vector<double> nothing, whole;
	for (Voice &voice : voices) {
		nothing.push_back(voice({}));
		whole.push_back(voice(buffer.past()));
	}
	std::vector<std::vector<double>> losses(voices.size(), std::vector<double>(past.size()));
	for (std::size_t i = 0; i < past.size(); ++i) {
		poll();
		std::vector<Event> others(query.history.begin(), query.history.end());
		others.erase(others.begin() + (past[i].event - query.history.data()));
		PastBuffer without;
		without.read(others, n_items);
		for (std::size_t v = 0; v < voices.size(); ++v)
			losses[v][i] = whole[v] - voices[v](without.past());
	}
	for (std::size_t v = 0; v < voices.size(); ++v) {
		if (nothing[v] != 0)
			parts.push_back({Source::Situation, voices[v].name(), data::kNone, nothing[v]});
		if (past.empty())
			continue;
		if (voices[v].apart() != 0)
			parts.push_back({Source::Popularity, voices[v].name(), data::kNone, voices[v].apart()});
		share_out(voices[v](past) - nothing[v], losses[v]);
		for (std::size_t i = 0; i < past.size(); ++i)
			if (losses[v][i] != 0)
				parts.push_back({Source::Event, voices[v].name(), static_cast<std::uint32_t>(past[i].event - query.history.data()),
								 losses[v][i]});
	}
}

} // namespace

void share_out(double score, std::span<double> losses) noexcept {
	if (losses.empty())
		return;
	const double sum = std::accumulate(losses.begin(), losses.end(), 0.0);
	const double stretch = sum != 0 ? score / sum : 0.0;
	if (stretch >= 1 / kMostStretch && stretch <= kMostStretch) {
		for (double &loss : losses)
			loss *= stretch;
		return;
	}
	const double left = (score - sum) / static_cast<double>(losses.size());
	for (double &loss : losses)
		loss += left;
}

bool BlendScorer::explain(const Query &query, std::uint32_t item, const Poll &poll, Explanation &out) const {
	Scores scores;
	score(query, scores);
	out = {static_cast<double>(scores.logit[item]), scores.log_normalizer, {}};
	PastBuffer past;
	past.read(query.history, n_items_, query.user);
	if (!std::isfinite(out.logit)) {
		const auto newest = std::find_if(query.history.rbegin(), query.history.rend(), [&](const Event &e) { return e.item == item; });
		out.parts.push_back({Source::Event, "", static_cast<std::uint32_t>(query.history.rend() - newest - 1), out.logit});
		return true;
	}
	const std::size_t bucket = length_bucket(past.past().size());
	// Behaviour's part of what does not depend on the past, and what features put in the place of the rest.
	float features = 0, behaviour = 1;
	if (cold_) {
		cold_->mix_base(item, item + 1, prior_, bucket > 0, &features);
		cold_->mix_base(item, item + 1, prior_, bucket > 0, &behaviour);
		behaviour -= features;
	}
	for (const Member &member : base_)
		out.parts.push_back({Source::Popularity, member.name, data::kNone,
							 static_cast<double>(behaviour) * static_cast<double>(member.weights[bucket]) *
								 static_cast<double>(member.expert->base()[item])});
	if (features != 0)
		out.parts.push_back({Source::Features, "cold_items", data::kNone, static_cast<double>(features)});
	std::vector<Voice> voices;
	for (const Member &member : personal_)
		if (const float weight = member.weights[bucket]; weight != 0.0f)
			voices.emplace_back(member.name, n_items_, item, weight * member.expert->apart(item),
								[&, weight](Past of, Dense dense) { member.expert->score({of, query.situation}, weight, dense); });
	if (cold_)
		voices.emplace_back("cold_items", n_items_, item, 0.0f, [&](Past of, Dense dense) { cold_->add(of, dense); });
	explain_past(query, n_items_, past.past(), voices, poll, out.parts);
	return true;
}

} // namespace recsys::recipe
