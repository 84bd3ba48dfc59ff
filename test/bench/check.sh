#!/bin/bash
# Examining data: recsys.check and recsys.get_data_insights over 25 million generated events of a mapped table without indexes,
# in comparison with counting its rows; and a cancel in the middle.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open check
events=${EVENTS:-25000000}

sql >/dev/null <<SQL
CREATE TABLE clicks AS SELECT (160000 * power(random(), 2))::int AS customer, (60000 * power(random(), 3))::int AS sku,
    now() - i * interval '4 seconds' AS at, CASE WHEN i % 10 = 0 THEN 'purchase' ELSE 'view' END AS action, (i % 5)::float4 AS device
FROM generate_series(1, $events) AS i;
CREATE TABLE products AS SELECT sku, 'department ' || sku % 20 AS department, sku % 7 <> 0 AS in_stock FROM generate_series(0, 60000) AS sku;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions', source => 'clicks',
    columns => '{"user_id": "customer", "item_id": "sku", "timestamp": "at", "event_type": "action", "device": "device"}');
SELECT recsys.create_dataset('shop', 'items', source => 'products', columns => '{"item_id": "sku", "department": "department", "in_stock": "in_stock"}',
    fields => '{"in_stock": "availability"}');
SQL
sql -c 'VACUUM ANALYZE'
stopwatch
sql -c 'SELECT count(*), max(at) FROM clicks' >/dev/null
stopwatch
measured "counting the rows, seconds" "$seconds"
findings=$(value -c "SELECT string_agg(DISTINCT finding, ', ') FROM recsys.check('shop') WHERE severity = 'warning'")
stopwatch
measured "recsys.check of $events events, seconds" "$seconds" '<=' 120
[ "$findings" = 'missing index' ] || { echo "unexpected findings: $findings" && failed=1; }
sql -c "SELECT count(*) FROM recsys.get_data_insights('shop')" >/dev/null
stopwatch
measured "recsys.get_data_insights, seconds" "$seconds" '<=' 60
sql -c "SET statement_timeout = '1s'" -c "SELECT count(*) FROM recsys.check('shop')" >/dev/null 2>&1 || true
stopwatch
measured "a check that is cancelled after a second, seconds" "$seconds" '<=' 3
exit "$failed"
