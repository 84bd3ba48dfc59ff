#include "data/interner.hpp"
#include "store/training_reader.hpp"

#include "store/blocks.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "store/metadata_reader.hpp"
#include "store/shown_items.hpp"

namespace recsys::store {

namespace {

using catalog::DatasetType;

constexpr std::size_t kOtherTypeNames = 10;

struct StringHash {
	using is_transparent = void;
	std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
};
using Aliases = std::unordered_map<std::string, std::string, StringHash, std::equal_to<>>;

// One step, no chains: serving also looks up only a user's direct aliases.
Aliases read_aliases(const catalog::Group &group) {
	Aliases aliases;
	const std::string table = catalog::alias_table(group);
	if (pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(table)}, pg::Access::Read).front().null(0))
		return aliases;
	for (const pg::Row &row : pg::query("SELECT alias_id, user_id FROM " + table, {}, {}, pg::Access::Read))
		aliases.emplace(row.text(0), row.text(1));
	return aliases;
}

[[noreturn]] void infinite_timestamp(const char *column, std::string_view item) {
	throw Error("22008", "timestamp must be finite",
				"Column \"" + std::string(column) + "\" of item \"" + std::string(item) + "\" is infinite.");
}

bool contains(const std::vector<std::string> &names, std::string_view name) {
	return std::find(names.begin(), names.end(), name) != names.end();
}

const std::vector<std::string> &event_columns() {
	static const auto &names =
		*new std::vector<std::string>{"user_id", "item_id", "event_type", "event_value", "timestamp", "session_id"};
	return names;
}

// Hands the wanted events of a block to `Sink`, a function of data::EventRow. Each row is deformed in one pass.
template <class Sink> class EventLoader {
public:
	/// `context` may be null; its columns follow the others.
	EventLoader(const EventFilter &filter, const Aliases &aliases, MetadataReader *context, ReadCounts &counts, Sink sink)
		: filter_(filter), aliases_(aliases), context_(context), counts_(counts), sink_(std::move(sink)) {}

	void load(const SPITupleTable *block) {
		const TupleDesc shape = shape_ = block->tupdesc;
		if (values_.size() != static_cast<std::size_t>(shape->natts)) {
			values_.resize(static_cast<std::size_t>(shape->natts));
			nulls_ = std::make_unique<bool[]>(values_.size());
		}
		user_type_ = TupleDescAttr(shape, User)->atttypid;
		item_type_ = TupleDescAttr(shape, Item)->atttypid;
		session_type_ = TupleDescAttr(shape, Session)->atttypid;
		for (std::uint64_t row = 0; row < block->numvals; ++row) {
			heap_deform_tuple(block->vals[row], shape, values_.data(), nulls_.get());
			++counts_.interactions;
			if (!nulls_[Time])
				note_time(DatumGetTimestampTz(values_[Time]));
			if (nulls_[User] || nulls_[Item] || nulls_[Time])
				++counts_.incomplete;
			else if (!in_window(DatumGetTimestampTz(values_[Time])))
				++counts_.outside;
			else if (wanted())
				add();
		}
	}

private:
	enum Column { User, Item, Type, Value, Time, Session, kColumns };

	bool in_window(TimestampTz time) const {
		return !(filter_.from && time < *filter_.from) && !(filter_.before && time >= *filter_.before);
	}

	// Also sets type_.
	bool wanted() {
		type_ = nulls_[Type] ? std::string_view() : pg::text_view(values_[Type]);
		if (contains(filter_.negative_types, type_))
			return true;
		if (filter_.event_type && type_ != *filter_.event_type)
			return note_other_type(), false;
		if (!filter_.value_threshold)
			return true;
		if (nulls_[Value])
			return ++counts_.without_value, false;
		if (!(DatumGetFloat8(values_[Value]) >= *filter_.value_threshold))
			return ++counts_.below_threshold, false;
		return true;
	}

	void note_time(TimestampTz time) {
		if (!TIMESTAMP_NOT_FINITE(time) && (!counts_.newest || time > *counts_.newest))
			counts_.newest = time;
	}

	// A few names, so that a mistyped or wrongly capitalised event type explains itself.
	void note_other_type() {
		++counts_.other_types;
		std::vector<std::string> &names = counts_.other_type_names;
		if (!type_.empty() && names.size() < kOtherTypeNames && !contains(names, type_))
			names.emplace_back(type_);
	}

	void add() {
		pg::IdBuffer user_buffer, item_buffer, session_buffer;
		data::EventRow event;
		event.user = resolve(pg::id_text(values_[User], user_type_, user_buffer));
		event.item = pg::id_text(values_[Item], item_type_, item_buffer);
		event.type = type_;
		if (!nulls_[Value])
			event.value = DatumGetFloat8(values_[Value]);
		const TimestampTz time = DatumGetTimestampTz(values_[Time]);
		if (TIMESTAMP_NOT_FINITE(time))
			infinite_timestamp("timestamp", event.item);
		event.time = pg::unix_micros(time);
		if (!nulls_[Session])
			event.session = pg::id_text(values_[Session], session_type_, session_buffer);
		if (context_ == nullptr)
			return sink_(event);
		context_->read(values_.data() + kColumns, nulls_.get() + kColumns, shape_, kColumns, [&](const data::FeatureRow &context) {
			event.context = &context;
			sink_(event);
		});
	}

	std::string_view resolve(std::string_view user) {
		if (aliases_.empty())
			return user;
		const auto it = aliases_.find(user);
		if (it == aliases_.end())
			return user;
		++counts_.aliased;
		return it->second;
	}

	const EventFilter &filter_;
	const Aliases &aliases_;
	MetadataReader *context_;
	ReadCounts &counts_;
	Sink sink_;
	TupleDesc shape_ = nullptr;
	Oid user_type_ = TEXTOID, item_type_ = TEXTOID, session_type_ = TEXTOID;
	std::vector<Datum> values_;
	std::unique_ptr<bool[]> nulls_;
	std::string_view type_;
};

