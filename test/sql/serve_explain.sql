-- explain: what a score is made of.
SET client_min_messages = warning;
\set VERBOSITY default
SELECT recsys.create_dataset_group('serve_explain');
SELECT recsys.create_dataset('serve_explain', 'interactions');
SELECT recsys.create_dataset('serve_explain', 'items', '{"kind": "categorical"}');
INSERT INTO serve_explain.items (item_id, kind) SELECT 'i' || i, 'k' || i % 5 FROM generate_series(1, 100) AS i;
-- People go from one item of a kind to the next; a fifth of their steps goes anywhere. Every tenth item is new.
INSERT INTO serve_explain.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || i, 'view', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 400) AS u, generate_series(1, 12) AS n,
    LATERAL (SELECT CASE WHEN (u * n + n) % 5 = 0 THEN (u * 31 + n * 17) % 100 ELSE (u * 3 + n * 5 + u % 7 * 10) % 100 END + 1 AS i) AS x
WHERE i % 10 <> 0;
INSERT INTO serve_explain.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u1', 'i55', 'hide', '2024-03-03');
SELECT recsys.create_solution('se', 'serve_explain', 'user-personalization', negative_event_types => '{hide}');
SELECT recsys.create_solution_version('se', wait => true);
SELECT recsys.create_campaign('se', 'se');
SELECT recsys.create_solution('se_rank', 'serve_explain', 'personalized-ranking');
SELECT recsys.create_solution_version('se_rank', wait => true);
SELECT recsys.create_campaign('se_rank', 'se_rank');

-- The parts add up to the score, for the best items of some users, one without events, and for an item that is new.
SELECT count(*) AS asked, bool_and(abs(e.log_score - ln(r.score)) < 1e-3) AS adds_up, bool_and(e.hidden <= 0.01 * abs(e.logit) + 1e-9) AS nothing_hides
FROM unnest('{u1,u2,u3,u50,nobody}'::text[]) AS u, recsys.get_recommendations('se', u, num_results => 5) AS r,
    LATERAL (SELECT sum(contribution) AS log_score, sum(contribution) FILTER (WHERE source <> 'all items') AS logit,
        coalesce(abs(sum(contribution) FILTER (WHERE source = 'other')), 0) AS hidden FROM recsys.explain('se', u, r.item_id)) AS e;
SELECT count(*) AS events_of_nobody FROM recsys.explain('se', 'nobody', 'i1') WHERE source = 'event';
SELECT DISTINCT source FROM recsys.explain('se', 'u1', 'i10') WHERE source <> 'event' AND source <> 'other' ORDER BY 1;
-- Events are the user's own; experts are those of the model, and add up to their row.
SELECT bool_and(EXISTS (SELECT FROM serve_explain.interactions i WHERE i.user_id = 'u2' AND i.item_id = e.item_id AND i."timestamp" = e."timestamp")) AS own,
    count(*) > 3 AS several FROM recsys.explain('se', 'u2', 'i7') AS e WHERE source = 'event';
SELECT bool_and(x.name IN (SELECT m->>'name' FROM jsonb_array_elements(recsys.describe_solution_version('se/1')->'members') AS m) OR x.name = 'cold_items') AS known,
    bool_and(abs(e.contribution - (SELECT sum(value::float8) FROM jsonb_each_text(e.experts))) < 1e-6) AS adds_up
FROM recsys.explain('se', 'u2', 'i7') AS e, jsonb_object_keys(e.experts) AS x (name);

-- The order of events is that of what the logit loses without them, and the score falls without the strongest.
CREATE FUNCTION pg_temp.losses(a_user text, an_item text) RETURNS TABLE (contribution float8, logit_loss float8, score_loss float8) LANGUAGE plpgsql AS $$
DECLARE e record; r serve_explain.interactions; logit float8; score float8; l float8; s float8;
BEGIN
    SELECT sum(x.contribution) FILTER (WHERE source <> 'all items'), sum(x.contribution) INTO logit, score FROM recsys.explain('se', a_user, an_item) AS x;
    FOR e IN SELECT * FROM recsys.explain('se', a_user, an_item) AS x WHERE source = 'event' LOOP
        DELETE FROM serve_explain.interactions AS i WHERE i.user_id = a_user AND i.item_id = e.item_id AND i."timestamp" = e."timestamp" RETURNING * INTO r;
        SELECT sum(x.contribution) FILTER (WHERE source <> 'all items'), sum(x.contribution) INTO l, s FROM recsys.explain('se', a_user, an_item) AS x;
        INSERT INTO serve_explain.interactions SELECT r.*;
        contribution := e.contribution; logit_loss := logit - l; score_loss := score - s;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT u, (SELECT corr(a, b) >= 0.8 FROM (SELECT rank() OVER (ORDER BY contribution) AS a, rank() OVER (ORDER BY logit_loss) AS b FROM pg_temp.losses(u, item)) AS x) AS agrees,
    (SELECT score_loss > 0 FROM pg_temp.losses(u, item) ORDER BY contribution DESC LIMIT 1) AS strongest_lowers
FROM unnest('{u1,u2,u3,u50}'::text[]) AS u, LATERAL (SELECT item_id AS item FROM recsys.get_recommendations('se', u, num_results => 1)) AS best;

-- A negative event rules out; a campaign that ranks explains as well; a number is an id.
SELECT source, item_id, contribution FROM recsys.explain('se', 'u1', 'i55') WHERE source <> 'all items';
SELECT count(*) > 2 AS told FROM recsys.explain('se_rank', 'u1', 'i7');
SELECT DISTINCT source FROM recsys.explain('se', 17, 'i7') ORDER BY 1;
-- Refused
SELECT * FROM recsys.explain('se', 'u1', 'no such item');
SELECT * FROM recsys.explain('se', NULL::text, 'i7') LIMIT 0;
SELECT * FROM recsys.explain('se', 'u1', NULL);
SELECT * FROM recsys.explain('absent', 'u1', 'i7');
SELECT recsys.create_solution('se_like', 'serve_explain', 'sims');
SELECT recsys.create_solution_version('se_like', wait => true);
SELECT recsys.create_campaign('se_like', 'se_like');
SELECT * FROM recsys.explain('se_like', 'u1', 'i7');

SELECT recsys.delete_campaign(c) FROM unnest('{se,se_rank,se_like}'::text[]) AS c;
SELECT recsys.delete_dataset_group('serve_explain', cascade => true);
