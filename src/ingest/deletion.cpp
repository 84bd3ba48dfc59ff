#include "ingest/deletion.hpp"

#include "catalog/mapping.hpp"
#include "ingest/loader.hpp"

#include "pg/user.hpp"

namespace recsys::ingest {

using catalog::Dataset;
using catalog::DatasetType;
using catalog::Group;
using catalog::Json;
using pg::AsOwner;
using pg::Plan;

namespace {

// The datasets that have users, those with events first: what they say of sessions and aliases is needed before it
// goes.
constexpr DatasetType kTypes[] = {DatasetType::Interactions, DatasetType::ActionInteractions, DatasetType::Users};

std::vector<Dataset> datasets_of_users(const Group &group) {
	std::vector<Dataset> out;
	for (const DatasetType type : kTypes)
		if (std::optional<Dataset> dataset = catalog::find_dataset(group, type))
			out.push_back(std::move(*dataset));
	if (out.empty())
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" has no dataset of users", {},
					"Users are in the dataset types interactions, action_interactions and users.");
	return out;
}

// The list is read as an import reads a dataset whose only column is user_id.
Dataset list_of_ids(const Dataset &dataset) {
	Dataset list;
	list.type = DatasetType::Users;
	list.user_id_type = dataset.user_id_type;
	return list;
}

// Imports into the same datasets wait for the deletion, and the deletion for them.
void lock_datasets(const std::vector<Dataset> &datasets) {
	static Plan lock{"SELECT FROM recsys_internal.dataset WHERE id = $1 FOR NO KEY UPDATE", {INT8OID}};
	AsOwner owner;
	for (const Dataset &dataset : datasets)
		lock.rows({pg::int8(dataset.id)});
}

bool has_events(const Dataset &dataset) {
	return dataset.type != DatasetType::Users;
}

// One list of users and the statements over it.
class Deletion {
public:
	Deletion(const Group &group, std::vector<Dataset> datasets, pg::RowBatch &ids)
		: group_(group), datasets_(std::move(datasets)), ids_(ids) {
		const std::string aliases = catalog::alias_table(group);
		has_aliases_ = !pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(aliases)}).front().null(0);
		given_ = "(SELECT user_id FROM recsys_rows)";
		theirs_ = !has_aliases_ ? given_
								: "(SELECT user_id FROM recsys_rows UNION SELECT a.alias_id FROM " + aliases +
									  " AS a WHERE a.user_id IN " + given_ + ")";
	}

	Json run(const jobs::Report &report) {
		Json deleted = Json::object();
		for (const Dataset &dataset : datasets_) {
			const std::string table = catalog::own_table(group_, dataset.type);
			report("deleting rows", rows_, 0);
			std::uint64_t n = 0;
			if (has_events(dataset))
				n += execute("DELETE FROM " + table + " AS t USING (SELECT DISTINCT s.session_id FROM " + table +
							 " AS s WHERE s.user_id IN " + theirs_ +
							 " AND s.session_id IS NOT NULL) AS v WHERE t.anonymous AND t.session_id = v.session_id");
			n += execute("DELETE FROM " + table + " AS t WHERE t.user_id IN " + theirs_);
			require_none(table, "SELECT count(*) FROM " + table + " AS t WHERE t.user_id IN " + theirs_);
			deleted[catalog::to_string(dataset.type)] = n;
		}
		Json left = left_to_owner(report);
		if (has_aliases_) {
			const std::string table = catalog::alias_table(group_);
			const std::string condition = " WHERE user_id IN " + given_ + " OR alias_id IN " + given_;
			deleted["user_aliases"] = execute("DELETE FROM " + table + condition);
			require_none(table, "SELECT count(*) FROM " + table + condition);
		}
		return {{"rows", rows_}, {"deleted", std::move(deleted)}, {"left_to_owner", std::move(left)}};
	}

private:
	std::uint64_t execute(const std::string &sql) {
		pg::DynamicPlan plan(sql, {});
		const std::uint64_t n = ids_.run(plan);
		rows_ += n;
		return n;
	}

	std::int64_t count(const std::string &sql) {
		pg::DynamicPlan plan(sql, {});
		return ids_.number(plan);
	}

	// A trigger may keep rows; then nothing must seem to be erased.
	void require_none(const std::string &table, const std::string &sql) {
		if (const std::int64_t n = count(sql); n != 0)
			throw Error(sqlstate::WrongState, "rows of " + table + " could not be deleted",
						"There are still " + std::to_string(n) + " of the users' rows.",
						"Look for a trigger or rule that prevents it.");
	}

	// The own tables have no row of these users any more, so what a source adds to them is what it holds.
	Json left_to_owner(const jobs::Report &report) {
		Json out = Json::array();
		for (const Dataset &dataset : datasets_)
			for (const catalog::Source &source : dataset.sources) {
				report("looking at the sources of mapped datasets", rows_, 0);
				Dataset one = dataset;
				one.sources = {source};
				const std::int64_t n =
					count("SELECT count(*) FROM (" +
						  catalog::union_sql(group_, one, {"user_id"}, "{user_id} IN " + theirs_) + ") AS t");
				if (n != 0)
					out.push_back({{"relation", catalog::relation_label(source.relation)}, {"rows", n}});
			}
		return out;
	}

	const Group &group_;
	std::vector<Dataset> datasets_;
	pg::RowBatch &ids_;
	bool has_aliases_ = false;
	std::string given_, theirs_; // the ids of the list; with their aliases
	std::uint64_t rows_ = 0;
};

// Models keep what they learned until they are trained anew; they hold no row of a user.
Json versions(const Group &group) {
	static Plan find{"SELECT coalesce(jsonb_agg(s.name || '/' || v.number ORDER BY v.id), '[]') FROM "
					 "recsys_internal.solution_version v JOIN recsys_internal.solution s ON s.id = v.solution_id "
					 "WHERE s.group_id = $1 AND v.status IN ('ACTIVE', 'CREATE IN_PROGRESS')",
					 {INT8OID}};
	AsOwner owner;
	return Json::parse(find.row({pg::int8(group.id)})->text(0));
}

} // namespace

Json run_deletion(const DeletionRequest &request, const jobs::Report &report) {
	std::vector<Dataset> datasets = datasets_of_users(request.group);
	Loader loader(request.group, list_of_ids(datasets.front()));
	if (request.source[0] == '/')
		read_files(request.source, loader, report);
	else
		read_relation(request.source, loader, report, "user_id");
	report("waiting for the datasets", 0, 0);
	lock_datasets(datasets);
	// Ends the setting below, too: rows that a policy hides would stay unseen, so PostgreSQL shall refuse instead.
	const pg::SafeSearchPath settings;
	pg::execute("SET LOCAL row_security = off");
	Json result = Deletion(request.group, std::move(datasets), loader.batch()).run(report);
	result["versions"] = versions(request.group);
	return result;
}

} // namespace recsys::ingest
