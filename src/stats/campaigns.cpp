// One slot a campaign. A slot is taken at a campaign's first call under the area's lock, by a look through all of them; after that a
// backend remembers where it was and only compares the key, since a slot changes hands when all are taken and a campaign that is
// new needs one: the one that has rested longest gives way. A call that is just being counted then may be counted for the other;
// figures are no truth about anything.
#include "stats/campaigns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <ctime>
#include <unordered_map>
#include <utility>

#include "pg/settings.hpp"
#include "stats/shared.hpp"

namespace recsys::stats {

namespace {

constexpr std::size_t kSlots = 512;

struct Slot {
	pg_atomic_uint64 campaign_id; // 0 = free
	pg_atomic_uint32 database;
	pg_atomic_uint64 since, last_call; // TimestampTz
	pg_atomic_uint64 calls, rows, errors, total_us, max_us, short_answers, fallbacks;
	pg_atomic_uint64 latency[kLatencyBuckets];
	pg_atomic_uint64 periods[kPeriods], top_scores[kPeriods];

	bool belongs_to(std::int64_t id) const {
		auto &self = const_cast<Slot &>(*this);
		return pg_atomic_read_u64(&self.campaign_id) == static_cast<std::uint64_t>(id) && pg_atomic_read_u32(&self.database) == MyDatabaseId;
	}
};

struct Area {
	TimestampTz since;
	Slot slots[kSlots];
};

Area *area = nullptr;
LWLock *lock = nullptr;

std::size_t area_size() { return sizeof(Area); }

void attach(void *memory, LWLockPadded *locks, bool fresh) {
	area = static_cast<Area *>(memory);
	lock = &locks[0].lock;
	if (fresh) // zeros are what the counters begin with
		area->since = GetCurrentTimestamp();
}

bool counting() noexcept { return area != nullptr && pg::settings::track_campaigns; }

std::uint64_t monotonic_us() noexcept {
	timespec now{};
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<std::uint64_t>(now.tv_sec) * 1000000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

void begin_anew(Slot &slot) {
	for (pg_atomic_uint64 *counter : {&slot.last_call, &slot.calls, &slot.rows, &slot.errors, &slot.total_us, &slot.max_us, &slot.short_answers,
									  &slot.fallbacks})
		pg_atomic_write_u64(counter, 0);
	for (pg_atomic_uint64 &bucket : slot.latency)
		pg_atomic_write_u64(&bucket, 0);
	for (std::size_t p = 0; p < kPeriods; ++p) {
		pg_atomic_write_u64(&slot.periods[p], 0);
		pg_atomic_write_u64(&slot.top_scores[p], 0);
	}
	pg_atomic_write_u64(&slot.since, static_cast<std::uint64_t>(GetCurrentTimestamp()));
}

Slot *find(std::int64_t id) {
	for (Slot &slot : area->slots)
		if (slot.belongs_to(id))
			return &slot;
	return nullptr;
}

// Nothing here can fail, so the lock is released on every path.
Slot *find_or_take(std::int64_t id) {
	LWLockAcquire(lock, LW_EXCLUSIVE);
	Slot *slot = find(id);
	if (slot == nullptr) {
		for (Slot &other : area->slots)
			if (slot == nullptr || pg_atomic_read_u64(&other.last_call) < pg_atomic_read_u64(&slot->last_call))
				slot = &other; // a free one has never been called
		pg_atomic_write_u64(&slot->campaign_id, 0);
		begin_anew(*slot);
		pg_atomic_write_u32(&slot->database, MyDatabaseId);
		pg_write_barrier();
		pg_atomic_write_u64(&slot->campaign_id, static_cast<std::uint64_t>(id));
	}
	LWLockRelease(lock);
	return slot;
}

Slot &slot_of(std::int64_t id) {
	static auto &known = *new std::unordered_map<std::int64_t, Slot *>; // never destroyed: the process may end through exit()
	Slot *&slot = known[id];
	if (slot == nullptr || !slot->belongs_to(id))
		slot = find_or_take(id);
	return *slot;
}

// The word of this period: its number, and what `add` makes of the lower half, which begins with 0.
template <class Add> void add_in_period(pg_atomic_uint64 *words, TimestampTz now, Add add) {
	const auto period = static_cast<std::uint64_t>(now / kPeriodLength);
	pg_atomic_uint64 &word = words[period % kPeriods];
	std::uint64_t old = pg_atomic_read_u64(&word), next = 0;
	do
		next = period << 32 | add(old >> 32 == period ? static_cast<std::uint32_t>(old) : 0);
	while (!pg_atomic_compare_exchange_u64(&word, &old, next));
}

/// The lower half of the word of the period that contains `time`.
std::uint32_t of_period(const std::array<std::uint64_t, kPeriods> &words, TimestampTz time) noexcept {
	const auto period = static_cast<std::uint64_t>(time / kPeriodLength);
	const std::uint64_t word = words[period % kPeriods];
	return word >> 32 == period ? static_cast<std::uint32_t>(word) : 0;
}

void raise_to(pg_atomic_uint64 &maximum, std::uint64_t value) {
	std::uint64_t old = pg_atomic_read_u64(&maximum);
	while (old < value && !pg_atomic_compare_exchange_u64(&maximum, &old, value))
		;
}

} // namespace

std::uint64_t latency_bound(std::size_t bucket) noexcept {
	return bucket < 4 ? bucket : (4 + bucket % 4) << (bucket / 4 - 1);
}

std::size_t latency_bucket(std::uint64_t us) noexcept {
	if (us < 4)
		return us;
	const auto octave = static_cast<std::size_t>(std::bit_width(us) - 1);
	return std::min((octave - 1) * 4 + ((us >> (octave - 2)) & 3), kLatencyBuckets - 1);
}

CampaignCall::CampaignCall() noexcept : began_(counting() ? monotonic_us() : 0) {}

void CampaignCall::of(std::int64_t campaign_id) {
	if (counting())
		slot_ = &slot_of(campaign_id);
}

CampaignCall::~CampaignCall() {
	if (slot_ == nullptr)
		return;
	Slot &slot = *static_cast<Slot *>(slot_);
	const TimestampTz now = GetCurrentTimestamp();
	add_in_period(slot.periods, now, [](std::uint32_t calls) { return calls + 1; });
	pg_atomic_write_u64(&slot.last_call, static_cast<std::uint64_t>(now));
	if (!answered_) {
		pg_atomic_fetch_add_u64(&slot.errors, 1);
		return;
	}
	const std::uint64_t took = monotonic_us() - began_;
	pg_atomic_fetch_add_u64(&slot.calls, 1);
	pg_atomic_fetch_add_u64(&slot.rows, static_cast<std::int64_t>(answered_->rows));
	if (answered_->short_of)
		pg_atomic_fetch_add_u64(&slot.short_answers, 1);
	if (answered_->fallback)
		pg_atomic_fetch_add_u64(&slot.fallbacks, 1);
	if (const std::optional<double> top = answered_->top_score)
		add_in_period(slot.top_scores, now, [top](std::uint32_t sum) {
			return std::bit_cast<std::uint32_t>(std::bit_cast<float>(sum) + static_cast<float>(*top));
		});
	pg_atomic_fetch_add_u64(&slot.total_us, static_cast<std::int64_t>(took));
	pg_atomic_fetch_add_u64(&slot.latency[latency_bucket(took)], 1);
	raise_to(slot.max_us, took);
}

Uncounted::Uncounted() noexcept : before_(std::exchange(pg::settings::track_campaigns, false)) {}

Uncounted::~Uncounted() { pg::settings::track_campaigns = before_; }

std::uint32_t CampaignFigures::period_calls(TimestampTz time) const noexcept { return of_period(periods, time); }

double CampaignFigures::period_top_scores(TimestampTz time) const noexcept {
	return static_cast<double>(std::bit_cast<float>(of_period(top_scores, time)));
}

double CampaignFigures::percentile_us(double share) const noexcept {
	std::uint64_t all = 0;
	for (const std::uint64_t n : latency)
		all += n;
	double left = share * static_cast<double>(all);
	for (std::size_t b = 0; b < kLatencyBuckets; ++b) {
		const auto n = static_cast<double>(latency[b]);
		if (n > 0 && left <= n) {
			const auto low = static_cast<double>(latency_bound(b)), high = static_cast<double>(latency_bound(b + 1));
			return std::min(low + (high - low) * left / n, static_cast<double>(max_us));
		}
		left -= n;
	}
	return static_cast<double>(max_us);
}

std::optional<CampaignFigures> campaign_figures(std::int64_t campaign_id) {
	Slot *slot = area == nullptr ? nullptr : find(campaign_id);
	if (slot == nullptr)
		return std::nullopt;
	CampaignFigures out{};
	out.since = static_cast<TimestampTz>(pg_atomic_read_u64(&slot->since));
	out.last_call = static_cast<TimestampTz>(pg_atomic_read_u64(&slot->last_call));
	out.calls = pg_atomic_read_u64(&slot->calls);
	out.rows = pg_atomic_read_u64(&slot->rows);
	out.errors = pg_atomic_read_u64(&slot->errors);
	out.total_us = pg_atomic_read_u64(&slot->total_us);
	out.max_us = pg_atomic_read_u64(&slot->max_us);
	for (std::size_t b = 0; b < kLatencyBuckets; ++b)
		out.latency[b] = pg_atomic_read_u64(&slot->latency[b]);
	out.short_answers = pg_atomic_read_u64(&slot->short_answers);
	out.fallbacks = pg_atomic_read_u64(&slot->fallbacks);
	for (std::size_t p = 0; p < kPeriods; ++p) {
		out.periods[p] = pg_atomic_read_u64(&slot->periods[p]);
		out.top_scores[p] = pg_atomic_read_u64(&slot->top_scores[p]);
	}
	return out;
}

void reset_campaign_figures(std::int64_t campaign_id) {
	if (area == nullptr)
		return;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (Slot *slot = find(campaign_id))
		begin_anew(*slot);
	LWLockRelease(lock);
}

std::optional<TimestampTz> counting_since() { return area == nullptr ? std::nullopt : std::optional(area->since); }

void declare_campaigns() { declare({"RecsysCampaigns", area_size, 1, attach}); }

} // namespace recsys::stats
