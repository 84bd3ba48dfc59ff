// All users of a group with their events, by one statement in the order of the users: whoever has an event under a name of his own
// (not only as an anonymous session), or a row in the users dataset. Events under an alias are the owner's, who comes once.
//
// A user's history is the one that read_history would give.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serve/endpoint.hpp"

namespace recsys::serve {

struct Person {
	std::string id;
	std::vector<recipe::Event> history; // oldest first
	std::vector<std::uint32_t> items;	// of all his events, whether the model learned from them or not: ordinals, ascending
};

class Everyone {
public:
	/// Within a SpiScope that outlives the object. `with_items`: whether items are wanted.
	Everyone(Endpoint &endpoint, bool with_items);
	/// False at the end.
	bool next(Person &person);

private:
	struct Columns {
		int type = -1, session = -1; // where they stand, if they do
	};
	bool fetch();
	void take(Person &person, std::string_view id);
	void add(std::string_view id, const recipe::Event &event);
	void finish(Person &person);

	Endpoint &endpoint_;
	const bool with_items_;
	Columns columns_;
	pg::Cursor cursor_;
	const SPITupleTable *block_ = nullptr;
	std::uint64_t row_ = 0;
	std::vector<Datum> values_;
	std::vector<char> nulls_; // bool is one byte
	struct OfId {
		std::string id;
		std::vector<recipe::Event> events;
	};
	std::vector<OfId> ids_; // of the user that is being read: the first n_ids_
	std::size_t n_ids_ = 0;
	bool named_ = false;
};

} // namespace recsys::serve
