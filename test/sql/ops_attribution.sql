-- Metric attribution: figures by source equal those added up by hand.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SELECT recsys.create_dataset_group('attrib');
SELECT recsys.create_dataset('attrib', 'interactions', fields => '{"quantity": "int", "note": "string"}');
SELECT recsys.create_dataset('attrib', 'items', fields => '{"price": "float", "genre": "categorical"}');
INSERT INTO attrib.items (item_id, price) SELECT 'i' || n, n FROM generate_series(1, 10) AS n;
INSERT INTO attrib.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 20, 'i' || 1 + n % 10, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 200) AS n;
SELECT recsys.create_solution('popular', 'attrib', 'popularity-count');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.create_campaign('home', 'popular');
SELECT recsys.create_campaign('cart', 'popular');

-- bad input
SELECT recsys.create_metric_attribution('brought', 'attrib', '{}');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[1]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "AVG(Items.price)"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SUM(Users.age)"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SUM(Items.weight)"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SUM(Items.genre)"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SUM(Interactions.note)"}]');
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SUM(Items.price); DROP TABLE x"}]');
SELECT recsys.create_metric_attribution('bad name', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SAMPLECOUNT()"}]');
SELECT recsys.create_metric_attribution('brought', 'nothing', '[{"metricName": "n", "eventType": "Click", "expression": "SAMPLECOUNT()"}]');
SELECT recsys.get_attributed_metrics('brought');

-- made, and made to have begun at a known time
SELECT recsys.create_metric_attribution('brought', 'attrib', '[{"metricName": "clicks", "eventType": "Click", "expression": "samplecount( )"},
    {"metric_name": "revenue", "event_type": "Purchase", "expression": "SUM(Items.PRICE)"},
    {"metricName": "pieces", "eventType": "Purchase", "expression": "SUM(Interactions.quantity)"}]');
SELECT recsys.create_metric_attribution('again', 'attrib', '[{"metricName": "n", "eventType": "Click", "expression": "SAMPLECOUNT()"}]');
SELECT name, metric_name, event_type, expression, created_at > now() - interval '1 minute' FROM recsys.metric_attributions WHERE dataset_group = 'attrib';
SELECT recsys.describe_metric_attribution('brought') - '{created_at,updated_at}'::text[];
SELECT * FROM recsys.get_attributed_metrics('brought');
UPDATE recsys_internal.attributed_metric SET created_at = '2024-02-01 10:00';

SELECT recommendation_id AS home FROM recsys.get_recommendations('home', num_results => 3) LIMIT 1 \gset
SELECT recommendation_id AS cart FROM recsys.get_recommendations('cart', num_results => 3) LIMIT 1 \gset
INSERT INTO attrib.interactions (user_id, item_id, event_type, "timestamp", quantity, event_attribution_source, recommendation_id) VALUES
    ('a', 'i1', 'Click', '2024-02-01 09:59:59.999999', NULL, 'mail', NULL),             -- before the metrics
    ('a', 'i1', 'Click', '2024-02-01 10:00', NULL, 'mail', NULL),
    ('a', 'i2', 'Click', '2024-02-01 10:14:59', NULL, NULL, :'home'),
    ('b', 'i2', 'Click', '2024-02-01 10:15', NULL, NULL, :'home'),
    ('b', 'i3', 'Click', '2024-02-01 10:16', NULL, 'mail', :'home'),                    -- what the event says wins
    ('b', 'i3', 'Click', '2024-02-01 10:17', NULL, NULL, 'RID-of-somebody-else'),
    ('b', 'i3', 'Click', '2024-02-01 10:18', NULL, NULL, NULL),
    ('a', 'i5', 'Purchase', '2024-02-01 10:20', 2, NULL, :'home'),
    ('b', 'i7', 'Purchase', '2024-02-01 10:21', NULL, NULL, :'home'),                    -- no quantity: adds nothing
    ('c', 'i10', 'Purchase', '2024-02-01 10:22', 3, NULL, :'cart'),
    ('c', 'unknown', 'Purchase', '2024-02-01 10:23', 1, NULL, :'cart'),                  -- no price
    ('c', 'i1', 'Watch', '2024-02-01 10:24', 1, NULL, :'cart');
SELECT * FROM recsys.get_attributed_metrics('brought');
\echo -- sums do not depend on the windows
SELECT metric_name, event_attribution_source, sum(value) FROM recsys.get_attributed_metrics('brought') GROUP BY 1, 2
EXCEPT SELECT metric_name, event_attribution_source, value FROM recsys.get_attributed_metrics('brought', width => '1 week');
SELECT metric_name, value, event_attribution_source, "timestamp" FROM recsys.get_attributed_metrics('brought', since => '2024-02-01 10:15', until => '2024-02-01 10:17', width => '1 hour');
SELECT * FROM recsys.get_attributed_metrics('brought', width => '1 month');
SELECT * FROM recsys.get_attributed_metrics('brought', width => '0');
\echo -- an event taken back counts no more; a campaign that is gone leaves its events without a name
BEGIN;
INSERT INTO attrib.interactions (user_id, item_id, event_type, "timestamp") VALUES ('z', 'i1', 'Click', '2024-02-02');
SELECT count(*) FROM recsys.get_attributed_metrics('brought', since => '2024-02-02');
ROLLBACK;
SELECT count(*) FROM recsys.get_attributed_metrics('brought', since => '2024-02-02');
SELECT recsys.delete_campaign('cart');
SELECT metric_name, value FROM recsys.get_attributed_metrics('brought', width => '1 day') WHERE event_attribution_source = 'SOURCE_NAME_UNDEFINED';

-- changes
SELECT recsys.update_metric_attribution('brought', remove_metrics => '{clicks,pieces,revenue}');
SELECT recsys.update_metric_attribution('brought', remove_metrics => '{nothing}', add_metrics => '[{"metricName": "n", "eventType": "Click", "expression": "SAMPLECOUNT()"}]');
SELECT recsys.update_metric_attribution('brought', add_metrics => '[{"metricName": "clicks", "eventType": "Watch", "expression": "SAMPLECOUNT()"}]');
SELECT recsys.update_metric_attribution('brought', remove_metrics => '{clicks,pieces}', add_metrics => '[{"metricName": "clicks", "eventType": "Watch", "expression": "SAMPLECOUNT()"}]');
SELECT metric_name, event_type, expression FROM recsys.metric_attributions WHERE dataset_group = 'attrib';
SET recsys.service_limits = on;
SELECT recsys.update_metric_attribution('brought', add_metrics => (SELECT jsonb_agg(jsonb_build_object('metricName', n, 'eventType', 'Click', 'expression', 'SAMPLECOUNT()'))
    FROM unnest('{a,b,c,d,e,f,g,h,i}'::text[]) AS n));
RESET recsys.service_limits;

-- a column that its owner drops is named
ALTER TABLE attrib.items DROP COLUMN price;
SELECT * FROM recsys.get_attributed_metrics('brought');

-- rights
CREATE ROLE regress_attribution NOLOGIN;
SET ROLE regress_attribution;
SELECT * FROM recsys.get_attributed_metrics('brought');
SELECT count(*) FROM recsys.metric_attributions WHERE dataset_group = 'attrib';
RESET ROLE;
DROP ROLE regress_attribution;
SELECT recsys.delete_metric_attribution('brought');
SELECT recsys.delete_metric_attribution('brought');
SELECT recsys.delete_dataset_group('attrib', cascade => true);
