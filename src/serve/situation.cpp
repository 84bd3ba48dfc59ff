#include "serve/situation.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "catalog/fields.hpp"
#include "serve/history.hpp"

#include "pg/report.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
}

namespace recsys::serve {

namespace {

using catalog::Json;
using data::EncodedColumn;
using data::FeatureKind;

constexpr std::size_t kMostEntries = 150, kLongestKey = 150, kLongestValue = 1000; // the service's

std::string shown(const Json &value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// As the training reads such a field: booleans in the database's own words.
std::string category_text(const Json &value, const catalog::Field *field) {
	std::string text = shown(value);
	if (field != nullptr && field->type == "boolean" && (text == "true" || text == "false"))
		text.resize(1);
	return text;
}

std::optional<double> number_of(const Json &value) {
	if (value.is_number())
		return value.get<double>();
	const std::string text = shown(value);
	double number = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
	if (error != std::errc() || end != text.data() + text.size())
		return std::nullopt;
	return number;
}

void merge(const std::vector<std::uint32_t> &found, std::vector<std::uint32_t> &into) {
	into.insert(into.end(), found.begin(), found.end());
	std::sort(into.begin(), into.end());
	into.erase(std::unique(into.begin(), into.end()), into.end());
}

/// Now, where the session is.
struct Now {
	int hour, weekday; // 0 = Sunday
};
Now local_now() {
	return pg::call([] {
		struct pg_tm tm;
		fsec_t fraction;
		int zone;
		if (timestamp2tm(GetCurrentStatementStartTimestamp(), &zone, &tm, &fraction, nullptr, nullptr) != 0)
			return Now{0, 0};
		return Now{tm.tm_hour, j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday))};
	});
}

/// How an application may have written the hour or the day of the week in a column of that name.
std::vector<std::string> spellings_of_now(std::string_view column) {
	static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
	const bool hour = column == "hour" || column == "hour_of_day", day = column == "weekday" || column == "day_of_week";
	if (!hour && !day)
		return {};
	const Now now = local_now();
	const std::string number = std::to_string(now.hour), name = days[now.weekday];
	if (hour)
		return {number, (now.hour < 10 ? "0" : "") + number};
	std::vector<std::string> spellings;
	for (const std::string &text : {name, name.substr(0, 3)}) {
		std::string upper = text;
		std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
		spellings.insert(spellings.end(), {text, catalog::lower_case(text), upper});
	}
	return spellings;
}

class ContextReader {
public:
	ContextReader(const Endpoint &endpoint, const data::FeatureEncoder &encoder, SituationBuffer &buffer)
		: endpoint_(endpoint), encoder_(encoder), buffer_(buffer), given_(encoder.columns().size(), 0) {
		buffer_.dense.resize(encoder.n_dense());
	}

	void read(const Json &context) {
		for (const auto &[key, value] : context.items())
			if (const std::size_t c = column(key); c < given_.size())
				read(c, key, value);
			else if (endpoint_.interactions().field(key) == nullptr)
				unknown(key);
		for (std::size_t c = 0; c < given_.size(); ++c)
			if (given_[c] == 0 && encoder_.columns()[c].unused.empty())
				derive(c);
	}

private:
	std::size_t column(const std::string &key) const {
		const std::string name = catalog::lower_case(key);
		const auto &columns = encoder_.columns();
		return static_cast<std::size_t>(std::find_if(columns.begin(), columns.end(), [&](const EncodedColumn &column) {
			return catalog::lower_case(column.name) == name;
		}) - columns.begin());
	}

	void read(std::size_t c, const std::string &key, const Json &value) {
		given_[c] = 1;
		if (value.is_null())
			return;
		row_.clear();
		const std::string text = category_text(value, endpoint_.interactions().field(key));
		if (encoder_.columns()[c].kind == FeatureKind::Category)
			store::read_categories(text, c, row_);
		else if (const std::optional<double> number = number_of(value))
			row_.number(c, *number);
		else
			return pg::notice("context \"" + key + "\" is not a number and does not count", "The value is \"" + shown(value) + "\".");
		if (!add() && encoder_.columns()[c].unused.empty())
			pg::notice("context \"" + key + "\" has a value that the model does not know, which does not count",
					   "The value is \"" + shown(value) + "\".");
	}

	/// Of several spellings the one that the training met.
	void derive(std::size_t c) {
		for (const std::string &spelling : spellings_of_now(catalog::lower_case(encoder_.columns()[c].name))) {
			row_.clear();
			if (encoder_.columns()[c].kind == FeatureKind::Category)
				row_.category(c, spelling);
			else if (const std::optional<double> number = number_of(spelling))
				row_.number(c, *number);
			if (add())
				return;
		}
	}

