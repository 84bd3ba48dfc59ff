#include "base/hash.hpp"
#include "base/rng.hpp"

#include "serve/action_statements.hpp"
#include "serve/actions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "serve/candidate_test.hpp"
#include "serve/history.hpp"
#include "store/recommendation_id.hpp"

#include "store/action_reader.hpp"

#include "pg/settings.hpp"
#include "stats/campaigns.hpp"

extern "C" {
#include "access/xact.h"
}

namespace recsys::serve {

namespace {

constexpr std::int32_t kDefaultResults = 5, kServiceResults = 100;
constexpr std::uint64_t kExplorationPlaces = 5; // one in so many places
constexpr std::int64_t kDay = 86400000000;
constexpr std::int64_t kMaxRepeatDays = 36500;
constexpr double kYoungDays = 30; // an action of this age is drawn half as often as a new one

struct Candidate {
	std::string id;
	std::uint32_t action; // ordinal of the model, data::kNone for one that it does not know
	std::optional<double> value;
	std::optional<TimestampTz> created;
	double score = 0;
	bool explored = true;
};

class ActionAnswer {
public:
	ActionAnswer(Endpoint &endpoint, const ActionRequest &request)
		: endpoint_(endpoint), request_(request), sql_(endpoint.action_statements()), scorer_(sql_.scorer),
		  wanted_(static_cast<std::size_t>(request.num_results == 0 ? kDefaultResults : request.num_results)),
		  now_(pg::call([] { return GetCurrentStatementStartTimestamp(); })), user_ids_(user_ids_param(endpoint, request.user)) {}

	/// Returns the number of rows.
	std::size_t write(pg::ResultTable &out) {
		if (request_.filter)
			filter_ = endpoint_.filters.bind(endpoint_, *request_.filter, {request_.user, std::nullopt});
		read_candidates();
		keep_passing();
		score();
		choose();
		store::AnswerContent content{endpoint_.campaign_id(), endpoint_.version_id(), static_cast<std::uint64_t>(endpoint_.revision()), 0, {}};
		for (const Candidate &c : candidates_)
			if (c.action != data::kNone)
				content.items.push_back(c.action);
		const std::string id = store::recommendation_id(content);
		std::int32_t rank = 0;
		for (const Candidate &c : candidates_)
			out.row({pg::int4(++rank), pg::text(c.id), pg::float8(c.score),
					 pg::text(c.explored ? "exploration" : known_ ? "personal" : "popular"), pg::text(id)});
		return static_cast<std::size_t>(rank);
	}

private:
	// Expiry and repetition hold whatever a filter says.
	void read_candidates() {
		const SPITupleTable *rows = sql_.actions.fetch({}, pg::Access::Read);
		const std::map<std::string, TimestampTz, std::less<>> answered = last_answers(rows);
		Datum values[5];
		bool nulls[5];
		pg::IdBuffer buffer;
		for (std::uint64_t row = 0; row < rows->numvals; ++row) {
			heap_deform_tuple(rows->vals[row], rows->tupdesc, values, nulls);
			if (nulls[0])
				continue;
			const std::string_view id = pg::id_text(values[0], sql_.action_type, buffer);
			if ((!nulls[2] && DatumGetTimestampTz(values[2]) > now_) || (!nulls[3] && DatumGetTimestampTz(values[3]) <= now_))
				continue;
			const auto last = answered.find(id);
			if (!nulls[4] && last != answered.end() && inside(last->second, DatumGetInt64(values[4])))
				continue;
			Candidate c{std::string(id), endpoint_.model().find_item(id), {}, {}};
			if (!nulls[1] && !std::isnan(DatumGetFloat8(values[1])))
				c.value = DatumGetFloat8(values[1]);
			if (!nulls[2])
				c.created = DatumGetTimestampTz(values[2]);
			candidates_.push_back(std::move(c));
		}
	}

	bool inside(TimestampTz last, std::int64_t days) const {
		if (days <= 0 || TIMESTAMP_NOT_FINITE(last))
			return false;
		return last > now_ - std::min(days, kMaxRepeatDays) * kDay;
	}

