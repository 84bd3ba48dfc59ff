-- What operators ask: is the data fit for recommending, and what is in it.

CREATE OR REPLACE FUNCTION recsys.check(dataset_group text)
RETURNS TABLE (severity text, object text, finding text, evidence text, advice text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'recsys_check';
COMMENT ON FUNCTION recsys.check(text) IS
'Examines the data of a dataset group: what is broken, what will make recommendations worse, and whether recommending fits the data at
all. Worst first; the same finding has the same words each time, the numbers stand in evidence.

error: training or serving fails, or answers are wrong. warning: answers are worse than they could be. notice: worth knowing.
ok: looked at and well, such as each row of the table of fits.

Looked at: mappings and tables that changed, indexes that serving needs (with the statement that makes them), ids without rows,
timestamps, event types and values that look negative, repeated events, context that is known only after the event, columns that are
empty, constant or have too many values, availability, and the settings of solutions against the events that there are.

Runs as you, with your rights, on standbys too, and can be cancelled. Events are read twice in whole; what needs each value by itself
is asked of the rows of some 300,000 ids at most, and the evidence says so. Nothing is written.
Errors: RS001 for an absent group.';

CREATE OR REPLACE FUNCTION recsys.get_data_insights(dataset_group text)
RETURNS TABLE (dataset text, column_name text, type text, role text, rows bigint, missing bigint, distinct_values bigint,
    minimum text, maximum text, mean float8, median float8, outliers bigint, most_common text[], sample text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'recsys_get_data_insights';
COMMENT ON FUNCTION recsys.get_data_insights(text) IS
'Statistics of every column of every dataset of a group, as you may see it. rows: those looked at; missing: of them, without a value;
outliers: numbers beyond three interquartile ranges; most_common: up to three values with their number. Of several categories in one
value each counts by itself. Optional columns of a dataset type that have no value at all are left out. sample: NULL when every row was looked at, else which ones were, such as "1 in 84 users".
Errors: RS001 for an absent group; those of reading its tables.';

CREATE OR REPLACE FUNCTION recsys_internal.list_storage()
RETURNS TABLE (dataset_group text, kind text, object text, bytes bigint, used_by text[])
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 30 AS 'MODULE_PATHNAME', 'recsys_list_storage';
COMMENT ON FUNCTION recsys_internal.list_storage() IS 'Behind the view recsys.storage.';

CREATE OR REPLACE VIEW recsys.storage AS
    SELECT dataset_group, kind, object, bytes, pg_size_pretty(bytes) AS size, used_by FROM recsys_internal.list_storage();
COMMENT ON VIEW recsys.storage IS
'What the groups that you may read occupy on disk: kind "model" is a solution version with its trained model (used_by: the campaigns that serve or await it; recsys.delete_solution_version frees the others), kind "table" a group''s own table with its indexes. The sources of mapped datasets are yours and do not appear.';
GRANT SELECT ON recsys.storage TO PUBLIC;
