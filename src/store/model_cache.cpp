// Locking: `lock` covers every field of the registry but the atomics. It is held for the look-up and dsm_attach together, so
// that a segment cannot be unpinned between the two, and never while a model is read or checked. A backend that loads a model
// first takes a slot as Loading, so that others wait for it instead of building copies of their own; the slot is given back
// on error and, for a backend that is terminated meanwhile, in before_shmem_exit.
//
// A segment's life is PostgreSQL's own reference count: one pin by the registry and one by each mapping. Leaving the registry
// removes the pin; the memory goes with the last mapping.
#include "recipe/exploration.hpp"
#include <algorithm>
#include <bit>
#include <map>

#include "base/hash.hpp"

#include "store/model_cache.hpp"

#include "pg/report.hpp"
#include "pg/settings.hpp"
#include "stats/shared.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"
}

namespace recsys::store {

namespace {

constexpr int kSlots = 256;
constexpr std::size_t kHashLength = 32;

enum class SlotState : std::int32_t { Free, Loading, Ready };

struct Slot {
	SlotState state;
	int loader; // process id while Loading
	char hash[kHashLength];
	Oid database;
	std::int64_t version_id; // with database: whose newer revision replaces this one
	std::uint64_t bytes;
	dsm_handle handle;
	pg_atomic_uint64 last_used; // microseconds of PostgreSQL's clock
};

struct Registry {
	LWLock *lock;
	ConditionVariable changed;
	pg_atomic_uint64 evictions; // grows whenever a Ready slot is freed
	Slot slots[kSlots];
};

Registry *registry = nullptr;
Slot *loading = nullptr; // this process's

// Releases even after an error, which has already forgotten that interrupts were held for the lock.
class Locked {
public:
	explicit Locked(LWLockMode mode) {
		pg::call([mode] { LWLockAcquire(registry->lock, mode); });
	}
	~Locked() {
		if (InterruptHoldoffCount == 0)
			HOLD_INTERRUPTS();
		LWLockRelease(registry->lock);
	}
	Locked(const Locked &) = delete;
	Locked &operator=(const Locked &) = delete;
};

// DSM calls register with a resource owner that an error must clean up at once, because the error may be survived.
class OwnResources {
public:
	OwnResources() : outer_(CurrentResourceOwner) {
		own_ = pg::call([] { return ResourceOwnerCreate(CurrentResourceOwner, "recsys model cache"); });
		CurrentResourceOwner = own_;
	}
	~OwnResources() {
		CurrentResourceOwner = outer_;
		for (const ResourceReleasePhase phase :
			 {RESOURCE_RELEASE_BEFORE_LOCKS, RESOURCE_RELEASE_LOCKS, RESOURCE_RELEASE_AFTER_LOCKS})
			ResourceOwnerRelease(own_, phase, false, false);
		ResourceOwnerDelete(own_);
	}
	OwnResources(const OwnResources &) = delete;
	OwnResources &operator=(const OwnResources &) = delete;

private:
	ResourceOwner outer_, own_;
};

/// Slots of the index of a model's items: a power of two, at most half full.
std::size_t index_slots(const artifact::Layout &layout) {
	for (const artifact::Layout::Entry &entry : layout.entries)
		if (entry.name == "item.offsets")
			return std::bit_ceil(2 * (entry.size / sizeof(std::uint64_t) + 1));
	artifact::View::fail("item.offsets", "is missing");
}

/// Bytes of the artifact with the index behind it.
std::size_t memory_size(const Revision &revision) {
	return revision.layout.total + index_slots(revision.layout) * sizeof(std::uint32_t);
}

void build_index(const artifact::IdView &items, std::span<std::uint32_t> index) {
	std::fill(index.begin(), index.end(), data::kNone);
	for (std::uint32_t item = 0; item < items.size(); ++item) {
		std::size_t at = hash64(items[item]) & (index.size() - 1);
		while (index[at] != data::kNone)
			at = (at + 1) & (index.size() - 1);
		index[at] = item;
	}
}

class SharedMemory final : public ModelMemory {
public:
	SharedMemory(dsm_segment *segment, std::size_t size, Slot *slot)
		: segment_(segment), size_(size), slot_(slot), handle_(dsm_segment_handle(segment)) {}
	~SharedMemory() override { dsm_detach(segment_); }
	std::span<std::byte> bytes() noexcept override {
		return {static_cast<std::byte *>(dsm_segment_address(segment_)), size_};
	}
	bool current() const noexcept override {
		return slot_->state == SlotState::Ready && slot_->handle == handle_;
	}
	// Seconds are fine enough for eviction and keep the backends from writing to one cache line all the time.
	void touch() noexcept override {
		const std::uint64_t now = static_cast<std::uint64_t>(GetCurrentStatementStartTimestamp());
		if (current() && now > pg_atomic_read_u64(&slot_->last_used) + USECS_PER_SEC)
			pg_atomic_write_u64(&slot_->last_used, now);
	}

private:
	dsm_segment *segment_;
	std::size_t size_;
	Slot *slot_;
	dsm_handle handle_;
};

class PrivateMemory final : public ModelMemory {
public:
	explicit PrivateMemory(std::size_t size) : bytes_(size) {}
	std::span<std::byte> bytes() noexcept override { return bytes_; }
	bool current() const noexcept override { return true; }
	void touch() noexcept override {}

private:
	Budgeted<std::byte> bytes_;
};

bool same_hash(const Slot &slot, const std::string &hash) {
	return slot.state != SlotState::Free && std::memcmp(slot.hash, hash.data(), kHashLength) == 0;
}

Slot *find_slot(const std::string &hash) {
	for (Slot &slot : registry->slots)
		if (same_hash(slot, hash))
			return &slot;
	return nullptr;
}

void evict(Slot &slot) {
	const dsm_handle handle = slot.handle;
	slot.state = SlotState::Free;
	pg_atomic_fetch_add_u64(&registry->evictions, 1);
	pg::call([handle] { dsm_unpin_segment(handle); });
}

void free_loading_slot() noexcept {
	if (loading == nullptr)
		return;
	loading->state = SlotState::Free;
	loading = nullptr;
}

void on_exit_while_loading(int, Datum) {
	if (loading == nullptr)
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	free_loading_slot();
	LWLockRelease(registry->lock);
	ConditionVariableBroadcast(&registry->changed);
}

Slot *oldest_ready() {
	Slot *oldest = nullptr;
	for (Slot &slot : registry->slots)
		if (slot.state == SlotState::Ready &&
			(oldest == nullptr || pg_atomic_read_u64(&slot.last_used) < pg_atomic_read_u64(&oldest->last_used)))
			oldest = &slot;
	return oldest;
}

// Room for one more model of `bytes`, by eviction where need be; null when there cannot be any. Caller holds the lock.
Slot *reserve_slot(std::uint64_t bytes) {
	const std::uint64_t limit = static_cast<std::uint64_t>(pg::settings::model_cache_limit) << 20;
	for (;;) {
		std::uint64_t used = 0;
		Slot *free = nullptr;
		for (Slot &slot : registry->slots) {
			if (slot.state == SlotState::Free)
				free = &slot;
			else
				used += slot.bytes;
		}
		if (free != nullptr && used + bytes <= limit)
			return free;
		Slot *oldest = bytes <= limit ? oldest_ready() : nullptr;
		if (oldest == nullptr)
			return nullptr;
		evict(*oldest);
	}
}

// The caller's own unfinished work is not for others: a rollback would leave a model that never was.
bool is_committed(const Revision &revision) {
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return true;
	static pg::Plan creator{"SELECT xmin::text::bigint FROM recsys_internal.model_revision WHERE version_id = $1 AND revision = $2",
							{INT8OID, INT4OID}};
	pg::AsOwner owner;
	const auto row = creator.row({pg::int8(revision.version_id), pg::int4(revision.revision)}, pg::Access::Read);
	return row && !TransactionIdIsCurrentTransactionId(static_cast<TransactionId>(row->int8(0)));
}

// Attaches to a published model; waits while another backend loads it. Null: nobody has it, `mine` is this process's slot
// to fill, or null when the cache has no room.
std::unique_ptr<ModelMemory> attach(const Revision &revision, Slot *&mine) {
	for (;;) {
		{
			Locked lock(LW_EXCLUSIVE);
			Slot *slot = find_slot(revision.content_hash);
			if (slot != nullptr && slot->state == SlotState::Ready) {
				if (slot->bytes != memory_size(revision))
					throw Error(sqlstate::DamagedModel, "model is damaged",
								"Its content hash is that of another model of a different size.",
								"Train a new solution version, or restore the model from a backup.");
				const dsm_handle handle = slot->handle;
				dsm_segment *segment = pg::call([handle] {
					dsm_segment *s = dsm_attach(handle);
					if (s != nullptr)
						dsm_pin_mapping(s);
					return s;
				});
				if (segment != nullptr)
					return std::make_unique<SharedMemory>(segment, memory_size(revision), slot);
				slot->state = SlotState::Free;
				slot = nullptr;
			}
			if (slot == nullptr) {
				mine = reserve_slot(memory_size(revision));
				if (mine != nullptr) {
					mine->state = SlotState::Loading;
					mine->loader = MyProcPid;
					mine->bytes = memory_size(revision);
					mine->database = MyDatabaseId;
					mine->version_id = revision.version_id;
					std::memcpy(mine->hash, revision.content_hash.data(), kHashLength);
					loading = mine;
				}
				return nullptr;
			}
		}
		pg::call([] {
			ConditionVariableTimedSleep(&registry->changed, 20, PG_WAIT_EXTENSION);
			ConditionVariableCancelSleep();
			CHECK_FOR_INTERRUPTS();
		});
	}
}

// Gives the slot back unless it was published.
class LoadingSlot {
public:
	explicit LoadingSlot(Slot *slot) : slot_(slot) {
		static bool registered = false;
		if (!registered)
			pg::call([] { before_shmem_exit(on_exit_while_loading, 0); });
		registered = true;
	}
	~LoadingSlot() {
		if (loading != nullptr) {
			Locked lock(LW_EXCLUSIVE);
			free_loading_slot();
		}
		ConditionVariableBroadcast(&registry->changed);
	}
	void publish(dsm_segment *segment) {
		Locked lock(LW_EXCLUSIVE);
		pg::call([segment] { dsm_pin_segment(segment); });
		slot_->handle = dsm_segment_handle(segment);
		pg_atomic_write_u64(&slot_->last_used, static_cast<std::uint64_t>(GetCurrentTimestamp()));
		slot_->state = SlotState::Ready;
		loading = nullptr;
		for (Slot &other : registry->slots)
			if (&other != slot_ && other.state == SlotState::Ready && other.database == slot_->database &&
				other.version_id == slot_->version_id)
				evict(other);
	}

private:
	Slot *slot_;
};

// Null, with the reason, when the system has no shared memory to give.
dsm_segment *create_segment(std::size_t size, std::string &reason) {
	OwnResources resources;
	try {
		dsm_segment *segment = pg::call([size] {
			dsm_segment *s = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
			if (s != nullptr)
				dsm_pin_mapping(s);
			return s;
		});
		if (segment == nullptr)
			reason = "too many dynamic shared memory segments";
		return segment;
	} catch (const pg::PgError &e) {
		if (e.edata == nullptr || e.edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			e.edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			throw;
		reason = e.edata->message;
		return nullptr;
	}
}

std::shared_ptr<const Model> open_shared(const Revision &revision, std::string &reason) {
	Slot *slot = nullptr;
	if (std::unique_ptr<ModelMemory> memory = attach(revision, slot))
		return std::make_shared<Model>(std::move(memory), revision.layout.total, false);
	if (slot == nullptr) {
		reason = "it does not fit into \"recsys.model_cache_limit\"";
		return nullptr;
	}
	LoadingSlot guard(slot);
	dsm_segment *segment = create_segment(memory_size(revision), reason);
	if (segment == nullptr)
		return nullptr;
	auto memory = std::make_unique<SharedMemory>(segment, memory_size(revision), slot);
	read_model(revision, memory->bytes().first(revision.layout.total));
	auto model = std::make_shared<Model>(std::move(memory), revision.layout.total, true);
	guard.publish(segment);
	return model;
}

// Content hashes that this session was warned about: once is enough.
std::map<std::string, bool> &warned() {
	static auto &hashes = *new std::map<std::string, bool>;
	return hashes;
}

// `reason` is empty for a revision that is not committed yet, which nobody else could use anyway.
std::shared_ptr<const Model> open_private(const Revision &revision, const std::string &name, const std::string &reason) {
	const std::size_t limit = static_cast<std::size_t>(pg::settings::private_model_limit) << 20;
	const std::size_t size = memory_size(revision);
	if (size > limit)
		throw Error(sqlstate::LimitExceeded,
					"model of \"" + name + "\" is too large for a private copy: " + std::to_string((size >> 20) + 1) +
						" MB",
					"It cannot be shared: " + (reason.empty() ? "it is not committed yet" : reason) + ".",
					"Add \"recsys\" to \"shared_preload_libraries\" and give \"recsys.model_cache_limit\" room, or raise "
					"\"recsys.private_model_limit\".");
	auto memory = std::make_unique<PrivateMemory>(size);
	read_model(revision, memory->bytes().first(revision.layout.total));
	auto model = std::make_shared<Model>(std::move(memory), revision.layout.total, true);
	bool &told = warned()[revision.content_hash];
	if (!reason.empty() && !told)
		pg::warning("model of \"" + name + "\" is copied into this session's memory", "It cannot be shared: " + reason + ".",
					registry == nullptr ? "Add \"recsys\" to \"shared_preload_libraries\"." : "");
	told = told || !reason.empty();
	return model;
}

// Models that something in this backend holds, by content hash.
std::map<std::string, std::weak_ptr<const Model>, std::less<>> &opened() {
	static auto &models = *new std::map<std::string, std::weak_ptr<const Model>, std::less<>>;
	return models;
}

} // namespace

Model::Model(std::unique_ptr<ModelMemory> memory, std::size_t artifact_size, bool fresh)
	: memory_(std::move(memory)), view_(memory_->bytes().first(artifact_size), fresh), items_(view_, "item"),
	  flags_(view_.get<std::uint8_t>("item.flags", items_.size())), spec_(recipe::find_recipe(view_.recipe())) {
	if (spec_ == nullptr)
		throw Error(sqlstate::DamagedModel, "model is of the unrecognized recipe \"" + std::string(view_.recipe()) + "\"");
	scorer_ = spec_->open(view_);
	if (scorer_->n_items() != items_.size())
		artifact::View::fail("item.offsets", "does not fit the recipe's sections");
	if (recipe::Exploration::present(view_))
		exploration_ = std::make_unique<recipe::Exploration>(view_, items_.size());
	const std::span<std::byte> behind = memory_->bytes().subspan(artifact_size);
	const std::span<std::uint32_t> index(reinterpret_cast<std::uint32_t *>(behind.data()), behind.size() / sizeof(std::uint32_t));
	if (fresh)
		build_index(items_, index);
	index_ = index;
}

Model::~Model() = default;

std::uint32_t Model::find_item(std::string_view id) const noexcept {
	for (std::size_t at = hash64(id);; ++at) {
		const std::uint32_t item = index_[at & (index_.size() - 1)];
		if (item == data::kNone || items_[item] == id)
			return item;
	}
}

std::shared_ptr<const Model> open_model(const Revision &revision, const std::string &name) {
	if (const auto it = opened().find(revision.content_hash); it != opened().end()) {
		if (auto model = it->second.lock(); model && model->current())
			return model;
		opened().erase(it);
	}
	std::string reason;
	std::shared_ptr<const Model> model;
	const bool committed = is_committed(revision);
	if (registry == nullptr)
		reason = "recsys is not preloaded";
	else if (committed)
		model = open_shared(revision, reason);
	if (!model)
		model = open_private(revision, name, reason);
	// A private copy of unfinished work is forgotten with its holder, so that the committed model is then shared.
	if (committed) {
		std::erase_if(opened(), [](const auto &entry) { return entry.second.expired(); });
		opened()[revision.content_hash] = model;
	}
	return model;
}

bool models_were_evicted() {
	static std::uint64_t seen = 0;
	if (registry == nullptr)
		return false;
	const std::uint64_t now = pg_atomic_read_u64(&registry->evictions);
	if (now == seen)
		return false;
	seen = now;
	return true;
}

void declare_model_cache() {
	stats::declare({"RecsysModelCache", [] { return sizeof(Registry); }, 1, [](void *memory, LWLockPadded *locks, bool fresh) {
						registry = static_cast<Registry *>(memory);
						if (!fresh)
							return;
						registry->lock = &locks[0].lock;
						ConditionVariableInit(&registry->changed);
						pg_atomic_init_u64(&registry->evictions, 0);
						for (Slot &slot : registry->slots)
							pg_atomic_init_u64(&slot.last_used, 0);
					}});
}

} // namespace recsys::store
