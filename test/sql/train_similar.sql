-- similar-items: related items by what people chose and by what items are like.
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('train_similar');
SELECT recsys.create_dataset('train_similar', 'interactions');
SELECT recsys.create_dataset('train_similar', 'items', '{"kind": "categorical", "plot": {"type": "textual", "language": "english"}, "note": "string"}');
SELECT jsonb_array_elements(recsys.describe_recipe('aws-similar-items')->'hyperparameters') - 'reason';
SELECT recipe_type, required_datasets, optional_datasets, needs_user, needs_item, capabilities FROM recsys.recipes WHERE name = 'similar-items';

-- 120 films of six kinds, whose plots have words of their kind; people watch what is of one kind. "twin1" and "twin2" tell of the same
-- thing in other words than the rest, and nobody has seen them; "bare" has neither events nor metadata.
INSERT INTO train_similar.items (item_id, kind, plot)
SELECT 'f' || i, (ARRAY['war', 'love', 'space', 'crime', 'animals', 'history'])[i % 6 + 1],
    (ARRAY['soldiers and generals in battle', 'hearts broken by love', 'rockets bound for distant planets', 'detectives after a murderer',
        'puppies and their masters', 'kings and queens of old'])[i % 6 + 1] || ' number ' || i % 5
FROM generate_series(1, 120) AS i;
INSERT INTO train_similar.items (item_id, kind, plot) VALUES
    ('twin1', 'sport', 'a sailor crosses the ocean in a small boat'), ('twin2', 'sport', 'small boats, an ocean and its sailors'),
    ('soldier', 'war', 'a soldier alone in battle'), ('bare', NULL, NULL);
INSERT INTO train_similar.interactions (user_id, item_id, "timestamp")
SELECT 'u' || u, 'f' || (u % 6 + (u * n * 7 + n) % 20 * 6 + CASE WHEN (u + n) % 9 = 0 THEN 1 ELSE 0 END) % 120 + 1,
    '2024-01-01'::timestamptz + u * interval '1 minute' + n * interval '1 hour'
FROM generate_series(1, 600) AS u, generate_series(1, 8) AS n;
SELECT recsys.create_solution('like', 'train_similar', 'similar-items');
SELECT recsys.create_solution_version('like', wait => true);
SELECT recsys.create_campaign('beside', 'like');

-- texts alike and no events: neighbours, both ways
SELECT item_id, score, reason FROM recsys.get_recommendations('beside', item_id => 'twin1', num_results => 1);
SELECT item_id, score, reason FROM recsys.get_recommendations('beside', item_id => 'twin2', num_results => 1);
-- a film without events goes with those of its kind, and is among what goes with them
SELECT kind, count(*) FROM recsys.get_recommendations('beside', item_id => 'soldier', num_results => 10) JOIN train_similar.items USING (item_id) GROUP BY 1;
SELECT reason FROM recsys.get_recommendations('beside', item_id => 'f6', num_results => 30) WHERE item_id = 'soldier';
-- films with events: their kind, never the film itself
SELECT count(*), count(*) FILTER (WHERE a.kind = b.kind) >= 600 AS of_its_kind, count(*) FILTER (WHERE a.item_id = b.item_id) AS itself
FROM train_similar.items AS a, recsys.get_recommendations('beside', item_id => a.item_id, num_results => 10) AS r JOIN train_similar.items AS b
    ON b.item_id = r.item_id WHERE a.item_id LIKE 'f%';
-- nothing known, or nobody knows it: popular items, which say so
SELECT DISTINCT reason FROM recsys.get_recommendations('beside', item_id => 'bare');
SELECT DISTINCT reason FROM recsys.get_recommendations('beside', item_id => 'no such film');
SELECT count(*) FROM recsys.get_recommendations('beside', item_id => 'f1', num_results => 500);
-- filters, and a user for them
SELECT recsys.create_filter('unseen', 'train_similar', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")');
SELECT recsys.create_filter('of_kind', 'train_similar', 'INCLUDE ItemID WHERE Items.kind IN ($kind)');
SELECT DISTINCT kind FROM recsys.get_recommendations('beside', item_id => 'f1', filter => 'of_kind', filter_values => '{"kind": "\"war\""}')
    JOIN train_similar.items USING (item_id);
SELECT count(*) FROM recsys.get_recommendations('beside', 'u5', item_id => 'f6', num_results => 100, filter => 'unseen') AS r
WHERE EXISTS (SELECT FROM train_similar.interactions i WHERE i.user_id = 'u5' AND i.item_id = r.item_id);

-- what is left out of the training tells nothing
SELECT recsys.create_solution('blind', 'train_similar', 'similar-items', excluded_columns => '{"items": ["kind", "plot"]}');
SELECT recsys.create_solution_version('blind', wait => true);
SELECT recsys.create_campaign('blind', 'blind');
SELECT DISTINCT reason FROM recsys.get_recommendations('blind', item_id => 'twin1');
SELECT DISTINCT reason FROM recsys.get_recommendations('blind', item_id => 'f1', num_results => 5);

-- the use case of the domain: the same, without what the user watched
SELECT recsys.create_dataset_group('train_similar_video', 'VIDEO_ON_DEMAND');
SELECT recsys.create_dataset('train_similar_video', 'interactions', source => 'train_similar.interactions', columns => '{"event_type": {"constant": "Watch"}}');
SELECT recsys.create_dataset('train_similar_video', 'items', '{"genres": "categorical", "plot": {"type": "textual", "language": "english"}}', source => 'train_similar.items',
    columns => '{"genres": "kind"}');
SELECT recsys.create_recommender('more', 'train_similar_video', 'vod-more-like-x', wait => true);
SELECT item_id, reason FROM recsys.get_recommendations('more', 'u5', 'twin1', 1);
SELECT count(*) > 0, count(*) FILTER (WHERE EXISTS (SELECT FROM train_similar.interactions i WHERE i.user_id = 'u5' AND i.item_id = r.item_id)) AS watched
FROM recsys.get_recommendations('more', 'u5', 'f6', 100) AS r;

-- refused
\set VERBOSITY terse
SELECT recsys.create_solution('x', 'train_similar', 'similar-items', hyperparameters => '{"popularity_discount_factor": 1.5}');
SELECT recsys.create_solution('x', 'train_similar', 'similar-items', hyperparameters => '{"item_id_hidden_dim": 29}');
SELECT recsys.create_solution('x', 'train_similar', 'similar-items', hyperparameters => '{"min_cointeraction_count": 3}');
SELECT recsys.create_solution_version('like', 'UPDATE', wait => true);
SELECT * FROM recsys.get_recommendations('beside', 'u5');
SELECT * FROM recsys.get_personalized_ranking('beside', 'u5', '{f1}');

SELECT recsys.delete_campaign(c) FROM unnest('{beside,blind}'::text[]) AS c;
SELECT recsys.delete_recommender('more');
SELECT recsys.delete_dataset_group(g, cascade => true) FROM unnest('{train_similar_video,train_similar}'::text[]) AS g;