	/// When the user last answered each action; asked only where an action has a repeat frequency.
	std::map<std::string, TimestampTz, std::less<>> last_answers(const SPITupleTable *actions) {
		std::map<std::string, TimestampTz, std::less<>> last;
		bool asked = false, null;
		for (std::uint64_t row = 0; row < actions->numvals && !asked; ++row) {
			pg::column(actions, row, 4, null);
			asked = !null;
		}
		if (!asked || !sql_.has_answers || user_ids_.null)
			return last;
		const SPITupleTable *rows = sql_.last_answers.fetch({user_ids_}, pg::Access::Read);
		pg::IdBuffer buffer;
		for (std::uint64_t row = 0; row < rows->numvals; ++row) {
			bool no_id, no_time;
			const Datum id = pg::column(rows, row, 0, no_id), time = pg::column(rows, row, 1, no_time);
			if (!no_id && !no_time)
				last.emplace(pg::id_text(id, sql_.action_type, buffer), DatumGetTimestampTz(time));
		}
		return last;
	}

	void keep_passing() {
		if (!filter_ || candidates_.empty())
			return;
		std::vector<std::string_view> ids;
		for (const Candidate &c : candidates_)
			ids.push_back(c.id);
		const std::vector<std::uint8_t> passes = passing(*filter_, ids, sql_.action_type);
		std::vector<Candidate> kept;
		for (std::size_t i = 0; i < passes.size(); ++i)
			if (passes[i] != 0)
				kept.push_back(std::move(candidates_[i]));
		candidates_ = std::move(kept);
	}

	void read_events() {
		const SPITupleTable *rows = sql_.events.fetch({user_ids_}, pg::Access::Read);
		pg::IdBuffer buffer;
		for (std::uint64_t row = 0; row < rows->numvals; ++row) {
			bool no_item, no_type, no_time;
			const Datum item = pg::column(rows, row, 0, no_item), type = pg::column(rows, row, 1, no_type),
						time = pg::column(rows, row, 2, no_time);
			if (no_item || no_time)
				continue;
			events_.push_back({scorer_.state_items().find(pg::id_text(item, TupleDescAttr(rows->tupdesc, 0)->atttypid, buffer)),
							   scorer_.state_types().find(no_type ? std::string_view() : pg::text_view(type)),
							   pg::unix_micros(DatumGetTimestampTz(time))});
		}
		newest_last(events_, recipe::kMaxEvents);
	}

	void read_answers() {
		const SPITupleTable *rows = sql_.answers.fetch({user_ids_}, pg::Access::Read);
		pg::IdBuffer buffer;
		for (std::uint64_t row = 0; row < rows->numvals; ++row) {
			bool no_action, no_type, no_time;
			const Datum id = pg::column(rows, row, 0, no_action), type = pg::column(rows, row, 1, no_type),
						time = pg::column(rows, row, 2, no_time);
			if (no_action || no_type || no_time)
				continue;
			const std::uint32_t action = endpoint_.model().find_item(pg::id_text(id, sql_.action_type, buffer));
			const auto response = recipe::parse_response(pg::text_view(type));
			if (action != data::kNone && response)
				answers_.push_back({action, *response, pg::unix_micros(DatumGetTimestampTz(time))});
		}
		newest_last(answers_, recipe::kMaxResponses);
	}

	template <class E> static void newest_last(std::vector<E> &events, std::size_t limit) {
		std::stable_sort(events.begin(), events.end(), [](const E &a, const E &b) { return a.time < b.time; });
		if (events.size() > limit)
			events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(limit));
	}

	void read_user() {
		const SPITupleTable *rows = sql_.user.fetch({user_ids_}, pg::Access::Read);
		if (rows->numvals == 0)
			return;
		std::vector<Datum> values(sql_.user_columns.size());
		const auto nulls = std::make_unique<bool[]>(values.size());
		heap_deform_tuple(rows->vals[0], rows->tupdesc, values.data(), nulls.get());
		attributes_.assign(values.size(), std::numeric_limits<float>::quiet_NaN());
		const recipe::AttributeEncoder &encoder = scorer_.user_attributes();
		store::read_attributes(
			sql_.user_columns, values.data(), nulls.get(),
			[&](std::size_t c, std::string_view text) { attributes_[c] = encoder.category(c, text); },
			[&](std::size_t c, double number) { attributes_[c] = recipe::AttributeEncoder::number(number); });
	}

	void score() {
		if (!user_ids_.null) {
			read_events();
			if (sql_.has_answers)
				read_answers();
			if (sql_.has_users)
				read_user();
		}
		known_ = !events_.empty() || !answers_.empty() || !attributes_.empty();
		std::vector<double> probability;
		scorer_.probabilities({events_, answers_, attributes_}, moment(), probability);
		for (Candidate &c : candidates_) {
			c.explored = c.action == data::kNone || !scorer_.scored(c.action);
			c.score = c.explored ? 0 : probability[c.action];
		}
	}

