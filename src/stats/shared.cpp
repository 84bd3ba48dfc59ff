#include "stats/shared.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace recsys::stats {

namespace {

constexpr int kMaxAreas = 8;
SharedArea areas[kMaxAreas];
std::size_t sizes[kMaxAreas]; // as requested: a setting read twice could differ
int n_areas = 0;

} // namespace

void declare(const SharedArea &area) {
	if (n_areas == kMaxAreas)
		throw Error("XX000", "too many areas of shared memory");
	areas[n_areas++] = area;
}

void request_shared_memory() {
	for (int i = 0; i < n_areas; ++i) {
		const SharedArea &area = areas[i];
		sizes[i] = area.size();
		const std::size_t size = sizes[i];
		pg::call([&area, size] {
			RequestAddinShmemSpace(MAXALIGN(size));
			if (area.locks > 0)
				RequestNamedLWLockTranche(area.name, area.locks);
		});
	}
}

void attach_shared_memory() {
	for (int i = 0; i < n_areas; ++i) {
		const SharedArea &area = areas[i];
		const std::size_t size = sizes[i];
		bool found = false;
		void *memory = pg::call([&area, size, &found] {
			LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
			void *at = ShmemInitStruct(area.name, size, &found);
			if (!found)
				memset(at, 0, size);
			LWLockRelease(AddinShmemInitLock);
			return at;
		});
		LWLockPadded *locks =
			area.locks > 0 ? pg::call([&area] { return GetNamedLWLockTranche(area.name); }) : nullptr;
		area.attach(memory, locks, !found);
	}
}

} // namespace recsys::stats
