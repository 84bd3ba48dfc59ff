-- The sample shop is the same on every machine: only its clock moves.
\set end_time 2026-01-01T00:00:00Z
SET timezone = 'UTC';
CREATE SCHEMA demo_shop;
SET search_path = demo_shop;
\getenv srcdir PG_ABS_SRCDIR
\set shop :srcdir '/../demo/shop.sql'
\set ECHO none
\i :shop
\set ECHO all
SELECT count(*), md5(string_agg(p::text, '|' ORDER BY sku)) FROM products p;
SELECT count(*), md5(string_agg(c::text, '|' ORDER BY customer_no)) FROM customers c;
SELECT count(*), count(DISTINCT customer_no) AS customers, count(DISTINCT sku) AS products, count(DISTINCT visit) AS visits,
	date_trunc('minute', min(at)) AS first, date_trunc('minute', max(at)) AS last,
	md5(string_agg(c::text, '|' ORDER BY at, customer_no, sku, action, visit)) FROM clicks c;
-- tastes can be recognised: most of a customer's clicks are in three departments
SELECT round(avg(top), 2) AS share_of_three_departments
FROM (SELECT sum(n) FILTER (WHERE place <= 3) / sum(n) AS top
	FROM (SELECT customer_no, count(*) AS n, row_number() OVER (PARTITION BY customer_no ORDER BY count(*) DESC) AS place
		FROM clicks JOIN products USING (sku) GROUP BY customer_no, department) AS d
	GROUP BY customer_no HAVING sum(n) >= 30) AS c;
SET client_min_messages = warning;
DROP SCHEMA demo_shop CASCADE;