	/// From when the state is looked at: now. Data that ended more than a period ago are looked at from their end, as everybody
	/// would seem to have gone.
	std::int64_t moment() const {
		const std::int64_t now = pg::unix_micros(now_);
		std::int64_t newest = scorer_.newest_time();
		if (!events_.empty())
			newest = std::max(newest, events_.back().time);
		if (!answers_.empty())
			newest = std::max(newest, answers_.back().time);
		return newest < now - scorer_.period() ? newest : now;
	}

	/// Uniform in (0, 1], the same all day long for the user.
	double noise(std::string_view of) const {
		const auto day = static_cast<std::uint64_t>(now_ / kDay);
		Rng rng(static_cast<std::uint64_t>(endpoint_.version_id()), day, hash64(request_.user, 0), hash64(of, 1));
		return 1 - rng.uniform();
	}

	/// The key by which unscored actions are drawn: the lower the sooner (Efraimidis and Spirakis 2006).
	double draw(const Candidate &c) const {
		const double age = c.created ? static_cast<double>(now_ - *c.created) / static_cast<double>(kDay) : 0;
		return -std::log(noise(c.id)) * (1 + std::max(age, 0.0) / kYoungDays);
	}

	void choose() {
		const auto better = [](const Candidate &a, const Candidate &b) {
			if (a.explored != b.explored)
				return b.explored;
			if (a.score != b.score)
				return a.score > b.score;
			const double worst = -std::numeric_limits<double>::infinity();
			const double x = a.value.value_or(worst), y = b.value.value_or(worst);
			return x != y ? x > y : a.id < b.id;
		};
		std::sort(candidates_.begin(), candidates_.end(), better);
		const auto unscored = std::find_if(candidates_.begin(), candidates_.end(), [](const Candidate &c) { return c.explored; });
		const auto n_scored = static_cast<std::size_t>(unscored - candidates_.begin()), n_unscored = candidates_.size() - n_scored;
		if (candidates_.size() <= wanted_)
			return;
		std::size_t explore = wanted_ / kExplorationPlaces;
		if (noise("") * static_cast<double>(kExplorationPlaces) <= static_cast<double>(wanted_ % kExplorationPlaces))
			++explore;
		explore = std::min(n_unscored, std::max(explore, wanted_ - std::min(wanted_, n_scored)));
		std::sort(unscored, candidates_.end(), [&](const Candidate &a, const Candidate &b) {
			const double x = draw(a), y = draw(b);
			return x != y ? x < y : a.id < b.id;
		});
		candidates_.erase(unscored + static_cast<std::ptrdiff_t>(explore), candidates_.end());
		candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(wanted_ - explore),
						  candidates_.begin() + static_cast<std::ptrdiff_t>(n_scored));
		std::sort(candidates_.begin(), candidates_.end(), better);
	}

	Endpoint &endpoint_;
	const ActionRequest &request_;
	ActionStatements &sql_;
	const recipe::ActionScorer &scorer_;
	const std::size_t wanted_;
	const TimestampTz now_;
	const pg::Param user_ids_; // null for an id that nobody can have
	std::optional<Predicate> filter_;
	std::vector<Candidate> candidates_;
	std::vector<recipe::ItemEvent> events_;
	std::vector<recipe::ActionResponse> answers_;
	std::vector<float> attributes_;
	bool known_ = false;
};

} // namespace

void get_action_recommendations(const ActionRequest &request, pg::ResultTable &out) {
	if (request.num_results < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must not be negative");
	if (pg::settings::service_limits && request.num_results > kServiceResults)
		throw Error(sqlstate::LimitExceeded, "argument \"num_results\" must be at most 100", "Setting \"recsys.service_limits\" is on.");
	stats::CampaignCall call;
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(request.campaign);
	call.of(endpoint->campaign_id());
	const recipe::RecipeSpec &spec = endpoint->spec();
	if (spec.type != recipe::RecipeType::PersonalizedActions)
		throw Error(sqlstate::InvalidParameter, endpoint->called() + " answers with items",
					"Its recipe is \"" + std::string(spec.name) + "\".",
					"Use a campaign of recipe \"next-best-action\".");
	call.done({ActionAnswer(*endpoint, request).write(out)});
}

} // namespace recsys::serve
