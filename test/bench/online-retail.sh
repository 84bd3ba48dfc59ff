#!/bin/bash
# A real shop's invoices (online-retail) as a company keeps them, in tables of orders, order lines and products: mapped, beside a
# managed group filled with the same rows. The models and the answers for 200 customers must be the same; what mapping costs is printed.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open online-retail online-retail/lines.csv.gz

sql -c 'CREATE TABLE lines (invoice text, stock_code text, description text, quantity integer, invoiced_at timestamp, unit_price numeric,
	customer_id integer, country text)'
load online-retail/lines.csv.gz lines
# Purchases are what a known customer took and did not send back (invoices of returns begin with C).
sql >/dev/null <<'SQL'
CREATE TABLE products AS SELECT stock_code, mode() WITHIN GROUP (ORDER BY description) AS description, max(unit_price) AS unit_price,
	min(invoiced_at) AS added FROM lines WHERE stock_code IS NOT NULL GROUP BY stock_code;
ALTER TABLE products ADD PRIMARY KEY (stock_code);
CREATE TABLE orders AS SELECT invoice::bigint AS order_no, min(customer_id) AS customer_no, min(invoiced_at) AS ordered_at FROM lines
	WHERE invoice ~ '^\d+$' AND customer_id IS NOT NULL AND quantity > 0 GROUP BY invoice;
ALTER TABLE orders ADD PRIMARY KEY (order_no);
CREATE INDEX ON orders (customer_no, ordered_at);
CREATE TABLE order_lines AS SELECT o.order_no, l.stock_code, l.quantity, l.unit_price
	FROM lines AS l JOIN orders AS o ON l.invoice = o.order_no::text WHERE l.quantity > 0;
CREATE INDEX ON order_lines (order_no);
CREATE VIEW purchases AS SELECT customer_no, stock_code, ordered_at, quantity FROM orders JOIN order_lines USING (order_no);
DROP TABLE lines;
VACUUM ANALYZE;
SELECT recsys.create_dataset_group('mapped');
SELECT recsys.create_dataset('mapped', 'interactions', source => 'purchases', columns => '{"user_id": "customer_no", "item_id": "stock_code",
	"timestamp": "ordered_at", "event_type": {"constant": "purchase"}, "event_value": "quantity"}');
SELECT recsys.create_dataset('mapped', 'items', source => 'products', columns => '{"item_id": "stock_code", "creation_timestamp": "added",
	"description": "description", "price": "unit_price"}', fields => '{"description": "textual", "price": "float"}');
SELECT recsys.create_dataset_group('managed');
SELECT recsys.create_dataset('managed', 'interactions');
SELECT recsys.create_dataset('managed', 'items', '{"description": "textual", "price": "float"}');
SQL
stopwatch
measured "loading the shop's own tables, seconds" "$seconds"
sql -c "INSERT INTO managed.items (item_id, creation_timestamp, description, price) SELECT stock_code, added, description, unit_price FROM products" \
	-c "INSERT INTO managed.interactions (user_id, item_id, event_type, event_value, \"timestamp\")
		SELECT customer_no, stock_code, 'purchase', quantity, ordered_at FROM purchases" -c 'VACUUM ANALYZE'
stopwatch
measured "copying them into a managed group, seconds" "$seconds"
measured "purchases" "$(value -c 'SELECT count(*) FROM purchases')"

for group in mapped managed; do
	sql -c "SELECT recsys.create_solution('next', '$group', 'user-personalization')" \
		-c "SELECT recsys.create_solution('together', '$group', 'sims')" >/dev/null
	stopwatch
	sql -c "SELECT recsys.create_solution_version('$group.next', wait => true)" \
		-c "SELECT recsys.create_campaign('home', '$group.next')" >/dev/null
	stopwatch
	measured "$group: training for customers, seconds" "$seconds" '<=' 600
	sql -c "SELECT recsys.create_solution_version('$group.together', wait => true)" \
		-c "SELECT recsys.create_campaign('beside', '$group.together')" >/dev/null
	stopwatch
	measured "$group: training bought together, seconds" "$seconds"
done
measured "recipes with equal models" "$(value -c "SELECT count(*) FROM recsys.solution_versions AS a JOIN recsys.solution_versions AS b
	USING (solution, content_hash) WHERE a.dataset_group = 'mapped' AND b.dataset_group = 'managed'")" '>=' 2

sql -c 'CREATE TABLE asked AS SELECT customer_no, row_number() OVER () AS n FROM (SELECT DISTINCT customer_no FROM orders) AS c
	ORDER BY md5(customer_no::text) LIMIT 200'
for group in mapped managed; do
	sql -c "SELECT count(*) FROM recsys.get_recommendations('$group.home', 1)" >/dev/null
	# In one session, as a page would: the model is open, the statements are planned.
	tps=$(value -c "SET jit = off" -c "CREATE TABLE answers_$group AS SELECT 'home ' || a.customer_no AS asked, r.rank, r.item_id, r.score, r.reason
		FROM asked AS a, recsys.get_recommendations('$group.home', a.customer_no) AS r" \
		-c "INSERT INTO answers_$group SELECT 'ranks ' || a.customer_no, r.rank, r.item_id, r.score, r.reason FROM asked AS a,
			recsys.get_personalized_ranking('$group.home', a.customer_no, (SELECT array_agg(stock_code ORDER BY stock_code) FROM products)) AS r" \
		-c "INSERT INTO answers_$group SELECT 'beside ' || p.stock_code, r.rank, r.item_id, r.score, r.reason
			FROM products AS p, recsys.get_recommendations('$group.beside', item_id => p.stock_code, num_results => 10) AS r" \
		-c "DO \$\$ BEGIN PERFORM set_config('bench.began', extract(epoch FROM clock_timestamp())::text, false); END \$\$" \
		-c "DO \$\$ BEGIN FOR i IN 1..5 LOOP PERFORM count(*) FROM asked AS a, recsys.get_recommendations('$group.home', a.customer_no) AS r; END LOOP; END \$\$" \
		-c "SELECT round(1000 / (extract(epoch FROM clock_timestamp()) - current_setting('bench.began')::numeric))" | tail -1)
	measured "$group: answers a second, one session" "$tps"
done
measured "lists compared" "$(value -c 'SELECT count(DISTINCT asked) FROM answers_mapped')" '>=' 4000
measured "customers with personal answers" "$(value -c "SELECT count(DISTINCT asked) FROM answers_mapped
	WHERE asked LIKE 'home %' AND reason = 'personal'")" '>=' 200
measured "rows that differ" "$(value -c 'SELECT (SELECT count(*) FROM (TABLE answers_mapped EXCEPT ALL TABLE answers_managed) AS d)
	+ (SELECT count(*) FROM (TABLE answers_managed EXCEPT ALL TABLE answers_mapped) AS d)')" '<=' 0
measured "rows copied into the mapped group" "$(value -c 'SELECT (SELECT count(*) FROM mapped.interactions) + (SELECT count(*) FROM mapped.items)')" '<=' 0
exit "$failed"
