#include "pg/row_places.hpp"

#include <exception>

#include "pg/datum.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace recsys::pg {

namespace {

// What a statement would do more than read the rows, or where a tuple's address is not that of a heap, is left to
// statements.
bool plain(Relation table) {
	return table->rd_rel->relkind == RELKIND_RELATION && table->rd_rel->relam == HEAP_TABLE_AM_OID &&
		   !table->rd_rel->relrowsecurity;
}

bool carries(Datum value, Oid type, std::string_view id) {
	const varlena *v = reinterpret_cast<const varlena *>(DatumGetPointer(value));
	if ((type == TEXTOID || type == VARCHAROID) && (VARATT_IS_COMPRESSED(v) || VARATT_IS_EXTERNAL(v)))
		return false; // an id of kilobytes: rare enough for the index
	IdBuffer buffer;
	return id_text(value, type, buffer) == id;
}

} // namespace

RowPlaces::Look::Look(RowPlaces &places, Oid schema, const char *table, const char *id_column, Oid id_type)
	: places_(places), id_type_(id_type), exceptions_(std::uncaught_exceptions()) {
	call([this, schema, table, id_column] {
		const Oid relation = get_relname_relid(table, schema);
		table_ = OidIsValid(relation) ? try_table_open(relation, AccessShareLock) : nullptr;
		if (table_ == nullptr || !plain(table_))
			return;
		column_ = get_attnum(relation, id_column);
		if (column_ <= 0 || TupleDescAttr(RelationGetDescr(table_), column_ - 1)->atttypid != id_type_)
			return;
		blocks_ = RelationGetNumberOfBlocks(table_);
		slot_ = table_slot_create(table_, nullptr);
	});
	if (possible() && places_.places_.empty())
		places_.places_.resize(kPlaces);
}

// After an error the transaction's end lets go of everything.
RowPlaces::Look::~Look() {
	if (std::uncaught_exceptions() != exceptions_)
		return;
	if (slot_ != nullptr)
		ExecDropSingleTupleTableSlot(slot_);
	if (table_ != nullptr)
		table_close(table_, NoLock);
}

bool RowPlaces::Look::finds(std::uint32_t key, std::string_view id) {
	if (!possible())
		return false;
	Place &place = places_.places_[key % kPlaces];
	if (place.key != key || !ItemPointerIsValid(&place.at) || ItemPointerGetBlockNumberNoCheck(&place.at) >= blocks_)
		return false;
	Datum value = 0;
	const bool visible = call([this, &place, &value] {
		if (!table_tuple_fetch_row_version(table_, &place.at, GetActiveSnapshot(), slot_))
			return false;
		bool null = false;
		value = slot_getattr(slot_, column_, &null);
		return !null;
	});
	return visible && carries(value, id_type_, id);
}

void RowPlaces::Look::remember(std::uint32_t key, const ItemPointerData &at) {
	if (possible())
		places_.places_[key % kPlaces] = {key, at};
}

} // namespace recsys::pg
