// A filter is asked about all items once, for a user without any event. For a user it can say something else only of the items that
// he has events on: these are asked about anew. That holds for conditions on items and interactions; where a filter looks at
// anything else of the user, and where a list would be short, the user is answered as in real time.
#include "base/hash.hpp"
#include "serve/workspace.hpp"

#include "serve/recommend_all.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "stats/progress.hpp"

#include "jobs/location.hpp"
#include "pg/row_batch.hpp"
#include "pg/settings.hpp"
#include "pg/threads.hpp"
#include "serve/candidate_test.hpp"
#include "serve/everyone.hpp"
#include "serve/history.hpp"
#include "serve/recommend.hpp"
#include "serve/situation.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace recsys::serve {

namespace {

constexpr std::size_t kUsersAtOnce = 1024, kItemsAtOnce = 10000, kUsersAThread = 16;

struct Pick {
	std::uint32_t item;
	recipe::Reason reason;
	double score;
};

/// A user, the items that a filter answers otherwise for him than for others, and his list.
struct Answer {
	Person person;
	SituationBuffer known; // of him, as far as the model looks at it
	recipe::Situation situation = {};
	std::vector<std::uint8_t> own; // by person.items: 1 = may be returned
	std::vector<Pick> picks;
};

/// Memory of scorings, one for each thread at a time.
class BufferPool {
public:
	std::unique_ptr<Buffers> take() {
		const std::lock_guard lock(mutex_);
		if (free_.empty())
			return std::make_unique<Buffers>();
		std::unique_ptr<Buffers> buffers = std::move(free_.back());
		free_.pop_back();
		return buffers;
	}
	void give_back(std::unique_ptr<Buffers> buffers) {
		const std::lock_guard lock(mutex_);
		free_.push_back(std::move(buffers));
	}

private:
	std::mutex mutex_;
	std::vector<std::unique_ptr<Buffers>> free_;
};

enum class Asks { Nothing, Items, Interactions, More }; // what a filter looks at

Asks asks_of(const filter::Filter &filter) {
	Asks asks = filter.expressions.empty() ? Asks::Nothing : Asks::Items;
	filter::for_each_condition(filter, [&asks](const filter::Condition &condition) {
		const filter::Relation relation = condition.field.relation;
		if (relation == filter::Relation::Interactions)
			asks = std::max(asks, Asks::Interactions);
		else if (relation != filter::Relation::Items || std::holds_alternative<filter::Field>(condition.operand))
			asks = Asks::More;
	});
	return asks;
}

/// The rows of the answers, on their way into the relation.
class AnswerTable {
public:
	AnswerTable(const Endpoint &endpoint, const std::string &name)
		: endpoint_(endpoint), rows_({{"user_id", endpoint.user_type()}, {"rank", INT4OID}, {"item_id", endpoint.item_type()},
									  {"score", FLOAT8OID}, {"reason", TEXTOID}}) {
		if (pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(name)}).front().null(0))
			pg::execute("CREATE TABLE " + name + " (user_id " + catalog::id_type_name(endpoint.user_type()) + ", rank integer, item_id " +
						catalog::id_type_name(endpoint.item_type()) + ", score double precision, reason text)");
		insert_ = pg::DynamicPlan("INSERT INTO " + name + " (user_id, rank, item_id, score, reason)"
								  " SELECT r.user_id, r.rank, r.item_id, r.score, r.reason FROM recsys_rows AS r", {});
		write({});
	}

	/// The users of a block: `use` adds their rows.
	void write(const std::function<void()> &use) {
		pg::RowBatch batch(rows_, work_mem);
		batch_ = &batch;
		if (use)
			use();
		batch.run(insert_);
	}

	void user(std::string_view id) {
		row_[0] = pg::id_param(id, endpoint_.user_type());
		rank_ = 0;
	}
	void row(std::string_view item, bool scored, double score, const char *reason) {
		row_[1] = pg::int4(++rank_);
		row_[2] = pg::id_param(item, endpoint_.item_type());
		row_[3] = scored ? pg::float8(score) : pg::null();
		row_[4] = pg::text(reason);
		batch_->add(row_);
	}

private:
	const Endpoint &endpoint_;
	const pg::RowBatch::Columns rows_;
	pg::DynamicPlan insert_;
	pg::RowBatch *batch_ = nullptr;
	std::vector<pg::Param> row_ = std::vector<pg::Param>(5);
	std::int32_t rank_ = 0;
};

