#!/bin/bash
# Related items by behaviour and content against behaviour alone, on choices that were held out. Visited places (gowalla): one place of
# a user, and what else he visited. A shop's orders (online-retail): the last tenth of the orders; one line of an order, and the
# others, for all products and for those that the training saw in fewer than five orders, which only their descriptions tell about.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open similar gowalla/train.csv.gz gowalla/valid.csv.gz online-retail/lines.csv.gz

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('places');
SELECT recsys.create_dataset('places', 'interactions');
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
SELECT recsys.create_dataset('shop', 'items', '{"description": {"type": "textual", "language": "english"}, "price": "float"}');
CREATE TABLE visit (user_id text, item_id text);
CREATE TABLE later (user_id text, item_id text);
CREATE TABLE line (invoice text, stock_code text, description text, quantity integer, invoiced_at timestamp, unit_price numeric,
	customer_id integer, country text);
SQL
load gowalla/train.csv.gz visit
load gowalla/valid.csv.gz later
load online-retail/lines.csv.gz line
sql >/dev/null <<'SQL'
INSERT INTO places.interactions (user_id, item_id, event_type, "timestamp") SELECT user_id, item_id, 'visit', '2010-01-01' FROM visit;
CREATE TABLE sold AS SELECT DISTINCT invoice, stock_code, customer_id::text AS customer, invoiced_at,
	invoiced_at >= (SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY invoiced_at) FROM line) AS held_out
	FROM line WHERE invoice ~ '^\d+$' AND customer_id IS NOT NULL AND quantity > 0;
INSERT INTO shop.items (item_id, description, price) SELECT stock_code, mode() WITHIN GROUP (ORDER BY description), max(unit_price)
	FROM line WHERE stock_code IS NOT NULL GROUP BY stock_code;
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp", session_id)
	SELECT customer, stock_code, 'Purchase', invoiced_at, invoice FROM sold WHERE NOT held_out;
CREATE INDEX ON visit (user_id);
ANALYZE;
CREATE TABLE question (kind text, item_id text, truth text[]);
INSERT INTO question SELECT 'places', q.item_id, l.items FROM (SELECT user_id, array_agg(item_id) AS items FROM later GROUP BY 1) AS l
	JOIN LATERAL (SELECT item_id FROM visit v WHERE v.user_id = l.user_id ORDER BY md5(item_id || user_id) LIMIT 1) AS q ON true
	ORDER BY md5(l.user_id) LIMIT 3000;
CREATE TABLE basket AS SELECT invoice, array_agg(stock_code ORDER BY md5(invoice || stock_code)) AS items FROM sold WHERE held_out GROUP BY 1;
INSERT INTO question SELECT 'orders', items[1], items[2:] FROM basket WHERE cardinality(items) > 1;
CREATE TABLE rare AS SELECT i.item_id FROM shop.items i LEFT JOIN shop.interactions e USING (item_id) GROUP BY 1 HAVING count(e.user_id) < 5;
INSERT INTO question SELECT 'orders, rare products', item, array_remove(items, item) FROM basket, unnest(items) AS item
	WHERE item IN (TABLE rare) AND cardinality(items) > 1 ORDER BY md5(invoice || item) LIMIT 3000;
ANALYZE;
SQL
declare -A ndcg
ask() { # KIND CAMPAIGN: NDCG@10 of the first ten
	value -c "SELECT round(avg((SELECT coalesce(sum(1 / log(2, r.rank + 1)), 0) FROM recsys.get_recommendations('$2', item_id => q.item_id, num_results => 10) AS r
		WHERE r.item_id = ANY (q.truth)) / (SELECT sum(1 / log(2, n + 1)) FROM generate_series(1, least(10, cardinality(q.truth))) AS n))::numeric, 4)
		FROM question AS q WHERE q.kind = '$1'"
}
for row in 'places sims' 'places similar-items' 'shop sims' 'shop frequently-bought-together' 'shop similar-items'; do
	read -r group recipe <<<"$row"
	sql -c "SELECT recsys.create_solution('$recipe', '$group', '$recipe')" \
		-c "SELECT recsys.create_solution_version('$group.$recipe', wait => true)" -c "SELECT recsys.create_campaign('$recipe', '$group.$recipe')" >/dev/null
	version_figures "$group.$recipe/1"
	for kind in places orders 'orders, rare products'; do
		[ "$kind $group" = 'places places' ] || [[ "$kind $group" == orders*shop ]] || continue
		ndcg[$kind $recipe]=$(ask "$kind" "$group.$recipe")
		measured "$kind: $recipe, NDCG@10" "${ndcg[$kind $recipe]}"
	done
done
for kind in places orders 'orders, rare products'; do
	measured "$kind: asked" "$(value -c "SELECT count(*) FROM question WHERE kind = '$kind'")"
	measured "$kind: similar-items, NDCG@10" "${ndcg[$kind similar-items]}" '>=' "${ndcg[$kind sims]}"
done
exit "$failed"
