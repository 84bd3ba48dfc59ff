#include "serve/candidate_test.hpp"

#include <algorithm>
#include <unordered_map>

namespace recsys::serve {

namespace {

constexpr long kRowsAtOnce = 10000;
constexpr std::uint8_t kSeen = 1, kUnavailable = 2;

using Positions = std::unordered_map<std::string_view, std::uint32_t>;

std::vector<pg::Param> with_ids(pg::Param ids, const std::vector<pg::Param> &rest) {
	std::vector<pg::Param> all{ids};
	all.insert(all.end(), rest.begin(), rest.end());
	return all;
}

// The statement over the catalogue reads the items' rows; what the model knows beyond them it is told by id.
std::vector<std::string_view> items_without_row(const Endpoint &endpoint) {
	const store::Model &model = endpoint.model();
	std::vector<std::string_view> ids;
	for (std::uint32_t item = 0; item < model.items().size(); ++item)
		if (!endpoint.items() || !model.had_row(item))
			ids.push_back(model.items()[item]);
	return ids;
}

bool newer(const PassingItems::NewItem &a, const PassingItems::NewItem &b) {
	if (a.created.has_value() != b.created.has_value())
		return a.created.has_value();
	return a.created != b.created ? a.created > b.created : a.id < b.id;
}

// Of an item with several rows the newest counts.
void settle(PassingItems &items) {
	std::sort(items.known.begin(), items.known.end());
	items.known.erase(std::unique(items.known.begin(), items.known.end()), items.known.end());
	std::vector<PassingItems::NewItem> &unknown = items.unknown;
	std::sort(unknown.begin(), unknown.end(), [](const auto &a, const auto &b) { return a.id != b.id ? a.id < b.id : newer(a, b); });
	unknown.erase(std::unique(unknown.begin(), unknown.end(), [](const auto &a, const auto &b) { return a.id == b.id; }), unknown.end());
}

void intersect(PassingItems &all, const PassingItems &other) {
	std::erase_if(all.known, [&](std::uint32_t item) { return !std::binary_search(other.known.begin(), other.known.end(), item); });
	const auto passes = [&other](const PassingItems::NewItem &item) {
		return std::binary_search(other.unknown.begin(), other.unknown.end(), item,
								  [](const auto &a, const auto &b) { return a.id < b.id; });
	};
	std::erase_if(all.unknown, [&](const auto &item) { return !passes(item); });
}

} // namespace

std::vector<std::uint8_t> passing(const Predicate &predicate, std::span<const std::string_view> ids, Oid id_type) {
	std::vector<std::uint8_t> passes(ids.size(), 0);
	if (ids.empty())
		return passes;
	const SPITupleTable *found =
		predicate.plans->block.fetch(with_ids(pg::id_positions_param(ids, id_type), predicate.parameters), pg::Access::Read);
	for (std::uint64_t row = 0; row < found->numvals; ++row) {
		bool null = false;
		const auto position = static_cast<std::size_t>(DatumGetInt64(pg::column(found, row, 0, null)));
		if (!null && position >= 1 && position <= ids.size())
			passes[position - 1] = 1;
	}
	return passes;
}

void each_passing(const Predicate &predicate, const std::vector<std::string_view> &others, Oid id_type,
				  const VisitPassing &visit) {
	pg::Cursor cursor(predicate.plans->catalogue, with_ids(pg::id_array_param(others, id_type), predicate.parameters));
	pg::IdBuffer buffer;
	Datum values[2];
	bool nulls[2];
	while (const SPITupleTable *rows = cursor.next(kRowsAtOnce)) {
		const Oid type = TupleDescAttr(rows->tupdesc, 0)->atttypid;
		for (std::uint64_t row = 0; row < rows->numvals; ++row) {
			heap_deform_tuple(rows->vals[row], rows->tupdesc, values, nulls);
			if (!nulls[0])
				visit(pg::id_text(values[0], type, buffer), nulls[1] ? std::nullopt : std::optional(DatumGetTimestampTz(values[1])));
		}
	}
}

std::vector<std::uint8_t> CandidateTest::check(std::span<const std::string_view> ids, std::span<const std::uint32_t> items) {
	std::vector<std::uint8_t> allowed = present(ids, items);
	for (std::size_t p = 0; p < predicates_.size(); ++p)
		test(p, ids, allowed);
	return allowed;
}

std::vector<std::uint8_t> CandidateTest::present(std::span<const std::string_view> ids, std::span<const std::uint32_t> items) {
	std::vector<std::uint8_t> allowed(ids.size(), 1), marks(ids.size(), 0);
	if (!endpoint_.items())
		return allowed;
	const Oid type = endpoint_.item_type();
	std::optional<pg::RowPlaces::Look> look;
	if (endpoint_.items_have_places())
		look.emplace(endpoint_.item_places, endpoint_.group().schema_oid, "items", "item_id", type);
	std::vector<std::string_view> asked;
	for (std::size_t i = 0; i < ids.size(); ++i) {
		const bool matters = endpoint_.has_availability() || had_row(items[i]);
		if (matters && look && look->finds(items[i], ids[i]))
			marks[i] = kSeen;
		else if (matters)
			asked.push_back(ids[i]);
	}
	if (asked.empty())
		return allowed;
	const bool placed = look && look->possible();
	pg::DynamicPlan &statement = placed ? endpoint_.statements.placed_items : endpoint_.statements.present_items;
	const SPITupleTable *found = statement.fetch({pg::id_array_param(asked, type)}, pg::Access::Read);
	Positions positions(ids.size() * 2);
	for (std::uint32_t i = 0; i < ids.size(); ++i)
		positions.emplace(ids[i], i);
	const Oid found_type = TupleDescAttr(found->tupdesc, 0)->atttypid;
	Datum values[2];
	bool nulls[2];
	pg::IdBuffer buffer;
	for (std::uint64_t row = 0; row < found->numvals; ++row) {
		heap_deform_tuple(found->vals[row], found->tupdesc, values, nulls);
		const auto at = nulls[0] ? positions.end() : positions.find(pg::id_text(values[0], found_type, buffer));
		if (at == positions.end())
			continue;
		const bool unavailable = endpoint_.has_availability() && !nulls[1] && !DatumGetBool(values[1]);
		marks[at->second] |= unavailable ? kSeen | kUnavailable : kSeen;
		if (placed)
			look->remember(items[at->second], *reinterpret_cast<ItemPointer>(DatumGetPointer(values[1])));
	}
	for (std::size_t i = 0; i < ids.size(); ++i) {
		const bool gone = had_row(items[i]) && (marks[i] & kSeen) == 0;
		allowed[i] = !gone && (marks[i] & kUnavailable) == 0;
	}
	return allowed;
}

bool CandidateTest::passes(std::string_view id) {
	std::vector<std::uint8_t> allowed{1};
	for (std::size_t p = 0; p < predicates_.size(); ++p)
		test(p, {&id, 1}, allowed);
	return allowed.front() != 0;
}

// Asks about those that are still allowed.
void CandidateTest::test(std::size_t predicate, std::span<const std::string_view> ids, std::vector<std::uint8_t> &allowed) {
	std::vector<std::string_view> asked;
	std::vector<std::size_t> places;
	for (std::size_t i = 0; i < ids.size(); ++i)
		if (allowed[i]) {
			asked.push_back(ids[i]);
			places.push_back(i);
			allowed[i] = 0;
		}
	if (asked.empty())
		return;
	const std::vector<std::uint8_t> passes = serve::passing(predicates_[predicate], asked, endpoint_.item_type());
	for (std::size_t i = 0; i < places.size(); ++i)
		allowed[places[i]] = passes[i];
	seen_[predicate].tested += asked.size();
	seen_[predicate].passed += static_cast<std::size_t>(std::count(passes.begin(), passes.end(), 1));
}

const PassingItems &CandidateTest::passing() {
	if (passing_)
		return *passing_;
	for (Predicate &predicate : predicates_) {
		PassingItems items = passing(predicate);
		if (passing_)
			intersect(*passing_, items);
		else
			passing_ = std::move(items);
	}
	std::sort(passing_->unknown.begin(), passing_->unknown.end(), newer);
	return *passing_;
}

PassingItems CandidateTest::passing(Predicate &predicate) {
	const store::Model &model = endpoint_.model();
	PassingItems out;
	const auto take = [&](std::string_view id, std::optional<TimestampTz> created) {
		if (const std::uint32_t item = model.find_item(id); item != data::kNone)
			out.known.push_back(item);
		else
			out.unknown.push_back({std::string(id), created});
	};
	each_passing(predicate, items_without_row(endpoint_), endpoint_.item_type(), take);
	settle(out);
	predicate.plans->observe(static_cast<double>(out.known.size()) / static_cast<double>(std::max<std::size_t>(model.items().size(), 1)));
	return out;
}

double CandidateTest::expected_tests(std::size_t wanted) const {
	double rate = 1;
	for (const Predicate &predicate : predicates_)
		rate *= predicate.plans->pass_rate.value_or(1);
	return rate < 1 ? static_cast<double>(wanted) / rate : 0;
}

std::optional<FilterChoice> built_in_filter(const Endpoint &endpoint) {
	const std::string type(endpoint.spec().leaves_out);
	if (type.empty())
		return std::nullopt;
	// No filter that somebody made has a name with a space.
	return FilterChoice{"built-in filter", {}, "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"" + type + "\")"};
}

CandidateTest candidate_test(Endpoint &endpoint, const std::optional<FilterChoice> &filter, const Subject &subject,
							 const std::optional<std::string> &where) {
	std::vector<Predicate> predicates;
	const auto add = [&](const FilterChoice &choice) {
		if (auto predicate = endpoint.filters.bind(endpoint, choice, subject))
			predicates.push_back(std::move(*predicate));
	};
	if (filter)
		add(*filter);
	if (const std::optional<FilterChoice> own = built_in_filter(endpoint))
		add(*own);
	if (where)
		predicates.push_back(endpoint.filters.bind_expression(endpoint, *where));
	return CandidateTest(endpoint, std::move(predicates));
}

// A predicate that was evaluated over the catalogue has been observed there already, and better.
void CandidateTest::remember() {
	for (std::size_t p = 0; p < predicates_.size(); ++p)
		if (!passing_ && seen_[p].tested > 0)
			predicates_[p].plans->observe(static_cast<double>(seen_[p].passed) / static_cast<double>(seen_[p].tested));
}

} // namespace recsys::serve
