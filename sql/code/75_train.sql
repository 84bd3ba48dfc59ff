-- Recipes, solutions and their versions.

CREATE OR REPLACE FUNCTION recsys_internal.list_recipes()
RETURNS TABLE (name text, recipe_type text, status text, description text, required_datasets text[],
    optional_datasets text[], hyperparameters jsonb, capabilities jsonb, needs_user boolean, needs_item boolean,
    domain text, event_type text)
AS 'MODULE_PATHNAME', 'recsys_list_recipes' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION recsys_internal.list_recipes() IS 'rows of the view recsys.recipes';

CREATE OR REPLACE VIEW recsys.recipes AS SELECT * FROM recsys_internal.list_recipes();
COMMENT ON VIEW recsys.recipes IS
'The recipes: what each recommends, which datasets it needs and uses if they exist, its hyperparameters
([{"name", "type", "default", "minimum", "maximum", "tunable", "reason"}], with "values" in place of the two limits for those of type
categorical) and what it is capable of ({"real_time", "auto_update", "exploration", "context", "batch", "scores"}). "needs_user" and
"needs_item" tell what a request must name. Those with a "domain" are use cases of it, set up by recsys.create_recommender; they learn
from events of "event_type" where it is not NULL, and have no hyperparameters. Wherever a recipe is asked for, the prefix "aws-" may be written or left out.';
GRANT SELECT ON recsys.recipes TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.describe_recipe(name text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'recsys_describe_recipe' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION recsys.describe_recipe(text) IS
'One recipe as JSON, with the keys of the view recsys.recipes. Errors: RS001 when there is no such recipe.';

CREATE OR REPLACE FUNCTION recsys.create_solution(name text, dataset_group text, recipe text,
    event_type text DEFAULT NULL, event_value_threshold float8 DEFAULT NULL, hyperparameters jsonb DEFAULT '{}',
    perform_hpo boolean DEFAULT false, hpo_config jsonb DEFAULT NULL, perform_auto_ml boolean DEFAULT false,
    optimization_objective jsonb DEFAULT NULL, excluded_columns jsonb DEFAULT NULL,
    auto_training_interval interval DEFAULT NULL, negative_event_types text[] DEFAULT '{}', keep_versions integer DEFAULT 3) RETURNS text
AS 'MODULE_PATHNAME', 'recsys_create_solution' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.create_solution(text, text, text, text, float8, jsonb, boolean, jsonb, boolean, jsonb, jsonb,
    interval, text[], integer) IS
'Creates a solution: a recipe with its settings for a dataset group. Returns its name.
event_type: train on events of this type only; case counts. NULL: all types, with equal weight.
event_value_threshold: train on events whose event_value is at least this; events without a value are left out.
negative_event_types: events of these types say that the item is not wanted; they are never a signal for it and always read,
whatever event_type and event_value_threshold say.
hyperparameters: a JSON object, values as numbers, booleans or text; recsys.recipes shows names, ranges and defaults.
excluded_columns: fields that are not learned from, by dataset type: ''{"items": ["plot"], "users": ["zip"]}''. They still work
in filters and in answers.
auto_training_interval: train again by itself, so long after the start of the automatic training before, if there are new
interactions; the first time after an hour at the latest, unless a version exists by then. NULL: never. recsys.schedules shows it.
keep_versions: when a version is trained, ACTIVE ones beyond the newest so many are deleted, and failed ones that are older still. Those
that a campaign serves or waits for stay, as do the newest that was trained in full and those that a version that stays was updated
from. 0 keeps all.
perform_hpo: before it trains, a version searches the hyperparameters that recsys.recipes shows as tunable: as many settings as
max_training_jobs are trained and compared by normalized_discounted_cumulative_gain_at_25 on users who take part neither in the trial''s
training nor in the version''s metrics; with many interactions a part of the users decides first. The settings as given are among
them. recsys.describe_solution_version shows tuned_hpo_params, which a later solution may take as hyperparameters, and every trial.
hpo_config: {"max_training_jobs": 20, "ranges": {"bptt": {"min": 4, "max": 32}, "hidden_dimension": {"values": [32, 64]}}}; without ranges
all tunable ones are searched, as far as they go.
perform_auto_ml: recipe must be NULL; recipes are compared by the same measure, at their defaults, and the best is trained; with
perform_hpo its settings are searched as well. "recipes" in hpo_config names others than those that serve a user without further ado.
Automatic trainings use what was found for 90 days, then search again; create_solution_version always searches.
optimization_objective: not supported yet.
Needs the ownership of the group''s schema. Errors: RS001 for a group or recipe that does not exist, RS006 when the name is
used, 42602 for an invalid name, 22023 for hyperparameters and event types, 0A000 for what is not supported yet, RS003 for the
11th solution of a group under recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.update_solution(name text, auto_training_interval interval DEFAULT NULL,
    keep_versions integer DEFAULT NULL, perform_auto_training boolean DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'recsys_update_solution' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.update_solution(text, interval, integer, boolean) IS
'Changes how often a solution is trained by itself and how many versions it keeps; arguments left out stay as they are.
perform_auto_training: false ends automatic training, true without an interval begins it with 7 days. keep_versions takes effect at the
next training. Everything else of a solution is fixed. Needs the ownership of the group''s schema.
Errors: RS001; 22023 for less than a minute or a negative number.';

CREATE OR REPLACE FUNCTION recsys.run_automatic_training(solution text) RETURNS bigint
AS 'MODULE_PATHNAME', 'recsys_run_automatic_training' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.run_automatic_training(text) IS
'Does what automatic training does, now: a worker trains a new version (training_type AUTOMATIC) if interactions came since the last
full training, and otherwise says that there is nothing to do. Returns the number of the job in recsys.jobs. For schedules of your own,
such as pg_cron''s: SELECT cron.schedule(''0 3 * * *'', $$SELECT recsys.run_automatic_training(''for_you'')$$). Needs the rights of
recsys.create_solution_version. Errors: RS001; 55000 without background workers.';

CREATE OR REPLACE FUNCTION recsys.run_automatic_update(solution text) RETURNS bigint
AS 'MODULE_PATHNAME', 'recsys_run_automatic_update' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.run_automatic_update(text) IS
'Does what the automatic update does every recsys.auto_update_interval, now: a worker brings new items into the newest version that was
trained in full, if a campaign serves it and there is anything new; what was learnt stays as it is, and no campaign need be changed.
Returns the number of the job in recsys.jobs. Needs the rights of recsys.create_solution_version. Errors: RS001; 22023 for recipes without
the capability "auto_update"; 55000 without background workers.';

CREATE OR REPLACE FUNCTION recsys.describe_solution(name text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'recsys_describe_solution' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION recsys.describe_solution(text) IS
'One solution as JSON: its settings, its hyperparameters with the defaults filled in, and its newest version.
Errors: RS001, 42725 when solutions of several groups have the name ("group.name" tells them apart).';

CREATE OR REPLACE FUNCTION recsys.delete_solution(name text) RETURNS text
AS 'MODULE_PATHNAME', 'recsys_delete_solution' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.delete_solution(text) IS
'Deletes a solution with all its versions and their models. Returns its name. Needs the ownership of the group''s schema.
Errors: RS001, RS002 while a campaign uses it or one of its versions is in training.';

CREATE OR REPLACE FUNCTION recsys_internal.list_solutions()
RETURNS TABLE (dataset_group text, name text, recipe text, status text, event_type text, event_value_threshold float8,
    negative_event_types text[], hyperparameters jsonb, latest_version integer, created_at timestamptz,
    updated_at timestamptz)
AS 'MODULE_PATHNAME', 'recsys_list_solutions' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION recsys_internal.list_solutions() IS 'rows of the view recsys.solutions';

CREATE OR REPLACE VIEW recsys.solutions AS SELECT * FROM recsys_internal.list_solutions();
COMMENT ON VIEW recsys.solutions IS
'The solutions of the groups that the current user may read. "latest_version" is the number of the newest version that exists.';
GRANT SELECT ON recsys.solutions TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.create_solution_version(solution text, training_mode text DEFAULT 'FULL',
    wait boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'recsys_create_solution_version' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.create_solution_version(text, text, boolean) IS
'Trains a solution on the data as they are. Returns the new version''s name, "solution/N".
wait => false: a background worker trains after this transaction commits, reading as the owner of the group''s schema;
recsys.solution_versions shows the status, recsys.progress how far it is, recsys.wait_for waits for it. A failure turns the
version into CREATE FAILED with a reason; earlier versions and the campaigns that serve them stay as they are.
wait => true: trains here, reading as the current user, in this transaction; a failure is an error and leaves no version.
training_mode: FULL trains from the beginning on everything; UPDATE, for recipes with the capability "auto_update", takes the model of
the newest ACTIVE version that was trained in full and brings the items that came since into it. What was learnt stays: scores of earlier
items among one another do not change, and metrics are those of that version.
Equal rows, settings and recsys version give equal models (content_hash), with any recsys.train_threads and any order of rows.
Needs the ownership of the group''s schema, or CREATE and USAGE on it. Errors: RS001; 22023 for a training mode that does not
exist or that the recipe does not have; 55000 when nothing is left to train on, or without background workers; 53400 beyond
recsys.train_memory_limit; RS003 for the quotas under recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.describe_solution_version(version text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'recsys_describe_solution_version' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION recsys.describe_solution_version(text) IS
'One solution version as JSON: status and failure_reason; config, the settings it was trained with; metrics; members, the parts
of a blend with their mean weights; tuned_hpo_params and tuning, what a search for settings found; data_summary, what was read and what was left out; wall_seconds; training_hours, the CPU
hours of all threads; peak_memory, in bytes; model_bytes; content_hash, equal exactly for equal models. The name is
"solution/N"; a solution''s name alone means its newest ACTIVE version, else the newest in training. Errors: RS001, RS004, 42725.';

CREATE OR REPLACE FUNCTION recsys.delete_solution_version(version text) RETURNS text
AS 'MODULE_PATHNAME', 'recsys_delete_solution_version' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.delete_solution_version(text) IS
'Deletes a solution version with its model. Returns its name. Its number is not used again. Needs the ownership of the group''s
schema. Errors: RS001, RS002 while a campaign uses it or it is in training.';

CREATE OR REPLACE FUNCTION recsys_internal.list_solution_versions()
RETURNS TABLE (dataset_group text, solution text, name text, number integer, recipe text, status text, failure_reason text,
    training_mode text, training_type text, wall_seconds float8, training_hours float8, peak_memory bigint,
    model_bytes bigint, content_hash text, created_at timestamptz, started_at timestamptz, finished_at timestamptz)
AS 'MODULE_PATHNAME', 'recsys_list_solution_versions' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 50;
COMMENT ON FUNCTION recsys_internal.list_solution_versions() IS 'rows of the view recsys.solution_versions';

CREATE OR REPLACE VIEW recsys.solution_versions AS SELECT * FROM recsys_internal.list_solution_versions();
COMMENT ON VIEW recsys.solution_versions IS
'The solution versions of the groups that the current user may read. "training_hours" are the CPU hours of all threads,
"peak_memory" and "model_bytes" are bytes. Status: CREATE PENDING, CREATE IN_PROGRESS, ACTIVE, CREATE FAILED (with
"failure_reason"), CREATE STOPPING, CREATE STOPPED.';
GRANT SELECT ON recsys.solution_versions TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.stop_solution_version_creation(version text) RETURNS text
AS 'MODULE_PATHNAME', 'recsys_stop_solution_version_creation' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.stop_solution_version_creation(text) IS
'Stops a training. Returns the version''s new status: CREATE STOPPED when it had not begun, else CREATE STOPPING, and soon
after the commit CREATE STOPPED. It leaves no model and cannot be resumed. A training with wait => true in another session is
stopped as well, under the name that recsys.progress shows, and ends there with an error. Needs the rights of
recsys.create_solution_version. Errors: RS001, 55000 when the version is not in training.';

CREATE OR REPLACE FUNCTION recsys.get_solution_metrics(version text)
RETURNS TABLE (metric text, value float8, low float8, high float8)
AS 'MODULE_PATHNAME', 'recsys_get_solution_metrics' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION recsys.get_solution_metrics(text) IS
'How well a version predicts the newest tenth of the events of users it was not trained on: coverage,
mean_reciprocal_rank_at_25, normalized_discounted_cumulative_gain_at_5, _10 and _25, precision_at_5, _10 and _25. low and high
bound the 95 % confidence interval of a mean over users; NULL where there is none, as for coverage. The users are
chosen by a hash of their ids, so versions trained on the same data can be compared. Errors: RS001, RS002 while it is in
training, RS004 for a version without a model.';

CREATE OR REPLACE FUNCTION recsys.evaluate(solution_version text, as_of timestamptz, compare_with text DEFAULT NULL,
    horizon interval DEFAULT NULL)
RETURNS TABLE (metric text, value float8, low float8, high float8, baseline float8, compared float8, difference float8,
    difference_low float8, difference_high float8, p_value float8, users bigint)
AS 'MODULE_PATHNAME', 'recsys_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 8;
COMMENT ON FUNCTION recsys.evaluate(text, timestamptz, text, interval) IS
'What a solution version''s settings would have been worth at a moment of the past: they are trained on the interactions before as_of and
on items created before it, then each user who was active afterwards (at most 10,000) is asked for with his history of then, or without
any, over the whole catalogue; what he chose within the horizon (NULL: up to now) is the truth. Nothing is stored.
value: the mean over users (coverage: the share of items recommended to anybody), low and high its 95 % confidence interval. baseline: the
same of popularity-count on the same data. compared: the same of compare_with, another version of the group, or of the baseline when
that is NULL; difference: value less compared over the users whom both could be asked for, with its 95 % confidence interval and the
p_value of a paired t test: how often chance alone would make a difference as large. users: whom value is the mean of.
Metadata are as they are now; so are settings that a search found. Reads as the current user; takes a training for each of the two
versions. Needs the rights of recsys.create_solution_version. Errors: RS001; 22023 for versions of different groups; 55000 when there is
nothing to train on before as_of or nobody to judge by after it; 0A000 for recipes that count at the request.';

CREATE OR REPLACE FUNCTION recsys.estimate_training(solution text)
RETURNS TABLE (wall_seconds float8, cpu_hours float8, peak_memory bigint, interactions bigint, users bigint, items bigint)
AS 'MODULE_PATHNAME', 'recsys_estimate_training' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION recsys.estimate_training(text) IS
'What training a solution now would take, without training: seconds of wall time with the session''s recsys.train_threads, CPU
hours, bytes of memory at the peak, and the counts it was computed from (interactions and users after the solution''s filter).
Needs the rights of recsys.create_solution_version. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys.wait_for(version text, timeout interval DEFAULT '1 hour') RETURNS text
AS 'MODULE_PATHNAME', 'recsys_wait_for' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.wait_for(text, interval) IS
'Waits until a version is no longer in training, at most for the timeout (a month counts 30 days), and returns its status then;
the reason of a failure comes as a notice. Sees what other transactions commit meanwhile; can be cancelled. Errors: RS001; 55000 for a version created in this transaction
and in transactions of an isolation level above READ COMMITTED.';
