#include "recipe/past.hpp"

#include <algorithm>

namespace recsys::recipe {

void PastBuffer::read(std::span<const Event> history, std::size_t n_items, std::uint64_t user) noexcept {
	n_votes_ = n_denied_ = 0;
	user_ = user;
	if (history.size() > kMaxPast)
		history = history.last(kMaxPast);
	const bool any_negative =
		std::any_of(history.begin(), history.end(), [](const Event &event) { return event.sign < 0; });
	std::uint32_t age = 0;
	std::int64_t newer = 0;
	for (std::size_t i = history.size(); i-- > 0;) {
		const Event &event = history[i];
		if (event.item >= n_items)
			continue;
		if (any_negative) { // rare, so a scan of the newer events is better than a set
			const auto same = std::find_if(history.rbegin(), history.rend() - static_cast<std::ptrdiff_t>(i) - 1,
										   [&](const Event &other) { return other.item == event.item; });
			const bool newest = same == history.rend() - static_cast<std::ptrdiff_t>(i) - 1;
			if (newest && event.sign < 0)
				denied_[n_denied_++] = event.item;
			if (event.sign < 0 || (!newest && same->sign < 0))
				continue;
		}
		if (n_votes_ > 0 && event.time != newer)
			++age;
		newer = event.time;
		votes_[n_votes_++] = {event.item, age, &event};
	}
}

} // namespace recsys::recipe
