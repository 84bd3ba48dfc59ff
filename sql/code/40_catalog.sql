-- Resources: dataset groups, schemas, datasets.

CREATE OR REPLACE FUNCTION recsys.create_dataset_group(name text, domain text DEFAULT NULL, schema_name text DEFAULT NULL,
    tags jsonb DEFAULT '{}')
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_dataset_group';
COMMENT ON FUNCTION recsys.create_dataset_group IS
'Makes a dataset group: a container for datasets, solutions and campaigns that shares nothing with other groups. Returns its name.

name: 1 to 63 letters, digits, "-" and "_"; unique in the database.
domain: ECOMMERCE or VIDEO_ON_DEMAND for ready-made use cases; NULL makes a custom group. It cannot be changed later.
schema_name: the schema for the group''s tables; by default the name in lower case with "-" as "_". It is made with your rights and belongs to you; a schema that you own already is adopted. Whoever owns the schema owns the group; USAGE on it and SELECT on its tables allow being served. Names that begin with "pg_" or "recsys", "public" and "information_schema" are refused.
tags: a JSON object of strings.

Errors: RS006 the group exists; 42P06 the schema belongs to somebody else; 42939 reserved schema name; RS003 more than 5 groups while recsys.service_limits is on.';

CREATE OR REPLACE FUNCTION recsys.delete_dataset_group(name text, cascade boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_dataset_group';
COMMENT ON FUNCTION recsys.delete_dataset_group IS
'Deletes a dataset group. Returns its name.

Without cascade it must be empty of event trackers, solutions and datasets (RS002). With cascade => true everything goes: campaigns, solutions, trained models, filters, jobs, event trackers, datasets with the tables that recsys made for them, and the group''s schema if recsys made it and nothing else is left in it. What stays: the sources of mapped datasets, adopted tables, and anything of your own in the schema. If one of your own objects depends on a dataset''s table, nothing is deleted. A group whose schema was dropped can be deleted by the owner of the database, and by nobody else: making another schema of that name does not bring it back.';

CREATE OR REPLACE FUNCTION recsys.describe_dataset_group(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_describe_dataset_group';
COMMENT ON FUNCTION recsys.describe_dataset_group IS
'Name, domain, schema, tags and datasets of a dataset group as a JSON object.';

CREATE OR REPLACE FUNCTION recsys.tag_resource(dataset_group text, tags jsonb)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_tag_resource';
COMMENT ON FUNCTION recsys.tag_resource IS
'Adds tags to a dataset group; a tag of the same key is replaced. tags: a JSON object of strings, keys of 1 to 128 characters, values of at most 256, at most 50 tags in all (RS003).';

CREATE OR REPLACE FUNCTION recsys.untag_resource(dataset_group text, tag_keys text[])
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_untag_resource';
COMMENT ON FUNCTION recsys.untag_resource IS 'Removes the tags of these keys from a dataset group; keys that it does not have are ignored.';

CREATE OR REPLACE FUNCTION recsys.list_tags(dataset_group text)
RETURNS TABLE (key text, value text) LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_list_tags';
COMMENT ON FUNCTION recsys.list_tags IS 'The tags of a dataset group.';

CREATE OR REPLACE FUNCTION recsys.create_schema(name text, schema jsonb, domain text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_schema';
COMMENT ON FUNCTION recsys.create_schema IS
'Stores an Avro document from which datasets can be made. Returns its name. It belongs to the role that makes it, and cannot be changed.

schema: {"type": "record", "name": "Interactions" | "Items" | "Users" | "Actions" | "ActionInteractions", "version": "1.0", "fields": [...]}. A field is {"name", "type"} with type string, float, double, int, long or boolean, or an array of one of them and "null"; "categorical": true or "textual": true (items only, one field) may be added to strings.
domain: ECOMMERCE or VIDEO_ON_DEMAND for groups of that domain, which have further required fields.

Errors: 22023 and 42701 name the field at fault; RS006 the schema exists; RS003 over 20,000 characters or 500 schemas while recsys.service_limits is on.';

CREATE OR REPLACE FUNCTION recsys.delete_schema(name text)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_schema';
COMMENT ON FUNCTION recsys.delete_schema IS 'Deletes a schema. RS002 while a dataset that was made from it exists.';

CREATE OR REPLACE FUNCTION recsys.describe_schema(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_describe_schema';
COMMENT ON FUNCTION recsys.describe_schema IS 'Name, owner, domain, dataset type and Avro document of a schema as a JSON object.';

CREATE OR REPLACE FUNCTION recsys.create_dataset(dataset_group text, dataset_type text, fields jsonb DEFAULT NULL,
    avro_schema text DEFAULT NULL, source regclass DEFAULT NULL, columns jsonb DEFAULT NULL)
RETURNS regclass LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_dataset';
COMMENT ON FUNCTION recsys.create_dataset IS
'Gives a dataset group one of its datasets: interactions, items, users, actions or action_interactions. Returns the table in the group''s schema that put_* and your own INSERT and COPY write. A group has at most one dataset of each type.

A managed dataset is that table, made from one of
  fields: {"genres": "categorical", "price": "float", "plot": "textual", "in_stock": "availability", "weight": {"type": "float", "role": "stored"}}. A text may have "language" (a text search configuration, by default simple; "chinese" and "japanese" are understood) and "text_null_fill" (stands for a missing text): {"plot": {"type": "textual", "language": "english", "text_null_fill": "blank"}}. Types: categorical, textual, availability, string, float, double, int, long, boolean, timestamp. Roles: categorical, numeric, textual (items, one), stored (kept and filterable, never trained), availability (items, one: false is never recommended). An id column may be given the type int, long or uuid; by default ids are text.
  avro_schema: the name of a schema made with create_schema, of the same domain as the group.
A table of the right shape that you own and that lies in the schema under the dataset''s name is adopted.

A mapped dataset reads an existing table, view or foreign table in place:
  source: the relation. You go on owning, changing and indexing it; what put_* writes goes to the group''s own table.
  columns: {"item_id": "sku", "price": "unit_price", "creation_timestamp": {"column": "added", "epoch": "s"}, "event_type": {"constant": "Purchase"}}. Columns of the dataset that are not named are taken from columns of the same name where their type fits; null leaves one out. Every other name becomes a field, with type and role by its SQL type unless fields says otherwise. Ids may be text, varchar, smallint, integer, bigint or uuid and keep their type.

With interactions comes the table user_aliases (alias_id, user_id): events stored under alias_id count as user_id''s.

Errors: RS006 the group has this dataset; 22023, 42701, 42703, 42804 name the field or column at fault; 42P07 a table of another shape is in the way; RS003 too many columns while recsys.service_limits is on.';

CREATE OR REPLACE FUNCTION recsys.add_dataset_source(dataset_group text, dataset_type text, source regclass,
    columns jsonb DEFAULT '{}')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_add_dataset_source';
COMMENT ON FUNCTION recsys.add_dataset_source IS
'Adds a further relation to a mapped interactions or action_interactions dataset; its rows count as well. columns is as in create_dataset; the id types must be those of the dataset, and only its fields can be mapped; those that are not named are taken from columns of the same name.';

CREATE OR REPLACE FUNCTION recsys.update_dataset(dataset_group text, dataset_type text, fields jsonb DEFAULT NULL,
    avro_schema text DEFAULT NULL, source regclass DEFAULT NULL, columns jsonb DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_update_dataset';
COMMENT ON FUNCTION recsys.update_dataset IS
'Adds fields to a dataset, or maps a source anew after its owner changed it.

fields: further fields in the short form of create_dataset; they must be nullable. Those the dataset has keep type, role and nullability (22023).
avro_schema: instead of fields, a schema that has all fields of the dataset unchanged and possibly further ones.
columns: for a mapped dataset, what changes in the mapping; the rest stays. A name that is not a field yet becomes one; null leaves a field empty.
source: which source, where the dataset has several; or another relation, which takes the place and the mapping of one that was dropped.

Filters can use new fields at once; a solution trains on them from its next version on.';

CREATE OR REPLACE FUNCTION recsys.delete_dataset(dataset_group text, dataset_type text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_dataset';
COMMENT ON FUNCTION recsys.delete_dataset IS
'Deletes a dataset and the table that recsys made for it, with its rows; with interactions, user_aliases goes too. Sources of mapped datasets and adopted tables stay. Trained models stay usable. RS002 while a training or another job of the group is not finished.';

CREATE OR REPLACE FUNCTION recsys.describe_dataset(dataset_group text, dataset_type text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_describe_dataset';
COMMENT ON FUNCTION recsys.describe_dataset IS
'A dataset as a JSON object: its table, sources and mapping, id types, fields with their roles, the availability column, estimated rows, and under "problems" what is broken, such as a mapped column that was dropped.';

CREATE OR REPLACE FUNCTION recsys.setup_roles(dataset_group text, prefix text DEFAULT 'recsys')
RETURNS TABLE (role text, object text, privileges text, granted boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'recsys_setup_roles';
COMMENT ON FUNCTION recsys.setup_roles IS
'Makes four roles where they are missing, with your right to do so (CREATEROLE), and grants them their rights on the dataset group:

<prefix>_admin: membership in the role that owns the group, hence everything.
<prefix>_trainer: USAGE and CREATE on the schema, SELECT on the tables: train and stop training.
<prefix>_reader: USAGE and SELECT: be served, describe.
<prefix>_event_writer: USAGE, INSERT on the tables, and SELECT and UPDATE on items, users and actions, whose records are replaced: put_*. It cannot read interactions.

Datasets made later are covered too. Returns what was granted; granted = false marks what you may not grant: SELECT on a source that belongs to somebody else, or membership in a superuser''s role. It can be called again, for further groups and after changes.';

-- The views show what the caller may read, so they stand over functions that check it.

CREATE OR REPLACE FUNCTION recsys_internal.dataset_groups()
RETURNS TABLE (name text, domain text, schema_name text, owner text, status text, tags jsonb, datasets text[],
    created_at timestamptz, updated_at timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_dataset_groups';
COMMENT ON FUNCTION recsys_internal.dataset_groups IS 'Behind the view recsys.dataset_groups.';

CREATE OR REPLACE FUNCTION recsys_internal.schemas()
RETURNS TABLE (name text, owner text, domain text, dataset_type text, definition jsonb, created_at timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_schemas';
COMMENT ON FUNCTION recsys_internal.schemas IS 'Behind the view recsys.schemas.';

CREATE OR REPLACE FUNCTION recsys_internal.datasets()
RETURNS TABLE (dataset_group text, dataset_type text, relation regclass, mapped boolean, sources regclass[], id_types jsonb,
    fields jsonb, status text, created_at timestamptz, updated_at timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'recsys_datasets';
COMMENT ON FUNCTION recsys_internal.datasets IS 'Behind the view recsys.datasets.';

CREATE OR REPLACE VIEW recsys.dataset_groups AS SELECT * FROM recsys_internal.dataset_groups();
COMMENT ON VIEW recsys.dataset_groups IS 'The dataset groups that you may use, with their schema, its owner, tags and datasets.';
CREATE OR REPLACE VIEW recsys.schemas AS SELECT * FROM recsys_internal.schemas();
COMMENT ON VIEW recsys.schemas IS 'The Avro schemas of yours and of the roles that you are a member of.';
CREATE OR REPLACE VIEW recsys.datasets AS SELECT * FROM recsys_internal.datasets();
COMMENT ON VIEW recsys.datasets IS 'The datasets of the dataset groups that you may use. recsys.describe_dataset tells more of each.';

GRANT SELECT ON recsys.dataset_groups, recsys.schemas, recsys.datasets TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.create_filter(name text, dataset_group text, filter_expression text)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_filter';
COMMENT ON FUNCTION recsys.create_filter IS
'Makes a filter: a rule about which items may be recommended, such as EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase"). Returns its name. A filter cannot be changed.

filter_expression: 1 to 2500 characters; the manual''s page on filters describes the language. Fields are those of the group''s datasets.

Errors: RS005 for a mistake in the expression, with its position, what was found and what was expected, and how to write it; RS006 the group has a filter of this name; 42602 for a bad name; RS003 under recsys.service_limits: 30 filters, 10 different fields in a filter and 20 in all filters of a group, 25 placeholders.';

CREATE OR REPLACE FUNCTION recsys.delete_filter(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_filter';
COMMENT ON FUNCTION recsys.delete_filter IS
'Deletes a filter. Errors: RS001 for an absent filter; RS002 while a job that is not finished, or a recommender, uses it.';

CREATE OR REPLACE FUNCTION recsys.describe_filter(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_describe_filter';
COMMENT ON FUNCTION recsys.describe_filter IS
'Describes a filter: name, dataset_group, filter_expression, target (ItemID, UserID or ActionID), placeholders, status, failure_reason (what has gone from the datasets since the filter was made), created_at, and statements, the SQL that it becomes, to be read and explained: candidates tests an array of ids, catalogue finds all that pass. Each has sql, and parameters with type and what stands behind them.
Errors: RS001 for an absent filter.';

CREATE OR REPLACE FUNCTION recsys_internal.list_filters(OUT name text, OUT filter jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_list_filters';
COMMENT ON FUNCTION recsys_internal.list_filters() IS 'rows of recsys.filters';

CREATE OR REPLACE VIEW recsys.filters AS
SELECT r.name, r.dataset_group, r.filter_expression, r.target, r.placeholders, r.status, r.failure_reason, r.created_at
FROM recsys_internal.list_filters() AS f,
    jsonb_to_record(f.filter) AS r(name text, dataset_group text, filter_expression text, target text, placeholders text[],
        status text, failure_reason text, created_at timestamptz);
COMMENT ON VIEW recsys.filters IS 'filters of the dataset groups that the current user may read';
GRANT SELECT ON recsys.filters TO PUBLIC;
