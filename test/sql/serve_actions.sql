-- Next best action: what is answered, in which order, and what is left out.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_actions');
SELECT recsys.create_dataset('serve_actions', 'interactions');
SELECT recsys.create_dataset('serve_actions', 'actions', '{"channel": "categorical"}');
SELECT recsys.create_dataset('serve_actions', 'action_interactions');
SELECT recsys.create_dataset('serve_actions', 'users', '{"plan": "categorical", "age": "float"}');
SELECT recsys.create_event_tracker('serve_actions', 'serve_actions') IS NOT NULL;

-- Six actions. What a user takes depends on his plan and on the pages that he looked at; "survey" and "newsletter" are taken most
-- and worth least, "loan" is worth much to few.
CREATE FUNCTION pg_temp.uniform(seed text) RETURNS float8 LANGUAGE sql AS $$ SELECT ('x' || substr(md5(seed), 1, 8))::bit(32)::bigint / 4294967296.0 $$;
CREATE TEMP TABLE person AS
	SELECT u, 'u' || u AS user_id, pg_temp.uniform('gold' || u) < 0.33 AS gold, pg_temp.uniform('page' || u) < 0.5 AS looked_at_loans
	FROM generate_series(1, 1500) AS u;
CREATE FUNCTION pg_temp.chance(action text, gold boolean, looked_at_loans boolean) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE action WHEN 'loan' THEN CASE WHEN gold AND looked_at_loans THEN 0.5 ELSE 0.02 END
		WHEN 'card' THEN CASE WHEN gold THEN 0.3 ELSE 0.05 END
		WHEN 'insurance' THEN CASE WHEN looked_at_loans THEN 0.6 ELSE 0.1 END
		WHEN 'savings' THEN CASE WHEN gold THEN 0.1 ELSE 0.7 END
		WHEN 'newsletter' THEN 0.7 ELSE 0.8 END $$;
INSERT INTO serve_actions.actions (action_id, value, creation_timestamp, channel) VALUES
	('loan', 40, now() - interval '90 days', 'branch'), ('card', 20, now() - interval '90 days', 'mail'),
	('insurance', 12, now() - interval '90 days', 'branch'), ('savings', 8, now() - interval '90 days', 'mail'),
	('newsletter', 3, now() - interval '90 days', 'mail'), ('survey', 2, now() - interval '90 days', 'mail');
INSERT INTO serve_actions.users (user_id, plan, age) SELECT user_id, CASE WHEN gold THEN 'gold' ELSE 'basic' END, 20 + u % 60 FROM person;
INSERT INTO serve_actions.interactions (user_id, item_id, event_type, "timestamp")
	SELECT user_id, CASE WHEN looked_at_loans THEN 'loans' ELSE 'accounts' END || n, 'view', now() - interval '45 days' + n * interval '1 hour'
	FROM person, generate_series(1, 3) AS n;
INSERT INTO serve_actions.action_interactions (user_id, action_id, event_type, "timestamp")
	SELECT user_id, a.action_id,
		CASE WHEN pg_temp.uniform('takes' || u || '/' || n) < pg_temp.chance(a.action_id, gold, looked_at_loans) THEN 'Taken'
			WHEN n % 2 = 0 THEN 'Not taken' ELSE 'VIEWED' END,
		now() - (1 + 35 * pg_temp.uniform('time' || u || '/' || n)) * interval '1 day'
	FROM person, generate_series(1, 5) AS n,
		LATERAL (SELECT (ARRAY['loan', 'card', 'insurance', 'savings', 'newsletter', 'survey'])[1 + floor(6 * pg_temp.uniform('which' || u || '/' || n))::int] AS action_id) AS a
	WHERE u <= 1200;