class RecommendAll {
public:
	RecommendAll(Endpoint &endpoint, const EveryoneRequest &request)
		: endpoint_(endpoint), request_(request), wanted_(static_cast<std::size_t>(request.num_results)) {
		if (request.filter) {
			applied_ = endpoint.filters.apply(endpoint, *request.filter);
			asks_ = asks_of(applied_.filter);
		}
		if (asks_ != Asks::More)
			test_items();
		sees_all_ = sees_all_events(endpoint);
	}

	/// `told`: called with the number of users after each block.
	std::int64_t run(AnswerTable &table, const std::function<void(std::uint64_t)> &told) {
		Everyone everyone(endpoint_, asks_ == Asks::Interactions);
		std::vector<Answer> answers(kUsersAtOnce);
		std::uint64_t done = 0;
		for (bool more = true; more;) {
			std::size_t n = 0;
			while (n < answers.size() && (more = everyone.next(answers[n].person)))
				++n;
			const std::span<Answer> block(answers.data(), n);
			const pg::Scratch scratch;
			const pg::Scratch::Use use(scratch);
			if (asks_ == Asks::Interactions)
				test_own(block);
			if (asks_ != Asks::More) {
				read_situations(block);
				pick(block);
			}
			table.write([&] { write(block, table); });
			told(done += n);
		}
		return static_cast<std::int64_t>(done);
	}

private:
	// For somebody without events.
	void test_items() {
		CandidateTest test = candidate_test(endpoint_, request_.filter, {});
		const artifact::IdView &items = endpoint_.model().items();
		allowed_.assign(items.size(), test.has_predicates() ? 0 : 1);
		if (test.has_predicates())
			for (const std::uint32_t item : test.passing().known)
				allowed_[item] = 1;
		std::vector<std::string_view> ids;
		std::vector<std::uint32_t> ordinals;
		for (std::uint32_t first = 0; first < items.size(); first += kItemsAtOnce) {
			ids.clear();
			ordinals.clear();
			for (std::uint32_t item = first; item < std::min<std::size_t>(items.size(), first + kItemsAtOnce); ++item) {
				ids.push_back(items[item]);
				ordinals.push_back(item);
			}
			const std::vector<std::uint8_t> present = test.present(ids, ordinals);
			present_.insert(present_.end(), present.begin(), present.end());
		}
		for (std::size_t item = 0; item < allowed_.size(); ++item)
			allowed_[item] &= present_[item];
	}

	void test_own(std::span<Answer> block) {
		std::vector<std::string_view> ids;
		for (Answer &answer : block) {
			ids.clear();
			for (const std::uint32_t item : answer.person.items)
				ids.push_back(endpoint_.model().items()[item]);
			answer.own.clear();
			if (ids.empty())
				continue;
			const Predicate predicate = endpoint_.filters.bind(endpoint_, *request_.filter, applied_, {answer.person.id, std::nullopt});
			answer.own = passing(predicate, ids, endpoint_.item_type());
			for (std::size_t i = 0; i < ids.size(); ++i)
				answer.own[i] &= present_[answer.person.items[i]];
			pg::check_interrupts();
		}
	}

	void read_situations(std::span<Answer> block) {
		const pg::SpiScope spi; // the rows go with it
		for (Answer &answer : block)
			answer.situation = read_situation(endpoint_, answer.person.id, catalog::Json::object(), answer.known);
	}

	void pick(std::span<Answer> block) {
		if (!cold_) {
			Answer nobody;
			nobody.situation = read_situation(endpoint_, std::nullopt, catalog::Json::object(), nobody.known);
			Buffers buffers;
			pick(nobody, buffers);
			cold_ = std::move(nobody.picks);
		}
		const std::size_t tasks = (block.size() + kUsersAThread - 1) / kUsersAThread;
		const auto work = [&](Executor &executor, StopToken stop) {
			executor.run(tasks, [&](std::size_t task) {
				stop.check();
				std::unique_ptr<Buffers> buffers = pool_.take();
				for (Answer &answer : block.subspan(task * kUsersAThread, std::min(kUsersAThread, block.size() - task * kUsersAThread)))
					if (answer.person.history.empty() && answer.person.items.empty() && answer.situation.user.empty())
						answer.picks = *cold_;
					else
						pick(answer, *buffers);
				pool_.give_back(std::move(buffers));
			});
		};
		pg::compute(static_cast<std::size_t>(pg::settings::train_threads), work, [] { return false; });
	}

