// Who is held out, and where his history is cut. Both are pure functions of ids and seed, so a measurement can be
// repeated and two recipes are measured on the same users.
#include "data/training_set.hpp"

#include <algorithm>
#include <numeric>

#include "base/hash.hpp"
#include "base/rng.hpp"

namespace recsys::data {

namespace {

constexpr std::uint8_t kTraining = 0, kTuning = 1, kMetrics = 2;

} // namespace

std::vector<std::uint8_t> split_users(const TrainingSet &set, double share, std::uint64_t seed) {
	std::vector<std::uint8_t> side(set.n_users(), kTraining);
	std::size_t count[3] = {};
	// The two users who come first by hash: they are held out when the share of a small set catches nobody.
	std::uint32_t first[2] = {kNone, kNone};
	std::uint64_t first_hash[2] = {};
	std::size_t eligible = 0;
	for (std::uint32_t user = 0; user < set.n_users(); ++user) {
		if (set.user_begin(user + 1) - set.user_begin(user) < 2)
			continue;
		++eligible;
		const std::uint64_t hash = hash64(set.users()[user], seed);
		if (static_cast<double>(hash >> 11) * 0x1.0p-53 < share) {
			side[user] = (mix64(hash) & 1) != 0 ? kMetrics : kTuning;
			++count[side[user]];
		} else if (first[0] == kNone || hash < first_hash[0]) {
			first[1] = first[0];
			first_hash[1] = first_hash[0];
			first[0] = user;
			first_hash[0] = hash;
		} else if (first[1] == kNone || hash < first_hash[1]) {
			first[1] = user;
			first_hash[1] = hash;
		}
	}
	// A measurement needs somebody: the metrics half first, then the tuning half, while somebody stays for training.
	std::size_t next = 0;
	for (const std::uint8_t half : {kMetrics, kTuning})
		if (share > 0 && count[half] == 0 && next < 2 && first[next] != kNone &&
			eligible > count[kMetrics] + count[kTuning] + 1) {
			side[first[next++]] = half;
			++count[half];
		}
	return side;
}

HeldOut hold_out(const TrainingSet &set, std::uint32_t user, std::uint64_t seed, std::size_t percent) {
	const std::size_t begin = set.user_begin(user), n = set.user_begin(user + 1) - begin;
	std::vector<std::uint32_t> order(n);
	std::iota(order.begin(), order.end(), static_cast<std::uint32_t>(begin));
	const std::uint64_t user_key = hash64(set.users()[user], seed);
	const auto key = [&](std::uint32_t event) { return hash64(set.items()[set.item()[event]], user_key); };
	for (std::size_t i = 0; i < n;) {
		std::size_t end = i + 1;
		while (end < n && set.time()[order[end]] == set.time()[order[i]])
			++end;
		if (end - i > 1) {
			std::vector<std::pair<std::uint64_t, std::uint32_t>> tied;
			for (std::size_t j = i; j < end; ++j)
				tied.emplace_back(key(order[j]), order[j]);
			std::sort(tied.begin(), tied.end());
			for (std::size_t j = i; j < end; ++j)
				order[j] = tied[j - i].second;
		}
		i = end;
	}
	const std::size_t truth = n < 2 ? 0 : (n * percent + 99) / 100;
	HeldOut cut;
	cut.input_events.assign(order.begin(), order.end() - static_cast<std::ptrdiff_t>(truth));
	cut.truth_events.assign(order.end() - static_cast<std::ptrdiff_t>(truth), order.end());
	return cut;
}

} // namespace recsys::data
