-- Young items: eligibility by age, a bonus that falls with what is known of them, impressions told or found through the id of an
-- answer, new items by an update.
\set VERBOSITY default
SET timezone = 'UTC';
SELECT recsys.create_dataset_group('explore');
SELECT recsys.create_dataset('explore', 'interactions', '{}');
SELECT recsys.create_dataset('explore', 'items', '{"category": "categorical"}');
-- Items of two categories; each user keeps to one of them. All are a year old.
INSERT INTO explore.items (item_id, category, creation_timestamp)
SELECT 'i' || n, CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, now() - interval '1 year' FROM generate_series(1, 120) AS n;
INSERT INTO explore.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || (u % 2 + 2 * ((abs(hashint4(u * 1000 + e)) % (1 + abs(hashint4(u * 77 + e)) % 60)))), 'view', now() - interval '200 days' + e * interval '1 day' + u * interval '1 second'
FROM generate_series(1, 400) AS u, generate_series(1, 20) AS e
WHERE (u % 2 + 2 * ((abs(hashint4(u * 1000 + e)) % (1 + abs(hashint4(u * 77 + e)) % 60)))) BETWEEN 1 AND 120;
-- Ten new ones that nobody has met.
INSERT INTO explore.items (item_id, category, creation_timestamp)
SELECT 'new' || n, CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, now() - interval '1 day' FROM generate_series(1, 10) AS n;
SELECT recsys.create_solution('explore_s', 'explore', 'user-personalization');
SELECT recsys.create_solution_version('explore_s', wait => true);
SELECT recsys.create_campaign('explore_c', 'explore_s', exploration_weight => 0);
SELECT recsys.describe_campaign('explore_c')->>'exploration_weight', recsys.describe_campaign('explore_c')->>'exploration_item_age_cut_off';

CREATE FUNCTION pg_temp.explored(weight float8, who text DEFAULT 'u2') RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM recsys.update_campaign('explore_c', exploration_weight => weight);
	RETURN (SELECT count(*) FROM recsys.get_recommendations('explore_c', who) WHERE reason = 'exploration');
END $$;
-- None without weight; more weight, more of them, and never fewer.
SELECT pg_temp.explored(0);
SELECT pg_temp.explored(1) >= 4 AS shown, pg_temp.explored(0.1) <= pg_temp.explored(0.5) AND pg_temp.explored(0.5) <= pg_temp.explored(1) AS monotone;
-- Affinity orders them: of the user's own category come first.
SELECT bool_and(item_id ~ '[02468]$') FROM (SELECT item_id FROM recsys.get_recommendations('explore_c', 'u2') WHERE reason = 'exploration' ORDER BY rank LIMIT 3) AS best;
-- The page holds still.
SELECT array_agg(item_id ORDER BY rank) = (SELECT array_agg(item_id ORDER BY rank) FROM recsys.get_recommendations('explore_c', 'u2')) FROM recsys.get_recommendations('explore_c', 'u2');
-- The scores of all items are still shares.
SELECT round(sum(score)::numeric, 4) FROM recsys.get_recommendations('explore_c', 'u2', num_results => 1000);
-- An explanation names it, and still adds up.
SELECT abs(sum(e.contribution) - min(ln(r.score))) < 1e-3 AS adds_up, count(*) FILTER (WHERE e.source = 'exploration') AS explored
FROM (SELECT * FROM recsys.get_recommendations('explore_c', 'u2') WHERE reason = 'exploration' ORDER BY rank LIMIT 1) AS r, recsys.explain('explore_c', 'u2', r.item_id) AS e;
-- Younger than the cut-off only.
SELECT recsys.update_campaign('explore_c', exploration_item_age_cut_off => 1);
SELECT pg_temp.explored(1);
SELECT recsys.update_campaign('explore_c', exploration_item_age_cut_off => 0);
SELECT recsys.update_campaign('explore_c', exploration_weight => 1.5);

-- Impressions: what was shown and not chosen is known better after an update. One event tells the whole answer by its id.
SELECT recsys.update_campaign('explore_c', exploration_weight => 1, exploration_item_age_cut_off => 30);
CREATE TEMP TABLE shown AS SELECT * FROM recsys.get_recommendations('explore_c', 'u2', num_results => 25);
SELECT count(*) BETWEEN 3 AND 8 AS some FROM shown WHERE reason = 'exploration';
CREATE TEMP TABLE probe AS SELECT * FROM recsys.get_recommendations('explore_c', 'u8', num_results => 1000);
INSERT INTO explore.interactions (user_id, item_id, event_type, "timestamp", recommendation_id)
SELECT 'u2', item_id, 'view', now(), recommendation_id FROM shown WHERE rank = 1;
INSERT INTO explore.interactions (user_id, item_id, event_type, "timestamp", recommendation_id) VALUES ('u4', 'i2', 'view', now(), 'RID-nonsense');
SELECT recsys.create_solution_version('explore_s', training_mode => 'UPDATE', wait => true);
SELECT recsys.describe_solution_version('explore_s')->'data_summary'->>'lists_shown' AS lists, recsys.describe_solution_version('explore_s')->'data_summary'->>'unresolved_recommendation_ids' AS unresolved;
SELECT recsys.update_campaign('explore_c', solution_version => 'explore_s');
-- A list is a tenth of an interaction: the shown ones have lost more, for everybody, than those that nobody saw.
SELECT avg(ln(after.score / before.score)) FILTER (WHERE shown.item_id IS NOT NULL) < avg(ln(after.score / before.score)) FILTER (WHERE shown.item_id IS NULL) - 0.01 AS fell
FROM probe AS before JOIN recsys.get_recommendations('explore_c', 'u8', num_results => 1000) AS after USING (item_id) LEFT JOIN shown USING (item_id)
WHERE item_id LIKE 'new%';

-- A new item comes with an update, and stands where its category belongs.
INSERT INTO explore.items (item_id, category, creation_timestamp) VALUES ('late_even', 'even', now()), ('late_odd', 'odd', now());
SELECT recsys.create_solution_version('explore_s', training_mode => 'UPDATE', wait => true);
SELECT recsys.update_campaign('explore_c', solution_version => 'explore_s', exploration_weight => 0);
SELECT (SELECT score FROM recsys.get_recommendations('explore_c', 'u2', num_results => 1000) WHERE item_id = 'late_even')
	> (SELECT score FROM recsys.get_recommendations('explore_c', 'u2', num_results => 1000) WHERE item_id = 'late_odd') AS fits;

-- Recipes that do not explore.
SELECT recsys.create_solution('explore_p', 'explore', 'popularity-count');
SELECT recsys.create_solution_version('explore_p', wait => true);
SELECT recsys.create_campaign('explore_pc', 'explore_p', exploration_weight => 0.5);
SELECT recsys.delete_dataset_group('explore', cascade => true);