-- two that wait for answers: one has too few, one had enough, but too long ago
INSERT INTO serve_actions.actions (action_id, value, creation_timestamp) VALUES ('rare', 5, now() - interval '60 days'), ('faded', 9, now() - interval '200 days');
INSERT INTO serve_actions.action_interactions (user_id, action_id, event_type, "timestamp")
	SELECT 'u' || n, 'rare', CASE WHEN n <= 49 THEN 'Taken' ELSE 'Viewed' END, now() - interval '3 days' FROM generate_series(1, 149) AS n;
INSERT INTO serve_actions.action_interactions (user_id, action_id, event_type, "timestamp")
	SELECT 'u' || n, 'faded', CASE WHEN n <= 100 THEN 'Taken' ELSE 'Viewed' END, now() - interval '60 days' FROM generate_series(1, 200) AS n;

SELECT recsys.create_solution('sa', 'serve_actions', 'aws-next-best-action', hyperparameters => '{"action_optimization_period": 10}');
SELECT recsys.create_solution_version('sa', wait => true);
SELECT recsys.create_campaign('sa', 'sa');

-- metrics, in order; the probabilities hold
SELECT metric, value BETWEEN 0 AND 1 AS plausible FROM recsys.get_solution_metrics('sa/1');
SELECT max(value) FILTER (WHERE metric = 'area_under_curve') > 0.7 AS tells_apart, max(value) FILTER (WHERE metric = 'calibration_error') < 0.08 AS holds
	FROM recsys.get_solution_metrics('sa/1');
SELECT s -> 'actions' AS actions, (s ->> 'action_interactions')::int > 6000 AS answers FROM (SELECT recsys.describe_solution_version('sa/1') -> 'data_summary' AS s) AS x;

-- an answer
SELECT count(*), min(score) > 0 AS scored, max(score) < 1 AS probabilities, array_agg(rank) AS ranks, array_agg(DISTINCT reason) AS reasons,
	count(DISTINCT recommendation_id), bool_and(score >= next) AS descending
	FROM (SELECT *, lead(score, 1, 0) OVER (ORDER BY rank) AS next FROM recsys.get_action_recommendations('sa', 'u1', 20) WHERE reason <> 'exploration') AS a;
SELECT count(*) AS five FROM recsys.get_action_recommendations('sa', 'u1');
SELECT count(*) AS five FROM recsys.get_action_recommendations('sa', 'u1', 0);
-- with too few answers, lately: score 0, last; equal scores by value
SELECT action_id, score, reason FROM recsys.get_action_recommendations('sa', 'u1', 20) WHERE rank > 6;
-- one place in five is theirs, the same one all day
SELECT count(*) FILTER (WHERE reason = 'exploration') AS explored, count(*) FROM recsys.get_action_recommendations('sa', 'u1', 5);
SELECT count(*) BETWEEN 20 AND 120 AS one_in_five FROM generate_series(1, 300) AS u, recsys.get_action_recommendations('sa', 'u' || u, 1) WHERE reason = 'exploration';
SELECT count(DISTINCT action_id) AS both FROM generate_series(1, 50) AS u, recsys.get_action_recommendations('sa', 'u' || u, 5) WHERE reason = 'exploration';

-- users who were never asked: score times value earns more than any one action for everybody, and than the most popular
CREATE TEMP TABLE offer AS
	SELECT p.user_id, a.action_id, a.value, r.score, pg_temp.chance(a.action_id, gold, looked_at_loans) AS chance
	FROM person AS p, recsys.get_action_recommendations('sa', p.user_id, 20) AS r JOIN serve_actions.actions AS a USING (action_id)
	WHERE p.u > 1200 AND reason <> 'exploration';
WITH chosen AS (SELECT DISTINCT ON (user_id) user_id, value * chance AS earns FROM offer ORDER BY user_id, score * value DESC),
	single AS (SELECT action_id, sum(value * chance) AS earns, avg(chance) AS popularity FROM offer GROUP BY action_id)