	void pick(Answer &answer, Buffers &buffers) const {
		answer.picks.clear();
		recipe::Query query;
		query.history = answer.person.history;
		query.situation = answer.situation;
		query.user = sees_all_ && !query.history.empty() ? hash64(answer.person.id) : 0;
		endpoint_.model().scorer().score(query, buffers.scores);
		buffers.order.reset(buffers.scores.logit);
		for (std::size_t block = wanted_ + answer.person.items.size(); answer.picks.size() < wanted_; block *= 4) {
			const std::span<const math::Scored> candidates = buffers.order.next(block);
			if (candidates.empty())
				return;
			for (const math::Scored &c : candidates)
				if (answer.picks.size() < wanted_ && may_return(answer, c.item))
					answer.picks.push_back({c.item, buffers.scores.reason[c.item],
											std::exp(static_cast<double>(c.score) - buffers.scores.log_normalizer)});
		}
	}

	bool may_return(const Answer &answer, std::uint32_t item) const {
		const std::vector<std::uint32_t> &own = answer.person.items;
		const auto at = std::lower_bound(own.begin(), own.end(), item);
		return (at != own.end() && *at == item ? answer.own[static_cast<std::size_t>(at - own.begin())] : allowed_[item]) != 0;
	}

	void write(std::span<const Answer> block, AnswerTable &table) {
		const bool scored = endpoint_.spec().capabilities.scores;
		for (const Answer &answer : block) {
			table.user(answer.person.id);
			if (asks_ == Asks::More || answer.picks.size() < wanted_)
				write_one(answer, table);
			else
				for (const Pick &pick : answer.picks)
					table.row(endpoint_.model().items()[pick.item], scored, pick.score, recipe::to_string(pick.reason));
		}
	}

	void write_one(const Answer &answer, AnswerTable &table) {
		pg::check_interrupts();
		RecommendationRequest request;
		request.user = answer.person.id;
		request.num_results = request_.num_results;
		request.filter = request_.filter;
		serve::answer(endpoint_, request, [&table](std::span<const AnswerRow> rows) {
			for (const AnswerRow &row : rows)
				table.row(row.id, row.scored, row.score, row.reason);
		});
	}

	Endpoint &endpoint_;
	const EveryoneRequest &request_;
	const std::size_t wanted_;
	filter::Applied applied_;
	Asks asks_ = Asks::Nothing;
	bool sees_all_ = false; // the caller sees all events
	BufferPool pool_;
	std::optional<std::vector<Pick>> cold_; // the list of all who have no events
	std::vector<std::uint8_t> allowed_, present_; // by ordinal: 1 = may be returned to somebody without events; is there
};

void check(const EveryoneRequest &request, const Endpoint &endpoint) {
	const recipe::RecipeSpec &spec = endpoint.spec();
	if (request.num_results < 1)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must be at least 1");
	check_service_limit(static_cast<std::size_t>(request.num_results), false, "argument \"num_results\"");
	if (spec.type == recipe::RecipeType::RelatedItems || !spec.capabilities.batch)
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(spec.name) + "\" does not recommend to everyone",
					"Its answers are not for a user alone, or of the moment.",
					spec.capabilities.batch ? "Ask for items by recsys.create_batch_inference_job." : "");
	check_subject(endpoint, {"", std::nullopt});
}

// Those of the training data: about as many as there are now.
std::uint64_t expected_users(std::int64_t version) {
	static pg::Plan select{"SELECT coalesce((data_summary ->> 'users')::int8, 0) FROM recsys_internal.solution_version WHERE id = $1",
						   {INT8OID}};
	const pg::AsOwner owner;
	const auto row = select.row({pg::int8(version)});
	return row ? static_cast<std::uint64_t>(row->int8(0)) : 0;
}

} // namespace

std::int64_t recommend_all(const EveryoneRequest &request) {
	const catalog::FoundVersion version = catalog::require_version(request.version, catalog::Right::Read);
	const pg::SpiScope spi;
	Endpoint endpoint(version);
	check(request, endpoint);
	stats::Progress progress("recommend_all", version.group.id, version.id, version.name);
	const std::uint64_t expected = expected_users(version.id);
	AnswerTable table(endpoint, jobs::qualified_relation(jobs::Use::Write, request.output));
	progress.publish("reading users", 0, expected);
	return RecommendAll(endpoint, request).run(table, [&](std::uint64_t done) {
		pg::check_interrupts();
		progress.publish("recommending to users", done, std::max(done, expected));
	});
}

} // namespace recsys::serve
