#include "recipe/network_batches.hpp"

#include <algorithm>
#include <numeric>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr std::uint64_t kCutStream = 0x637574, kGroupStream = 0x67726f75, kTieStream = 0x746965, kDropStream = 0x64726f70;
constexpr std::size_t kPollEvery = 4096;
constexpr std::size_t kSmallest = 8; // a batch of short pieces has at least an eighth of the events of one of long pieces

/// The events of a piece and the one after it, those of one moment shuffled.
void order_events(const NetworkEvents &events, const NetworkPiece &piece, NetworkChance chance, std::vector<std::uint64_t> &order) {
	order.resize(piece.length + 1);
	std::iota(order.begin(), order.end(), piece.begin);
	for (std::size_t a = 0, b; a < order.size(); a = b) {
		for (b = a + 1; b < order.size() && events.moment[order[b]] == events.moment[order[a]]; ++b) {
		}
		if (b - a < 2)
			continue;
		Rng rng(chance.seed ^ kTieStream, chance.epoch, piece.user, piece.begin + a);
		for (std::size_t n = b - a; n > 1; --n)
			std::swap(order[a + n - 1], order[a + rng.below(n)]);
	}
}

} // namespace

std::vector<NetworkPiece> cut_histories(const NetworkEvents &events, std::uint32_t most, NetworkChance chance, const StopToken &stop) {
	std::vector<NetworkPiece> pieces;
	for (std::uint32_t user = 0; user < events.users(); ++user) {
		if (user % kPollEvery == 0)
			stop.check();
		const std::uint64_t begin = events.begin[user], end = events.begin[user + 1];
		if (end - begin < 2)
			continue;
		std::uint64_t length = most;
		if (end - begin - 1 > most)
			length = 1 + Rng(chance.seed, kCutStream, chance.epoch, user).below(most);
		for (std::uint64_t at = begin; at + 1 < end; at += length, length = most) {
			length = std::min(length, end - 1 - at);
			pieces.push_back({at, static_cast<std::uint32_t>(length), user});
		}
	}
	return pieces;
}

std::vector<std::vector<NetworkPiece>> group_pieces(std::vector<NetworkPiece> pieces, std::size_t size, std::uint32_t most,
													NetworkChance chance, const StopToken &stop) {
	std::vector<std::pair<double, std::uint32_t>> order;
	Rng rng(chance.seed, kGroupStream, chance.epoch);
	for (std::uint32_t i = 0; i < pieces.size(); ++i)
		order.emplace_back(static_cast<double>(pieces[i].length) * (1 + 0.1 * rng.uniform()) + rng.uniform(), i);
	SparsePoll poll(stop);
	std::sort(order.begin(), order.end(), [&](const auto &a, const auto &b) {
		poll();
		return a > b;
	});
	std::vector<std::vector<NetworkPiece>> batches;
	for (const auto &[length, index] : order) {
		const NetworkPiece &piece = pieces[index];
		const bool full = !batches.empty() && batches.back().size() >= size &&
						  batches.back().size() * piece.length * kSmallest >= size * most;
		if (batches.empty() || full)
			batches.emplace_back();
		batches.back().push_back(piece);
	}
	for (std::size_t i = batches.size(); i > 1; --i)
		std::swap(batches[i - 1], batches[rng.below(i)]);
	return batches;
}

void pack_pieces(const NetworkEvents &events, std::span<const NetworkPiece> pieces, NetworkChance chance, PackedHistories &out) {
	std::vector<NetworkPiece> sorted(pieces.begin(), pieces.end());
	std::stable_sort(sorted.begin(), sorted.end(), [](const NetworkPiece &a, const NetworkPiece &b) { return a.length > b.length; });
	std::vector<std::vector<std::uint64_t>> order(sorted.size());
	for (std::size_t i = 0; i < sorted.size(); ++i)
		order_events(events, sorted[i], chance, order[i]);
	out = {};
	const std::size_t columns = out.extra_columns = events.extra_columns;
	const std::uint32_t steps = sorted.empty() ? 0 : sorted[0].length;
	for (std::uint32_t t = 0; t < steps; ++t) {
		for (std::size_t i = 0; i < sorted.size() && sorted[i].length > t; ++i) {
			const std::uint64_t event = order[i][t], place = sorted[i].begin + t;
			out.slot.push_back(events.item[event]);
			for (std::size_t column = 0; column < columns; ++column)
				out.extra.push_back(column > 0 ? events.extra[event * columns + column]
									: t == 0   ? events.extra_unknown
											   : events.extra[place * columns]);
			out.session.push_back(events.session[place]);
			out.target.push_back(events.item[order[i][t + 1]]);
			out.target_item.push_back(out.target.back());
			out.key.push_back(static_cast<std::uint32_t>(Rng(chance.seed ^ kDropStream, chance.epoch, place, sorted[i].user).next()));
		}
		out.step.push_back(static_cast<std::uint32_t>(out.events()));
	}
}

} // namespace recsys::recipe
