#include "recipe/event_code.hpp"

#include <algorithm>
#include <bit>

namespace recsys::recipe {

namespace {

constexpr std::int64_t kSecond = 1'000'000, kHour = 3600 * kSecond, kDay = 24 * kHour;
constexpr std::int64_t kPauses[] = {kHour / 2, 2 * kHour, 8 * kHour, kDay, 7 * kDay, 30 * kDay};
constexpr double kMostEnds = 0.4;	  // of the events may end a session: shorter ones tell little that is not said by the gap
constexpr double kFewestEnds = 0.002; // of the events must, or there is nothing to learn a user's sessions from

/// Times may lie at both ends of what a number holds.
std::uint64_t gap(const Event &before, const Event &now) noexcept {
	return now.time > before.time ? static_cast<std::uint64_t>(now.time) - static_cast<std::uint64_t>(before.time) : 0;
}

} // namespace

bool EventCode::begins_session(const Event &before, const Event &now) const noexcept {
	if (told_sessions != 0 && before.session != data::kNone && now.session != data::kNone)
		return before.session != now.session;
	return pause > 0 && gap(before, now) > static_cast<std::uint64_t>(pause);
}

void EventCode::rows(const Event *before, const Event &now, std::uint32_t *out) const noexcept {
	out[0] = before == nullptr
				 ? kUnknownGap
				 : std::min(kGaps - 1, static_cast<std::uint32_t>(std::bit_width(gap(*before, now) / static_cast<std::uint64_t>(kSecond))));
}

void EventCode::append(std::span<const Event> history, NetworkEvents &out) const {
	std::uint32_t moment = 0;
	for (std::size_t i = 0; i < history.size(); ++i) {
		const Event *before = i == 0 ? nullptr : &history[i - 1];
		moment += before != nullptr && history[i].time != before->time;
		out.item.push_back(history[i].item);
		out.moment.push_back(moment);
		std::uint32_t extra[kColumns];
		rows(before, history[i], extra);
		out.extra.insert(out.extra.end(), extra, extra + kColumns);
		out.session.push_back(before != nullptr && begins_session(*before, history[i]));
	}
	out.begin.push_back(out.item.size());
}

void SessionFinder::add(std::span<const Event> history) noexcept {
	static_assert(std::size(recipe::kPauses) == kPauses);
	events_ += static_cast<double>(history.size());
	for (std::size_t i = 0; i < history.size(); ++i) {
		told_ += history[i].session != data::kNone;
		if (i == 0)
			continue;
		const Event &before = history[i - 1], &now = history[i];
		ends_told_ += before.session != data::kNone && now.session != data::kNone && before.session != now.session;
		for (std::size_t p = 0; p < kPauses; ++p)
			ends_[p] += gap(before, now) > static_cast<std::uint64_t>(recipe::kPauses[p]);
	}
}

EventCode SessionFinder::found() const noexcept {
	const auto useful = [&](double ends) { return ends >= std::max(1.0, kFewestEnds * events_); };
	EventCode code;
	code.told_sessions = 2 * told_ > events_ && useful(ends_told_);
	for (std::size_t p = 0; p < kPauses && code.told_sessions == 0; ++p)
		if (ends_[p] <= kMostEnds * events_) {
			code.pause = useful(ends_[p]) ? recipe::kPauses[p] : 0;
			break;
		}
	return code;
}

} // namespace recsys::recipe
