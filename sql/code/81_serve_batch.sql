-- Batch: many answers at once, without a campaign.

CREATE OR REPLACE FUNCTION recsys.create_batch_inference_job(name text, solution_version text, input text, output text,
    filter text DEFAULT NULL, num_results integer DEFAULT 25, exploration_weight float8 DEFAULT 0.3,
    exploration_item_age_cut_off integer DEFAULT 30, wait boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_batch_inference_job';
COMMENT ON FUNCTION recsys.create_batch_inference_job(text, text, text, text, text, integer, float8, integer, boolean) IS
'Answers many requests with a solution version, which needs no campaign, and returns the job''s name. solution_version is
"solution/number", or the name of a solution for its newest ACTIVE version.
input is a file of the server with a JSON object a line, or a folder of such files, when it begins with "/" (privileges of
pg_read_server_files), else a relation. A line has "userId", or "itemId" for related items, or "userId" and "itemList" for
personalized-ranking, and "filterValues" for a filter with placeholders. A relation has a column input with such lines, or columns user_id,
item_id, item_list, filter_values; its other columns are not read.
output is an existing folder, not the input''s, when it begins with "/" (privileges of pg_write_server_files): it gets a file NAME.out for each
file of the input, JOB.out for a relation. Else it is a relation with columns line bigint, input jsonb, output jsonb, error text, which is
made when it does not exist, and to which rows are added. An answer is {"input", "output": {"recommendedItems", "scores"}, "error"} in the
order of the lines; scores and an error of null are there for recipes with scores. A line that is at fault has its "error", and the others
go on. The output appears as a whole, when all lines are answered. A job that is cut off goes on where it was.
The list has at most num_results items; filter is the name of a filter of the group. Each answer is the one that a campaign gives at the time.
The job runs as the owner of the group, in the background, or with wait => true in this transaction.
Errors: RS001 for an absent version or filter; RS004 for a version that is not ACTIVE; RS006 for a used name; 22023 for a recipe without batch
inference or a filter that is not for its answers; 42501 without the privilege for files or relations; 42P01 and 42703 for relations;
0A000 for exploration settings other than the defaults (or weight 0) with a recipe that does not explore; 55000 without background workers; RS003
under recsys.service_limits (500 results, 5 jobs at a time); 42602.';

CREATE OR REPLACE FUNCTION recsys_internal.list_batch_inference_jobs(OUT name text, OUT dataset_group text, OUT solution_version text,
    OUT input text, OUT output text, OUT filter text, OUT num_results integer, OUT status text, OUT failure_reason text, OUT lines bigint,
    OUT failed_lines bigint, OUT created_at timestamptz, OUT updated_at timestamptz)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_list_batch_inference_jobs';
COMMENT ON FUNCTION recsys_internal.list_batch_inference_jobs() IS 'rows of recsys.batch_inference_jobs';

CREATE OR REPLACE VIEW recsys.batch_inference_jobs AS
SELECT name, dataset_group, solution_version, input, output, filter, num_results, status, failure_reason, lines, failed_lines, created_at,
    updated_at
FROM recsys_internal.list_batch_inference_jobs();
COMMENT ON VIEW recsys.batch_inference_jobs IS
'batch inference jobs of the groups that the current user may read: PENDING, IN PROGRESS, ACTIVE (with the number of lines, and of those with an error) or CREATE FAILED (with the reason). recsys.progress shows how far a running one is, recsys.cancel_job stops one';
GRANT SELECT ON recsys.batch_inference_jobs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.describe_batch_inference_job(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_describe_batch_inference_job';
COMMENT ON FUNCTION recsys.describe_batch_inference_job(text) IS
'Describes a batch inference job by "name" or "group.name": the columns of recsys.batch_inference_jobs.
Errors: RS001 for an absent job; 42725 when several groups have one of that name.';

CREATE OR REPLACE FUNCTION recsys.create_batch_segment_job(name text, solution_version text, input text, output text,
    filter text DEFAULT NULL, num_results integer DEFAULT 25, wait boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_batch_segment_job';
COMMENT ON FUNCTION recsys.create_batch_segment_job(text, text, text, text, text, integer, boolean) IS
'Finds the users who will most likely interact with each of many items (recipe item-affinity), or with items that have given attributes
(item-attribute-affinity), and returns the job''s name. A line of the input has "itemId", or "itemAttributes" with a condition such as
Items.GENRE = "Comedy" AND Items.YEAR = 1999, and "filterValues" for a filter with placeholders; a relation has a column input with such lines, or
columns item_id or item_attributes, and filter_values. An answer''s output is {"usersList"}, the best first, at most num_results, as
recsys.get_user_segment gives them. filter begins with INCLUDE UserID or EXCLUDE UserID.
Files, relations, errors of single lines and everything else are as in recsys.create_batch_inference_job.
Errors: 22023 for another recipe; otherwise as recsys.create_batch_inference_job. RS003 under recsys.service_limits: 5,000,000 users a
line, 5 jobs at a time.';

CREATE OR REPLACE FUNCTION recsys_internal.list_batch_segment_jobs(OUT name text, OUT dataset_group text, OUT solution_version text,
    OUT input text, OUT output text, OUT filter text, OUT num_results integer, OUT status text, OUT failure_reason text, OUT lines bigint,
    OUT failed_lines bigint, OUT created_at timestamptz, OUT updated_at timestamptz)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_list_batch_segment_jobs';
COMMENT ON FUNCTION recsys_internal.list_batch_segment_jobs() IS 'rows of recsys.batch_segment_jobs';

CREATE OR REPLACE VIEW recsys.batch_segment_jobs AS
SELECT name, dataset_group, solution_version, input, output, filter, num_results, status, failure_reason, lines, failed_lines, created_at,
    updated_at
FROM recsys_internal.list_batch_segment_jobs();
COMMENT ON VIEW recsys.batch_segment_jobs IS
'batch segment jobs of the groups that the current user may read; columns as in recsys.batch_inference_jobs';
GRANT SELECT ON recsys.batch_segment_jobs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.describe_batch_segment_job(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_describe_batch_segment_job';
COMMENT ON FUNCTION recsys.describe_batch_segment_job(text) IS
'Describes a batch segment job by "name" or "group.name": the columns of recsys.batch_segment_jobs.
Errors: RS001 for an absent job; 42725 when several groups have one of that name.';

CREATE OR REPLACE FUNCTION recsys.recommend_all(solution_version text, output text, num_results integer DEFAULT 25,
    filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}')
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_recommend_all';
COMMENT ON FUNCTION recsys.recommend_all(text, text, integer, text, jsonb) IS
'Writes the recommendations for all users into a relation, and returns the number of users: those who have events of their own, not only as an
anonymous session, and those of the users dataset; who has no events gets the popular list. Each user''s list is the one that a campaign gives
at the time. output is a relation with columns user_id, rank, item_id, score, reason; it is made when it does not exist, and else rows are added.
recsys.progress shows how far it is. It runs in this transaction with the caller''s rights, and on recsys.train_threads threads.
Errors: RS001 for an absent version or filter; RS004 for a version that is not ACTIVE; 22023 for a recipe that does not recommend to users,
and for filter values; 42501, 42703 or 42804 for the relation; RS003 under recsys.service_limits.';