SELECT (SELECT sum(earns) FROM chosen) > 1.2 * (SELECT max(earns) FROM single) AS beats_best_single,
	(SELECT sum(earns) FROM chosen) > 2 * (SELECT earns FROM single ORDER BY popularity DESC LIMIT 1) AS beats_most_popular;
SELECT avg(abs(score - chance)) < 0.08 AS near_the_truth FROM offer;

-- a user of whom nothing is known; numbers as users
SELECT count(*), array_agg(DISTINCT reason) FROM recsys.get_action_recommendations('sa', 'nobody', 20) WHERE reason <> 'exploration';
SELECT count(*) FROM recsys.get_action_recommendations('sa', 42, 20);

-- an answer or an event counts at once, and is taken back with the transaction
CREATE TEMP TABLE before AS SELECT action_id, score FROM recsys.get_action_recommendations('sa', 'u1300', 20);
BEGIN;
SELECT recsys.put_action_interactions('serve_actions', jsonb_build_array(jsonb_build_object('actionId', 'savings', 'sessionId', 's', 'userId', 'u1300',
	'eventType', 'TAKEN', 'timestamp', extract(epoch FROM now())::bigint)));
SELECT bool_or(a.score <> b.score) AS changed FROM recsys.get_action_recommendations('sa', 'u1300', 20) AS a JOIN before AS b USING (action_id);
ROLLBACK;
SELECT bool_or(a.score <> b.score) AS changed FROM recsys.get_action_recommendations('sa', 'u1300', 20) AS a JOIN before AS b USING (action_id);
BEGIN;
INSERT INTO serve_actions.interactions (user_id, item_id, event_type, "timestamp") SELECT 'fresh', 'loans' || n, 'view', now() FROM generate_series(1, 3) AS n;
SELECT a.score > b.score AS likelier, a.reason, b.reason FROM recsys.get_action_recommendations('sa', 'fresh', 20) AS a,
	recsys.get_action_recommendations('sa', 'nobody', 20) AS b WHERE a.action_id = 'insurance' AND b.action_id = 'insurance';
UPDATE serve_actions.users SET plan = 'gold' WHERE user_id = (SELECT min(user_id) FROM person WHERE u > 1200 AND NOT gold);
SELECT a.score < o.score AS gold_saves_less FROM (SELECT min(user_id) AS user_id FROM person WHERE u > 1200 AND NOT gold) AS p,
	recsys.get_action_recommendations('sa', p.user_id, 20) AS a JOIN offer AS o USING (action_id) WHERE a.action_id = 'savings' AND o.user_id = p.user_id;
ROLLBACK;