// Hands an item of each row to `sink`, with its metadata if there is a reader for it, which wants the columns from the third on.
template <class Sink> void load_items(const SPITupleTable *block, ReadCounts &counts, MetadataReader *metadata, Sink &&sink) {
	const Oid type = TupleDescAttr(block->tupdesc, 0)->atttypid;
	std::vector<Datum> values(static_cast<std::size_t>(block->tupdesc->natts));
	const auto nulls = std::make_unique<bool[]>(values.size());
	for (std::uint64_t row = 0; row < block->numvals; ++row) {
		heap_deform_tuple(block->vals[row], block->tupdesc, values.data(), nulls.get());
		++counts.items;
		if (nulls[0])
			continue;
		pg::IdBuffer buffer;
		const std::string_view item = pg::id_text(values[0], type, buffer);
		std::optional<std::int64_t> created;
		if (!nulls[1]) {
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(values[1])))
				infinite_timestamp("creation_timestamp", item);
			created = pg::unix_micros(DatumGetTimestampTz(values[1]));
		}
		if (metadata == nullptr)
			sink(item, created, nullptr);
		else
			metadata->read(values.data() + 2, nulls.get() + 2, block->tupdesc, 2,
						   [&](const data::FeatureRow &features) { sink(item, created, &features); });
	}
}

template <class Sink>
void load_users(const SPITupleTable *block, ReadCounts &counts, const Aliases &aliases, MetadataReader &metadata, Sink &&sink) {
	const Oid type = TupleDescAttr(block->tupdesc, 0)->atttypid;
	std::vector<Datum> values(static_cast<std::size_t>(block->tupdesc->natts));
	const auto nulls = std::make_unique<bool[]>(values.size());
	for (std::uint64_t row = 0; row < block->numvals; ++row) {
		heap_deform_tuple(block->vals[row], block->tupdesc, values.data(), nulls.get());
		++counts.users;
		if (nulls[0])
			continue;
		pg::IdBuffer buffer;
		const std::string_view id = pg::id_text(values[0], type, buffer);
		const auto alias = aliases.find(id);
		metadata.read(values.data() + 1, nulls.get() + 1, block->tupdesc, 1, [&](const data::FeatureRow &features) {
			sink(alias == aliases.end() ? id : std::string_view(alias->second), features);
		});
	}
}

// Where rows go.
class Sink {
public:
	virtual ~Sink() = default;
	virtual void describe_context(std::vector<data::FeatureColumn>) {}
	virtual void event(const data::EventRow &event) = 0;
	virtual void describe_items(std::vector<data::FeatureColumn>) {}
	virtual void item(std::string_view id, std::optional<std::int64_t> created, const data::FeatureRow *metadata) = 0;
	virtual void describe_users(std::vector<data::FeatureColumn>) {}
	virtual void user(std::string_view, const data::FeatureRow &) {}
};

std::vector<std::string> columns_with(std::vector<std::string> columns, const MetadataReader *metadata) {
	if (metadata != nullptr)
		for (std::string &name : metadata->names())
			columns.push_back(std::move(name));
	return columns;
}

void read_items(const catalog::Group &group, const EventFilter &filter, const Metadata &wish, ReadCounts &counts,
				const BlockHook &before_block, Sink &sink) {
	const std::optional<catalog::Dataset> items = catalog::find_dataset(group, DatasetType::Items);
	if (!items)
		return;
	std::optional<MetadataReader> metadata;
	if (wish.items)
		metadata.emplace(*items, wish.excluded_items);
	MetadataReader *reader = metadata && !metadata->empty() ? &*metadata : nullptr;
	if (reader != nullptr)
		sink.describe_items(reader->columns());
	const std::int64_t newest = filter.before ? pg::unix_micros(*filter.before) : std::numeric_limits<std::int64_t>::max();
	read_blocks(catalog::union_sql(group, *items, columns_with({"item_id", "creation_timestamp"}, reader)), "reading items", counts.items,
				before_block, [&](const SPITupleTable *block) {
					load_items(block, counts, reader,
							   [&](std::string_view id, std::optional<std::int64_t> created, const data::FeatureRow *features) {
								   if (!created || *created < newest)
									   sink.item(id, created, features);
							   });
				});
}

