// The four roles of a dataset group. They are nothing but grants: what a role may do with a group follows from its rights on
// the group's schema and tables (catalog.hpp), so a database administrator can do the same by hand, or otherwise.
#include "catalog/lifecycle.hpp"

#include "catalog/mapping.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::AsUser;
using pg::Plan;
using pg::quote_identifier;
using pg::Row;

namespace {

bool role_exists(const std::string &name) {
	static Plan find{"SELECT FROM pg_roles WHERE rolname = $1", {TEXTOID}};
	AsOwner owner;
	return !find.rows({pg::text(name)}).empty();
}

bool is_superuser_role(Oid role) {
	static Plan find{"SELECT rolsuper FROM pg_roles WHERE oid = $1", {OIDOID}};
	AsOwner owner;
	const auto row = find.row({pg::oid(role)});
	return row && row->boolean(0);
}

std::string label(const std::string &schema, const std::string &table) { return schema + "." + table; }

// Events are only added; a record replaces the one of the same id, which takes UPDATE and SELECT as well.
bool is_record_type(DatasetType type) {
	return type == DatasetType::Items || type == DatasetType::Users || type == DatasetType::Actions;
}

bool is_member(const std::string &role, Oid of) {
	static Plan find{"SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE m.roleid = $1 AND r.rolname = $2",
					 {OIDOID, TEXTOID}};
	AsOwner owner;
	return !find.rows({pg::oid(of), pg::text(role)}).empty();
}

struct Roles {
	std::string admin, trainer, reader, event_writer;
	explicit Roles(const std::string &prefix)
		: admin(prefix + "_admin"), trainer(prefix + "_trainer"), reader(prefix + "_reader"),
		  event_writer(prefix + "_event_writer") {}
};

class Setup {
public:
	Setup(const Group &group, const std::string &prefix) : group_(group), roles_(prefix), owner_(group_owner(group)) {}
	std::vector<RoleGrant> run() {
		for (const std::string *role : {&roles_.admin, &roles_.trainer, &roles_.reader, &roles_.event_writer})
			if (!role_exists(*role))
				pg::execute("CREATE ROLE " + quote_identifier(*role) + " NOLOGIN");
		membership();
		{
			const AsUser owner(owner_);
			schema();
			tables();
			defaults();
		}
		sources();
		return std::move(grants_);
	}

private:
	// Members of the owner's role may do everything with the group. A superuser's role is not handed out like this.
	void membership() {
		const std::string owner = pg::user_name(owner_);
		const bool there = owner == roles_.admin || is_member(roles_.admin, owner_);
		const bool possible = there || !is_superuser_role(owner_);
		if (possible && !there)
			pg::execute("GRANT " + quote_identifier(owner) + " TO " + quote_identifier(roles_.admin));
		grants_.push_back({roles_.admin, owner, "MEMBER", possible});
	}

	void grant(const std::string &role, const std::string &privileges, const std::string &on, const std::string &shown) {
		pg::execute("GRANT " + privileges + " ON " + on + " TO " + quote_identifier(role));
		grants_.push_back({role, shown, privileges, true});
	}

	void schema() {
		const std::string on = "SCHEMA " + quote_identifier(group_.schema);
		grant(roles_.trainer, "USAGE, CREATE", on, group_.schema);
		grant(roles_.reader, "USAGE", on, group_.schema);
		grant(roles_.event_writer, "USAGE", on, group_.schema);
	}

	void tables() {
		for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
									   DatasetType::ActionInteractions}) {
			if (!find_dataset(group_, type))
				continue;
			const std::string table = own_table(group_, type), shown = label(group_.schema, to_string(type));
			grant(roles_.trainer, "SELECT", table, shown);
			grant(roles_.reader, "SELECT", table, shown);
			grant(roles_.event_writer, is_record_type(type) ? "SELECT, INSERT, UPDATE" : "INSERT", table, shown);
			if (type == DatasetType::Interactions) {
				grant(roles_.trainer, "SELECT", alias_table(group_), label(group_.schema, "user_aliases"));
				grant(roles_.reader, "SELECT", alias_table(group_), label(group_.schema, "user_aliases"));
				grant(roles_.event_writer, "INSERT", alias_table(group_), label(group_.schema, "user_aliases"));
			}
		}
	}

	void defaults() {
		const std::string in = "ALTER DEFAULT PRIVILEGES IN SCHEMA " + quote_identifier(group_.schema) + " GRANT ";
		pg::execute(in + "SELECT ON TABLES TO " + quote_identifier(roles_.trainer) + ", " + quote_identifier(roles_.reader));
		pg::execute(in + "INSERT ON TABLES TO " + quote_identifier(roles_.event_writer));
	}

	// A source belongs to somebody, maybe somebody else: what the caller may not grant is told, not skipped in silence.
	void sources() {
		for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
									   DatasetType::ActionInteractions}) {
			const auto dataset = find_dataset(group_, type);
			for (const Source &source : dataset ? dataset->sources : std::vector<Source>())
				for (const std::string *role : {&roles_.trainer, &roles_.reader})
					source_grant(source.relation, *role);
		}
	}

	void source_grant(Oid relation, const std::string &role) {
		static Plan state{"SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), has_schema_privilege($2::name, n.oid, "
						  "'USAGE'), pg_has_role($3::oid, c.relowner, 'USAGE') FROM pg_class c JOIN pg_namespace n ON n.oid = "
						  "c.relnamespace WHERE c.oid = $1",
						  {OIDOID, TEXTOID, OIDOID}};
		const Oid user = GetUserId();
		std::optional<Row> row;
		{
			AsOwner owner;
			row = state.row({pg::oid(relation), pg::text(role), pg::oid(user)});
		}
		if (!row)
			return; // dropped: describe_dataset tells
		const bool possible = row->boolean(2);
		if (possible)
			pg::execute("GRANT SELECT ON " + row->text(0) + " TO " + quote_identifier(role));
		grants_.push_back({role, relation_label(relation), "SELECT", possible});
		if (!row->boolean(1))
			grants_.push_back({role, row->text(0).substr(0, row->text(0).find('.')), "USAGE", false});
	}

	const Group &group_;
	Roles roles_;
	Oid owner_;
	std::vector<RoleGrant> grants_;
};

} // namespace

std::vector<RoleGrant> setup_roles(const Group &group, const std::string &prefix) {
	check_name(prefix, "prefix");
	if (prefix.size() > 63 - std::string_view("_event_writer").size() || lower_case(prefix).starts_with("pg_"))
		throw Error(sqlstate::InvalidName, "invalid prefix \"" + prefix + "\" of roles",
					"It has at most 50 characters and does not begin with \"pg_\".");
	return Setup(group, prefix).run();
}

void extend_put_rights(const Group &group, DatasetType type) {
	if (!is_record_type(type))
		return;
	static Plan grantees{"SELECT DISTINCT pg_get_userbyid(a.grantee) FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = $1 "
						 "AND c.relname = $2 AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)",
						 {OIDOID, TEXTOID}};
	pg::Rows rows;
	{
		AsOwner owner;
		rows = grantees.rows({pg::oid(group.schema_oid), pg::text(to_string(type))});
	}
	const AsUser owner(group_owner(group));
	for (const Row &row : rows)
		pg::execute("GRANT SELECT, UPDATE ON " + own_table(group, type) + " TO " + quote_identifier(row.text(0)));
}

} // namespace recsys::catalog
