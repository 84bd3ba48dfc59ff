// Where rows lie, so that they are found again without their index. Asking whether a row with a known id is still there
// costs a descent of the index and a pass through the executor; looking at the place where it was seen last costs a
// tenth of that.
//
//   RowPlaces::Look look(places, schema, "items", "item_id", type);
//   if (!look.finds(key, id))       … ask by a statement, which also returns ctid …
//       look.remember(key, ctid);
//
// A place is a guess and nothing else: a row counts as found only if the version that lies there is visible under the
// active snapshot and carries the id. Whatever happened to the table since (updates, vacuum, rewrites, another table of
// the name) leads to "not found", never to a wrong answer. Tables with row-level security and anything but plain tables
// are never looked at.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pg/guard.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace recsys::pg {

class RowPlaces {
public:
	class Look;

private:
	struct Place {
		std::uint32_t key = 0;
		ItemPointerData at = {{0, 0}, 0}; // offset 0: none
	};
	static constexpr std::size_t kPlaces = 8192; // 96 kB a session; keys that share a place push each other out
	std::vector<Place> places_;
};

/// The table, open for the life of the object. To be made where a statement over it could run.
class RowPlaces::Look {
public:
	/// The table is found by its name, as a statement would find it, each time.
	Look(RowPlaces &places, Oid schema, const char *table, const char *id_column, Oid id_type);
	~Look();
	Look(const Look &) = delete;
	Look &operator=(const Look &) = delete;
	/// False: all finds() will be false, and remembering is of no use.
	bool possible() const noexcept { return slot_ != nullptr; }
	bool finds(std::uint32_t key, std::string_view id);
	void remember(std::uint32_t key, const ItemPointerData &at);

private:
	RowPlaces &places_;
	Oid id_type_;
	Relation table_ = nullptr;
	TupleTableSlot *slot_ = nullptr;
	AttrNumber column_ = 0;
	BlockNumber blocks_ = 0;
	int exceptions_;
};

} // namespace recsys::pg