void read_users(const catalog::Group &group, const Metadata &wish, const Aliases &aliases, ReadCounts &counts,
				const BlockHook &before_block, Sink &sink) {
	const std::optional<catalog::Dataset> users = wish.users ? catalog::find_dataset(group, DatasetType::Users) : std::nullopt;
	if (!users)
		return;
	MetadataReader metadata(*users, wish.excluded_users);
	if (metadata.empty())
		return;
	sink.describe_users(metadata.columns());
	read_blocks(catalog::union_sql(group, *users, columns_with({"user_id"}, &metadata)), "reading users", counts.users, before_block,
				[&](const SPITupleTable *block) {
					load_users(block, counts, aliases, metadata,
							   [&](std::string_view id, const data::FeatureRow &features) { sink.user(id, features); });
				});
}

ReadCounts read_datasets(const catalog::Group &group, const EventFilter &filter, const Metadata &metadata,
						 const BlockHook &before_block, Sink &sink) {
	const catalog::Dataset interactions = catalog::require_dataset(group, DatasetType::Interactions);
	pg::SafeSearchPath path;
	const Aliases aliases = read_aliases(group);
	ReadCounts counts;
	std::optional<MetadataReader> context;
	if (metadata.context)
		context.emplace(interactions, metadata.excluded_context);
	MetadataReader *reader = context && !context->empty() ? &*context : nullptr;
	if (reader != nullptr)
		sink.describe_context(reader->columns());
	EventLoader loader(filter, aliases, reader, counts, [&sink](const data::EventRow &event) { sink.event(event); });
	read_blocks(catalog::union_sql(group, interactions, columns_with(event_columns(), reader)), "reading interactions", counts.interactions,
				before_block, [&](const SPITupleTable *block) { loader.load(block); });
	read_items(group, filter, metadata, counts, before_block, sink);
	read_users(group, metadata, aliases, counts, before_block, sink);
	return counts;
}

class IntoBuilder final : public Sink {
public:
	explicit IntoBuilder(data::TrainingSetBuilder &builder) : builder_(builder) {}
	void describe_context(std::vector<data::FeatureColumn> columns) override { builder_.describe_context(std::move(columns)); }
	void event(const data::EventRow &event) override { builder_.add_event(event); }
	void describe_items(std::vector<data::FeatureColumn> columns) override { builder_.describe_items(std::move(columns)); }
	void item(std::string_view id, std::optional<std::int64_t> created, const data::FeatureRow *metadata) override {
		builder_.add_item(id, created, metadata);
	}
	void describe_users(std::vector<data::FeatureColumn> columns) override { builder_.describe_users(std::move(columns)); }
	void user(std::string_view id, const data::FeatureRow &metadata) override { builder_.add_user(id, metadata); }

private:
	data::TrainingSetBuilder &builder_;
};

class IntoCounts final : public Sink {
public:
	void event(const data::EventRow &event) override {
		++interactions_;
		users_.intern(event.user);
		items_.intern(event.item);
	}
	void item(std::string_view id, std::optional<std::int64_t>, const data::FeatureRow *) override { items_.intern(id); }
	DatasetSize size() const { return {interactions_, users_.size(), items_.size()}; }

private:
	data::Interner users_{nullptr}, items_{nullptr};
	std::uint64_t interactions_ = 0;
};

} // namespace

ReadCounts read_training_rows(const catalog::Group &group, const EventFilter &filter, const Metadata &metadata,
							  data::TrainingSetBuilder &builder, const BlockHook &before_block) {
	IntoBuilder sink(builder);
	ReadCounts counts = read_datasets(group, filter, metadata, before_block, sink);
	if (metadata.shown) {
		const ShownCounts shown = read_shown_items(group, [&builder](std::string_view item) { builder.add_shown(item); }, before_block);
		counts.lists_shown = shown.lists;
		counts.unresolved_answers = shown.unresolved;
	}
	return counts;
}

std::vector<std::int8_t> type_signs(const data::TrainingSet &set, const EventFilter &filter) {
	std::vector<std::int8_t> signs;
	for (const std::string &type : set.event_types())
		signs.push_back(contains(filter.negative_types, type) ? -1 : 1);
	return signs;
}

DatasetSize count_training_rows(const catalog::Group &group, const EventFilter &filter) {
	IntoCounts sink;
	read_datasets(group, filter, {}, [](const char *, std::uint64_t) {}, sink);
	return sink.size();
}

} // namespace recsys::store