	bool add() {
		encoder_.encode(row_, buffer_.row, buffer_.dense);
		merge(buffer_.row, buffer_.context);
		return !buffer_.row.empty();
	}

	void unknown(const std::string &key) const {
		std::string names;
		for (const EncodedColumn &column : encoder_.columns())
			names += (names.empty() ? "" : ", ") + column.name;
		pg::notice("context \"" + key + "\" is not a column of interactions and does not count", {}, "The model knows " + names + ".");
	}

	const Endpoint &endpoint_;
	const data::FeatureEncoder &encoder_;
	SituationBuffer &buffer_;
	std::vector<std::uint8_t> given_; // by column
	data::FeatureRow row_;
};

/// A model that looks at no context still says which names nobody knows.
void tell_unknown(const Endpoint &endpoint, const Json &context) {
	if (context.empty())
		return;
	if (!endpoint.spec().capabilities.context)
		return pg::notice("recipe \"" + std::string(endpoint.spec().name) + "\" does not use context");
	for (const auto &[key, value] : context.items())
		if (endpoint.interactions().field(key) == nullptr)
			pg::notice("context \"" + key + "\" is not a column of interactions and does not count");
}

void read_user(Endpoint &endpoint, std::string_view user, const data::FeatureEncoder &encoder, SituationBuffer &buffer) {
	UserReader *const reader = endpoint.user_reader();
	if (reader == nullptr || reader->fields.empty() || !reader->rights.allowed())
		return;
	const pg::Param ids = reader->id_type == endpoint.user_type() ? user_ids_param(endpoint, user)
																   : pg::id_array_param({user}, reader->id_type);
	if (ids.null)
		return;
	buffer.dense.resize(encoder.n_dense());
	const SPITupleTable *rows = reader->rows.fetch({ids}, pg::Access::Read);
	const auto width = static_cast<std::size_t>(rows->tupdesc->natts);
	std::vector<Datum> values(width);
	const auto nulls = std::make_unique<bool[]>(width);
	for (std::uint64_t row = 0; row < rows->numvals; ++row) {
		heap_deform_tuple(rows->vals[row], rows->tupdesc, values.data(), nulls.get());
		reader->fields.read(values.data(), nulls.get(), rows->tupdesc, 0, [&](const data::FeatureRow &features) {
			encoder.encode(features, buffer.row, buffer.dense);
		});
		merge(buffer.row, buffer.user);
	}
}

} // namespace

Json parse_context(const std::string &json) {
	const Json context = catalog::parse_json(json, "context");
	if (!context.is_object())
		throw Error(sqlstate::InvalidParameter, "argument \"context\" must be a JSON object", {},
					"Write, for example, '{\"DEVICE\": \"phone\"}'.");
	for (const auto &[key, value] : context.items())
		if (value.is_structured())
			throw Error(sqlstate::InvalidParameter, "context \"" + key + "\" must be a text, a number or a boolean");
	if (!pg::settings::service_limits)
		return context;
	const bool long_entry = std::any_of(context.items().begin(), context.items().end(), [](const auto &entry) {
		return entry.key().size() > kLongestKey || shown(entry.value()).size() > kLongestValue;
	});
	if (context.size() > kMostEntries || long_entry)
		throw Error(sqlstate::LimitExceeded, "argument \"context\" must have at most 150 entries, with keys of 150 and values of 1000 characters",
					{}, "This maximum holds while \"recsys.service_limits\" is on.");
	return context;
}

recipe::Situation read_situation(Endpoint &endpoint, const std::optional<std::string> &user, const Json &context,
								 SituationBuffer &buffer) {
	const recipe::Scorer &scorer = endpoint.model().scorer();
	buffer.context.clear();
	buffer.user.clear();
	if (const data::FeatureEncoder *encoder = scorer.context_encoder())
		ContextReader(endpoint, *encoder, buffer).read(context);
	else
		tell_unknown(endpoint, context);
	if (const data::FeatureEncoder *encoder = user ? scorer.user_encoder() : nullptr)
		read_user(endpoint, *user, *encoder, buffer);
	recipe::Situation situation{buffer.context, buffer.user};
	if (scorer.reads_time())
		situation.time = pg::unix_micros(GetCurrentStatementStartTimestamp());
	return situation;
}

} // namespace recsys::serve
