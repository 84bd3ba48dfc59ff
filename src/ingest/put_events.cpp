#include "ingest/put_events.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "ingest/record.hpp"
#include "ingest/tracker.hpp"

#include "pg/settings.hpp"

namespace recsys::ingest {

using catalog::DatasetType;
using catalog::Group;

namespace {

constexpr std::size_t kEventsPerCall = 10, kImpressionItems = 25, kEventBytes = 10 * 1024, kPropertiesLength = 1024,
					  kRecommendationIdLength = 40;

// Everything a call needs of an events dataset, kept per backend while the catalog stays as it is.
struct EventSink {
	std::uint64_t generation;
	Group group;
	ColumnSet columns;
	pg::RowBatch::Columns batch_columns;
	pg::DynamicPlan insert;
	std::vector<std::size_t> required;
	std::size_t user, session, item, time, anonymous;

	EventSink(std::uint64_t generation_seen, Group owner, DatasetType type)
		: generation(generation_seen), group(std::move(owner)), columns(group, catalog::require_dataset(group, type)),
		  batch_columns(columns.batch_columns()) {
		user = columns.at("user_id");
		session = columns.at("session_id");
		item = columns.at(type == DatasetType::Interactions ? "item_id" : "action_id");
		time = columns.at("timestamp");
		anonymous = columns.at("anonymous");
		required = {columns.at("event_type"), item, time};
		for (std::size_t i = 0; i < columns.size(); ++i)
			if (columns[i].own && columns[i].required)
				required.push_back(i);
		// No conflict target: that would need SELECT on the column. The one unique index there is holds the event ids.
		insert = {"INSERT INTO " + catalog::own_table(group, type) + " (" + columns.list() + ", streamed) SELECT " +
					  columns.list() + ", true FROM recsys_rows ON CONFLICT DO NOTHING",
				  {}};
	}
};

// A repeatable-read transaction may still see a catalog that is out of date: what it loads is used once.
std::shared_ptr<EventSink> sink_of(Datum tracking_id) {
	static auto &cache = *new std::unordered_map<std::string, std::shared_ptr<EventSink>>;
	const std::uint64_t generation = catalog::cache_generation();
	const std::string key(reinterpret_cast<const char *>(DatumGetPointer(tracking_id)), 16);
	if (const auto it = cache.find(key); it != cache.end()) {
		if (it->second->generation == generation) {
			if (!catalog::has_right(it->second->group, catalog::Right::Write))
				tracker_not_found(tracking_id);
			return it->second;
		}
		cache.erase(it);
	}
	auto sink = std::make_shared<EventSink>(generation, require_tracker(tracking_id), DatasetType::Interactions);
	if (!IsolationUsesXactSnapshot())
		cache[key] = sink;
	return sink;
}

// The fields of an event by their normalised names, and the column each fills.
struct EventField {
	const char *name, *column;
};
constexpr std::array<EventField, 7> kEventFields = {{{"eventtype", "event_type"},
													 {"sentat", "timestamp"},
													 {"eventid", "event_id"},
													 {"itemid", "item_id"},
													 {"eventvalue", "event_value"},
													 {"recommendationid", "recommendation_id"},
													 {"impression", "impression"}}};
constexpr std::array<EventField, 8> kActionFields = {{{"eventtype", "event_type"},
													  {"timestamp", "timestamp"},
													  {"eventid", "event_id"},
													  {"actionid", "action_id"},
													  {"sessionid", "session_id"},
													  {"userid", "user_id"},
													  {"recommendationid", "recommendation_id"},
													  {"impression", "impression"}}};

std::string event_label(std::string_view column) {
	return column == "timestamp" ? "sentAt" : camel_case(column);
}

void check_service_limits(const Record &record, const std::string &name, const Json &value) {
	if (!pg::settings::service_limits)
		return;
	if (name == "impression" && value.is_array() && value.size() > kImpressionItems)
		record.fail("\"impression\" must have at most " + std::to_string(kImpressionItems) + " items");
	if (name == "eventtype" && value.is_string() && length(value.get_ref<const std::string &>()) > kServiceIdLimit)
		record.fail("\"eventType\" must have at most " + std::to_string(kServiceIdLimit) + " characters");
	if (name == "recommendationid" && value.is_string() &&
		length(value.get_ref<const std::string &>()) > kRecommendationIdLength)
		record.fail("\"recommendationId\" must have at most " + std::to_string(kRecommendationIdLength) +
					" characters");
}

void set_attribution(Record &record, const ColumnSet &columns, const Json &value) {
	if (!value.is_object())
		record.fail("\"metricAttribution\" must be a JSON object", show_json(value));
	for (const auto &[key, source] : value.items()) {
		if (normalised(key) != "eventattributionsource")
			record.fail("unrecognized field " + in_quotes(key) + " in \"metricAttribution\"", {},
						"It has one field, \"eventAttributionSource\".");
		record.set(columns.at("event_attribution_source"), key, source);
	}
}

// Own columns of the dataset, and the two fields that may stand in either place.
void set_properties(Record &record, const EventSink &sink, const Json &value) {
	const ColumnSet &columns = sink.columns;
	const Json properties = parse_properties(record, value, pg::settings::service_limits ? kPropertiesLength : 0);
	for (const auto &[key, property] : properties.items()) {
		const std::optional<std::size_t> column = columns.find(key);
		if (!column)
			record.fail("unrecognized property " + in_quotes(key), columns.own_names());
		if (!columns[*column].own && *column != sink.item && columns[*column].name != "event_value")
			record.fail(in_quotes(key) + " must not be a property", {}, "It is a field of the event itself.");
		record.set(*column, key, property);
	}
}

template <std::size_t N>
void set_fields(Record &record, const EventSink &sink, const Json &event, const std::array<EventField, N> &fields) {
	if (!event.is_object())
		record.fail("must be a JSON object", show_json(event));
	if (pg::settings::service_limits && event.dump().size() > kEventBytes)
		record.fail("must have at most " + std::to_string(kEventBytes) + " bytes");
	for (const auto &[key, value] : event.items()) {
		const std::string name = normalised(key);
		check_service_limits(record, name, value);
		const EventField *field = nullptr;
		for (const EventField &f : fields)
			if (name == f.name)
				field = &f;
		if (field != nullptr)
			record.set(sink.columns.at(field->column), key, value);
		else if (name != "properties" &&
				 (name != "metricattribution" || !sink.columns.find("event_attribution_source")))
			record.fail("unrecognized field " + in_quotes(key), {},
						"Columns of the dataset are given in \"properties\".");
		else if (value.is_null())
			continue;
		else if (name == "properties")
			set_properties(record, sink, value);
		else
			set_attribution(record, sink.columns, value);
	}
}

void check_count(const Json &list, const char *argument) {
	if (pg::settings::service_limits && (list.empty() || list.size() > kEventsPerCall))
		throw Error(sqlstate::LimitExceeded, in_quotes(argument) + " must have 1 to " + std::to_string(kEventsPerCall) +
												 " elements, not " + std::to_string(list.size()));
}

// A session or user id given beside the events.
pg::Param argument_id(const Column &column, const char *argument, std::string_view value, const char *hint = "") {
	Cuts cuts;
	try {
		if (value.empty())
			throw BadValue{"must not be empty"};
		return from_text(column, value, cuts);
	} catch (const BadValue &bad) {
		throw Error(sqlstate::InvalidParameter, in_quotes(argument) + " " + bad.rule, show(value), hint);
	}
}

} // namespace

std::uint64_t put_events(Datum tracking_id, std::string_view session_id, const std::string &event_list,
						 const std::optional<std::string> &user_id) {
	const std::shared_ptr<EventSink> sink = sink_of(tracking_id);
	const Json list = parse_list(event_list, "event_list");
	check_count(list, "event_list");
	const pg::Param session = argument_id(sink->columns[sink->session], "session_id", session_id);
	const pg::Param user = user_id ? argument_id(sink->columns[sink->user], "user_id", *user_id)
								   : argument_id(sink->columns[sink->user], "session_id", session_id,
												 "Without \"user_id\" an event is stored under the session's id, which "
												 "must then be usable as a user id.");
	pg::RowBatch batch(sink->batch_columns, work_mem);
	Cuts cuts;
	std::size_t position = 0;
	for (const Json &event : list) {
		Record record(sink->columns, "event", ++position, cuts);
		set_fields(record, *sink, event, kEventFields);
		record.require(sink->required, event_label);
		record.set(sink->user, user);
		record.set(sink->session, session);
		record.set(sink->anonymous, pg::boolean(!user_id));
		batch.add(record.row());
	}
	cuts.tell();
	return list.empty() ? 0 : batch.run(sink->insert);
}

std::uint64_t put_action_interactions(std::string_view group_name, const std::string &list_text) {
	EventSink sink(0, catalog::require_group(group_name, catalog::Right::Write), DatasetType::ActionInteractions);
	sink.required.push_back(sink.session);
	const Json list = parse_list(list_text, "action_interactions");
	check_count(list, "action_interactions");
	pg::RowBatch batch(sink.batch_columns, work_mem);
	Cuts cuts;
	std::size_t position = 0;
	for (const Json &event : list) {
		Record record(sink.columns, "action interaction", ++position, cuts);
		set_fields(record, sink, event, kActionFields);
		record.require(sink.required, camel_case);
		const bool anonymous = !record.is_set(sink.user);
		if (anonymous) {
			const Json session(pg::output(record.row()[sink.session].value, TEXTOID));
			record.set(sink.user, "sessionId", session);
		}
		record.set(sink.anonymous, pg::boolean(anonymous));
		batch.add(record.row());
	}
	return list.empty() ? 0 : batch.run(sink.insert);
}

} // namespace recsys::ingest