-- left out: expired, not created yet, deleted; a new one is explored
CREATE FUNCTION pg_temp.shown(who text, VARIADIC filter text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(action_id, ' ' ORDER BY action_id COLLATE "C") FROM recsys.get_action_recommendations('sa', who, 20, filter[1], coalesce(filter[2], '{}')::jsonb) $$;
BEGIN;
UPDATE serve_actions.actions SET expiration_timestamp = now() - interval '1 second' WHERE action_id = 'loan';
UPDATE serve_actions.actions SET expiration_timestamp = 'infinity' WHERE action_id = 'card';
UPDATE serve_actions.actions SET creation_timestamp = now() + interval '1 day' WHERE action_id = 'survey';
DELETE FROM serve_actions.actions WHERE action_id = 'faded';
SELECT recsys.put_actions('serve_actions', '[{"actionId": "brand new", "properties": {"value": 7}}]');
SELECT pg_temp.shown('nobody');
SELECT action_id, score, reason FROM recsys.get_action_recommendations('sa', 'nobody', 20) WHERE reason = 'exploration';
ROLLBACK;

-- left out for as many days as repeat_frequency says after any answer
BEGIN;
UPDATE serve_actions.actions SET repeat_frequency = 7 WHERE action_id IN ('loan', 'card', 'savings');
UPDATE serve_actions.actions SET repeat_frequency = 0 WHERE action_id = 'survey';
INSERT INTO serve_actions.action_interactions (user_id, action_id, event_type, "timestamp") VALUES
	('repeats', 'loan', 'Viewed', now() - interval '6 days 23 hours'), ('repeats', 'card', 'Taken', now() - interval '7 days 1 minute'),
	('alias', 'savings', 'Not taken', now() - interval '1 day'), ('repeats', 'survey', 'Taken', now()), ('repeats', 'newsletter', 'Taken', now());
SELECT pg_temp.shown('repeats');
INSERT INTO serve_actions.user_aliases (alias_id, user_id) VALUES ('alias', 'repeats');
SELECT pg_temp.shown('repeats');
ROLLBACK;

-- filters
SELECT recsys.create_filter('sa_mail', 'serve_actions', 'INCLUDE ActionID WHERE Actions.CHANNEL IN ($CHANNEL)');
SELECT recsys.create_filter('sa_declined', 'serve_actions', 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("Not taken")');
SELECT recsys.create_filter('sa_items', 'serve_actions', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")');
SELECT pg_temp.shown('nobody', 'sa_mail', '{"CHANNEL": "\"mail\""}');
BEGIN;
UPDATE serve_actions.actions SET expiration_timestamp = now() WHERE action_id = 'card';
SELECT pg_temp.shown('nobody', 'sa_mail', '{"CHANNEL": "\"mail\""}');
INSERT INTO serve_actions.action_interactions (user_id, action_id, event_type, "timestamp") VALUES ('nobody', 'savings', 'Not taken', now());
SELECT pg_temp.shown('nobody', 'sa_declined');
ROLLBACK;
SELECT pg_temp.shown('nobody', 'sa_items');
SELECT pg_temp.shown('nobody', 'absent');

-- refused
SELECT * FROM recsys.get_action_recommendations('sa', NULL::text);
SELECT * FROM recsys.get_action_recommendations('sa', 'u1', -1);
SELECT * FROM recsys.get_action_recommendations('absent', 'u1');
SELECT * FROM recsys.get_recommendations('sa', 'u1');
SELECT * FROM recsys.get_personalized_ranking('sa', 'u1', ARRAY['loan']);
SELECT * FROM recsys.why_not('sa', 'u1', 'loan');
SELECT recsys.create_solution('sa_pop', 'serve_actions', 'popularity-count');
SELECT recsys.create_solution_version('sa_pop', wait => true);
SELECT recsys.create_campaign('sa_pop', 'sa_pop');
SELECT * FROM recsys.get_action_recommendations('sa_pop', 'u1');
SELECT recsys.create_solution('sa_bad', 'serve_actions', 'next-best-action', hyperparameters => '{"action_optimization_period": 29}');
SET recsys.service_limits = on;
SELECT * FROM recsys.get_action_recommendations('sa', 'u1', 101);
RESET recsys.service_limits;

-- a column that is not learned from says nothing
SELECT recsys.create_solution('sa_less', 'serve_actions', 'next-best-action', excluded_columns => '{"users": ["plan"], "actions": ["channel"]}');
SELECT recsys.create_solution_version('sa_less', wait => true);
SELECT recsys.create_campaign('sa_less', 'sa_less');
CREATE TEMP TABLE unplanned AS SELECT action_id, score FROM recsys.get_action_recommendations('sa_less', 'u1300', 20);
BEGIN;
UPDATE serve_actions.users SET plan = CASE plan WHEN 'gold' THEN 'basic' ELSE 'gold' END WHERE user_id = 'u1300';
SELECT bool_or(a.score <> b.score) AS changed FROM recsys.get_action_recommendations('sa', 'u1300', 20) AS a JOIN before AS b USING (action_id);
SELECT bool_or(a.score <> b.score) AS changed FROM recsys.get_action_recommendations('sa_less', 'u1300', 20) AS a JOIN unplanned AS b USING (action_id);
ROLLBACK;

-- unprompted: who acts without being asked
SELECT recsys.create_solution('sa_own', 'serve_actions', 'next-best-action', hyperparameters => '{"prompted": false}');
SELECT recsys.create_solution_version('sa_own', wait => true);
SELECT recsys.create_campaign('sa_own', 'sa_own');
SELECT a.score < b.score AS rarer FROM recsys.get_action_recommendations('sa_own', 'u1300', 20) AS a JOIN recsys.get_action_recommendations('sa', 'u1300', 20) AS b USING (action_id) WHERE action_id = 'survey';

-- little or strange data
CREATE FUNCTION pg_temp.little(g text, answers text) RETURNS TABLE (action_id text, scored boolean, reason text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM recsys.create_dataset_group(g);
	PERFORM recsys.create_dataset(g, 'interactions');
	PERFORM recsys.create_dataset(g, 'actions', '{"price": "float"}');
	EXECUTE format('INSERT INTO %I.interactions (user_id, item_id, event_type, "timestamp") SELECT ''u'' || n, ''i'', ''x'', now() FROM generate_series(1, 5) AS n', g);
	EXECUTE format('INSERT INTO %I.actions (action_id, value, price) VALUES (''a'', ''NaN'', ''NaN''), (''b'', ''Infinity'', ''-Infinity''), (''c'', NULL, NULL)', g);
	IF answers IS NOT NULL THEN
		PERFORM recsys.create_dataset(g, 'action_interactions');
		EXECUTE format('INSERT INTO %I.action_interactions (user_id, action_id, event_type, "timestamp") %s', g, answers);
	END IF;
	PERFORM recsys.create_solution('s', g, 'next-best-action');
	PERFORM recsys.create_solution_version(g || '.s', wait => true);
	PERFORM recsys.create_campaign('c', g || '.s');
	RETURN QUERY SELECT r.action_id, r.score > 0, r.reason FROM recsys.get_action_recommendations(g || '.c', 'u1') AS r;
	PERFORM recsys.delete_dataset_group(g, cascade => true);
END $$;
SELECT * FROM pg_temp.little('sa_no_answers', NULL);
SELECT * FROM pg_temp.little('sa_empty', 'SELECT ''u'', ''a'', ''Taken'', now() WHERE false');
SELECT * FROM pg_temp.little('sa_one_user', 'SELECT ''u1'', ''a'', CASE n % 2 WHEN 0 THEN ''Taken'' ELSE ''Viewed'' END, now() - n * interval ''1 hour'' FROM generate_series(1, 200) AS n');
SELECT * FROM pg_temp.little('sa_all_taken', 'SELECT ''u'' || n, ''a'', ''Taken'', now() FROM generate_series(1, 200) AS n');
SELECT * FROM pg_temp.little('sa_none_taken', 'SELECT ''u'' || n, ''a'', ''Not taken'', now() FROM generate_series(1, 200) AS n');
SELECT * FROM pg_temp.little('sa_no_such_word', 'SELECT ''u'' || n, ''a'', ''click'', now() FROM generate_series(1, 200) AS n');
SELECT * FROM pg_temp.little('sa_forever', 'SELECT ''u'' || n, ''a'', ''Taken'', ''infinity'' FROM generate_series(1, 2) AS n');
SELECT recsys.create_dataset_group('sa_none');
SELECT recsys.create_dataset('sa_none', 'interactions');
INSERT INTO sa_none.interactions (user_id, item_id, "timestamp") VALUES ('u', 'i', now());
SELECT recsys.create_solution('sa_none', 'sa_none', 'next-best-action');
SELECT recsys.create_solution_version('sa_none', wait => true);
SELECT recsys.create_dataset('sa_none', 'actions');
SELECT recsys.create_solution_version('sa_none', wait => true);
SELECT recsys.delete_dataset_group('sa_none', cascade => true);
SELECT recsys.delete_dataset_group('serve_actions', cascade => true);
