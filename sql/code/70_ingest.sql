-- Data in and out: event trackers, single events and records, imports and exports.

CREATE OR REPLACE FUNCTION recsys.create_event_tracker(name text, dataset_group text) RETURNS uuid
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_create_event_tracker';
COMMENT ON FUNCTION recsys.create_event_tracker(text, text) IS
'Creates the event tracker of a dataset group and returns its tracking id, which put_events takes. A group has one tracker.
Errors: RS006 when the group has a tracker already; RS001 for an absent group; 42602 for a bad name.';

CREATE OR REPLACE FUNCTION recsys.delete_event_tracker(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_delete_event_tracker';
COMMENT ON FUNCTION recsys.delete_event_tracker(text) IS
'Deletes an event tracker: put_events refuses its tracking id from then on, and the events stored so far stay.
Errors: RS001 for an absent tracker.';

CREATE OR REPLACE FUNCTION recsys.describe_event_tracker(name text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_describe_event_tracker';
COMMENT ON FUNCTION recsys.describe_event_tracker(text) IS
'Describes an event tracker: name, dataset_group, tracking_id, status, created_at, updated_at. For those who may write to the group.
Errors: RS001 for an absent tracker.';

CREATE OR REPLACE FUNCTION recsys_internal.list_event_trackers(OUT name text, OUT dataset_group text, OUT tracking_id uuid,
        OUT status text, OUT created_at timestamptz, OUT updated_at timestamptz) RETURNS SETOF record
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_list_event_trackers';
COMMENT ON FUNCTION recsys_internal.list_event_trackers() IS 'Rows of recsys.event_trackers.';

CREATE OR REPLACE VIEW recsys.event_trackers AS
    SELECT name, dataset_group, tracking_id, status, created_at, updated_at FROM recsys_internal.list_event_trackers();
COMMENT ON VIEW recsys.event_trackers IS 'event trackers of the groups to which the current user may write';
GRANT SELECT ON recsys.event_trackers TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.put_events(tracking_id uuid, session_id text, event_list jsonb, user_id text DEFAULT NULL)
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_put_events';
COMMENT ON FUNCTION recsys.put_events(uuid, text, jsonb, text) IS
'Stores events of one session, all or none, and returns how many were stored. The next recommendation sees them.
event_list is a list of objects with eventType, sentAt (Unix seconds or a date and time) and itemId, and optionally eventValue,
eventId, recommendationId, impression (a list of item ids), metricAttribution {eventAttributionSource} and properties, an object or
its JSON text with the dataset''s own columns; itemId and eventValue may stand in properties. Names may be written in camelCase or
snake_case. An event whose eventId is stored already is not stored again. Without user_id the events are anonymous: they are stored
under the session''s id, and a row in user_aliases makes them the user''s.
Needs INSERT on the dataset''s table. A mapped dataset keeps its events in a table of recsys.
Errors: 22023 names the position of the event and its field; RS001 for an absent tracker; RS003 under recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.put_events(tracking_id uuid, session_id text, event_list jsonb, user_id bigint)
    RETURNS bigint
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
    RETURN recsys.put_events(tracking_id, session_id, event_list, user_id::text);
COMMENT ON FUNCTION recsys.put_events(uuid, text, jsonb, bigint) IS
'The same for a user id that is a number.';

CREATE OR REPLACE FUNCTION recsys.put_items(dataset_group text, items jsonb) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_put_items';
COMMENT ON FUNCTION recsys.put_items(text, jsonb) IS
'Stores items, all or none, and returns how many: a list of {itemId, properties}, where properties is an object or its JSON text with
the dataset''s columns in camelCase or snake_case. An item replaces the one with the same id as a whole. Strings have at most
1,000 characters; a textual value is cut at 20,000, with a notice. Needs INSERT, UPDATE and SELECT on the table.
Errors: 22023 names the position of the item and its field; RS001 for an absent group or dataset; RS003 under recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.put_users(dataset_group text, users jsonb) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_put_users';
COMMENT ON FUNCTION recsys.put_users(text, jsonb) IS
'Stores users, all or none, and returns how many: a list of {userId, properties}. Otherwise as put_items.';

CREATE OR REPLACE FUNCTION recsys.put_actions(dataset_group text, actions jsonb) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_put_actions';
COMMENT ON FUNCTION recsys.put_actions(text, jsonb) IS
'Stores actions, all or none, and returns how many: a list of {actionId, properties}. Otherwise as put_items.';

CREATE OR REPLACE FUNCTION recsys.put_action_interactions(dataset_group text, action_interactions jsonb) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_put_action_interactions';
COMMENT ON FUNCTION recsys.put_action_interactions(text, jsonb) IS
'Stores what users did with actions, all or none, and returns how many rows: a list of objects with actionId, sessionId, timestamp and
eventType (Taken, Not taken or Viewed), and optionally userId, eventId, recommendationId, impression and properties. Otherwise as put_events.';

CREATE OR REPLACE FUNCTION recsys.create_dataset_import_job(name text, dataset_group text, dataset_type text, source text,
        import_mode text DEFAULT 'FULL', wait boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_create_dataset_import_job';
COMMENT ON FUNCTION recsys.create_dataset_import_job(text, text, text, text, text, boolean) IS
'Imports the rows of a dataset and returns the job''s name. source is a relation, or a CSV file of the server, or a directory whose
.csv files are read, when it begins with "/" (privileges of pg_read_server_files). CSV is UTF-8 with a header of column names in any
order and spelling (ITEM_ID, itemId); timestamps are Unix seconds or dates and times, several categories or impressions are separated
by "|", an empty value is missing.
FULL replaces all rows but those of put_events, put_items and so on; INCREMENTAL, after a FULL import, adds interactions and replaces
items, users and actions by id. An id that comes twice in a source is taken from its last row. All rows are checked and all are
written, or none: readers see the old rows until then.
The job runs in the background, or with wait => true in this transaction.
Errors: 22P04 names line and column; 42501 without the privilege to read files; 55000 without background workers, and for INCREMENTAL
before FULL; RS001 for an absent group or dataset; RS006 for a used name; RS003 under recsys.service_limits (1,000 interactions at
least, 5 imports at a time).';

CREATE OR REPLACE FUNCTION recsys.create_dataset_export_job(name text, dataset_group text, dataset_type text, output text,
        ingestion_mode text DEFAULT 'PUT', wait boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_create_dataset_export_job';
COMMENT ON FUNCTION recsys.create_dataset_export_job(text, text, text, text, text, boolean) IS
'Exports the rows of a dataset and returns the job''s name. output is a relation, which is created when it does not exist, or a CSV
file of the server when it begins with "/" (privileges of pg_write_server_files), written as imports read it; the file appears when it
is complete. ingestion_mode says which rows: PUT those of put_events, put_items and so on, BULK all others, ALL both. Equal rows are
written once.
The job runs in the background, or with wait => true in this transaction.
Errors: 42501 without the privilege to write files; 55000 without background workers; RS001 for an absent group or dataset; RS006 for
a used name.';

CREATE OR REPLACE FUNCTION recsys_internal.list_dataset_import_jobs(OUT name text, OUT dataset_group text, OUT dataset_type text,
        OUT source text, OUT import_mode text, OUT status text, OUT failure_reason text, OUT rows bigint, OUT created_at timestamptz,
        OUT updated_at timestamptz) RETURNS SETOF record
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_list_dataset_import_jobs';
COMMENT ON FUNCTION recsys_internal.list_dataset_import_jobs() IS 'Rows of recsys.dataset_import_jobs.';

CREATE OR REPLACE FUNCTION recsys_internal.list_dataset_export_jobs(OUT name text, OUT dataset_group text, OUT dataset_type text,
        OUT output text, OUT ingestion_mode text, OUT status text, OUT failure_reason text, OUT rows bigint, OUT created_at timestamptz,
        OUT updated_at timestamptz) RETURNS SETOF record
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_list_dataset_export_jobs';
COMMENT ON FUNCTION recsys_internal.list_dataset_export_jobs() IS 'Rows of recsys.dataset_export_jobs.';

CREATE OR REPLACE VIEW recsys.dataset_import_jobs AS
    SELECT name, dataset_group, dataset_type, source, import_mode, status, failure_reason, rows, created_at, updated_at
    FROM recsys_internal.list_dataset_import_jobs();
COMMENT ON VIEW recsys.dataset_import_jobs IS
'imports of the groups that the current user may read: CREATE PENDING, CREATE IN_PROGRESS, ACTIVE (with the number of rows written) or CREATE FAILED (with the reason)';
GRANT SELECT ON recsys.dataset_import_jobs TO PUBLIC;

CREATE OR REPLACE VIEW recsys.dataset_export_jobs AS
    SELECT name, dataset_group, dataset_type, output, ingestion_mode, status, failure_reason, rows, created_at, updated_at
    FROM recsys_internal.list_dataset_export_jobs();
COMMENT ON VIEW recsys.dataset_export_jobs IS
'exports of the groups that the current user may read; columns as in recsys.dataset_import_jobs';
GRANT SELECT ON recsys.dataset_export_jobs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.describe_dataset_import_job(name text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_describe_dataset_import_job';
COMMENT ON FUNCTION recsys.describe_dataset_import_job(text) IS
'Describes an import job by "name" or "group.name": the columns of recsys.dataset_import_jobs.
Errors: RS001 for an absent job; 42725 when several groups have one of that name.';

CREATE OR REPLACE FUNCTION recsys.describe_dataset_export_job(name text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_describe_dataset_export_job';
COMMENT ON FUNCTION recsys.describe_dataset_export_job(text) IS
'Describes an export job by "name" or "group.name": the columns of recsys.dataset_export_jobs.
Errors: RS001 for an absent job; 42725 when several groups have one of that name.';

CREATE OR REPLACE FUNCTION recsys.create_data_deletion_job(name text, dataset_group text, source text, wait boolean DEFAULT false)
    RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'recsys_create_data_deletion_job';
COMMENT ON FUNCTION recsys.create_data_deletion_job(text, text, text, boolean) IS
'Erases users from a dataset group and returns the job''s name. source lists their ids: a relation with a column user_id (others are not
read), or a CSV file of the server with the one column USER_ID, or a directory of such files, when it begins with "/" (privileges of
pg_read_server_files). All rows of these users go, or none: interactions, action_interactions, users and user_aliases, the rows under
their aliases, and the anonymous events of sessions in which they are named. Ids that nobody has are no error, so a job can be repeated.
Your own tables are never touched: of mapped datasets the rows in the group''s own tables go, and left_to_owner of
recsys.data_deletion_jobs names the sources in which rows of these users are left. Models hold no row of a user, but keep what they
learned: versions in recsys.describe_data_deletion_job are those to train anew.
The job runs in the background, or with wait => true in this transaction. Deleted rows stay on disk until VACUUM, and in backups.
Errors: 22P04 names line and column; 42501 without the privilege to read files, and where row-level security would hide rows; 55000
without background workers, and when a trigger keeps rows; RS001 for an absent group; RS006 for a used name; RS003 under
recsys.service_limits (5 deletions at a time).';

CREATE OR REPLACE FUNCTION recsys_internal.list_data_deletion_jobs(OUT name text, OUT dataset_group text, OUT source text,
        OUT status text, OUT failure_reason text, OUT num_deleted bigint, OUT left_to_owner jsonb, OUT created_at timestamptz,
        OUT updated_at timestamptz) RETURNS SETOF record
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_list_data_deletion_jobs';
COMMENT ON FUNCTION recsys_internal.list_data_deletion_jobs() IS 'Rows of recsys.data_deletion_jobs.';

CREATE OR REPLACE VIEW recsys.data_deletion_jobs AS
    SELECT name, dataset_group, source, status, failure_reason, num_deleted, left_to_owner, created_at, updated_at
    FROM recsys_internal.list_data_deletion_jobs();
COMMENT ON VIEW recsys.data_deletion_jobs IS
'deletions in the groups that the current user may read: PENDING, IN_PROGRESS, COMPLETED (with the number of rows deleted, and the relations in which rows of these users are left to their owner) or FAILED (with the reason)';
GRANT SELECT ON recsys.data_deletion_jobs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.describe_data_deletion_job(name text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'recsys_describe_data_deletion_job';
COMMENT ON FUNCTION recsys.describe_data_deletion_job(text) IS
'Describes a deletion by "name" or "group.name": the columns of recsys.data_deletion_jobs, "deleted", the rows deleted from each table,
and "versions", the solution versions that learned from them.
Errors: RS001 for an absent job; 42725 when several groups have one of that name.';
