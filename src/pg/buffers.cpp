#include "pg/buffers.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace recsys::pg {

std::int64_t read_into_buffers(Oid relation, std::int64_t most) {
	return call([relation, most]() -> std::int64_t {
		Relation rel = try_relation_open(relation, AccessShareLock);
		if (rel == nullptr)
			return 0;
		std::int64_t blocks = 0;
		if (RELKIND_HAS_STORAGE(rel->rd_rel->relkind)) {
			const auto all = static_cast<std::int64_t>(RelationGetNumberOfBlocks(rel));
			for (; blocks < all && blocks < most; ++blocks) {
				CHECK_FOR_INTERRUPTS();
				ReleaseBuffer(ReadBufferExtended(rel, MAIN_FORKNUM, static_cast<BlockNumber>(blocks), RBM_NORMAL, nullptr));
			}
		}
		relation_close(rel, AccessShareLock);
		return blocks;
	});
}

std::vector<Oid> indexes_of(Oid relation) {
	std::vector<Oid> out;
	List *indexes = call([relation]() -> List * {
		Relation rel = try_relation_open(relation, AccessShareLock);
		if (rel == nullptr)
			return NIL;
		List *list = rel->rd_rel->relhasindex ? RelationGetIndexList(rel) : NIL;
		relation_close(rel, AccessShareLock);
		return list;
	});
	for (int i = 0; i < list_length(indexes); ++i)
		out.push_back(list_nth_oid(indexes, i));
	return out;
}

} // namespace recsys::pg
