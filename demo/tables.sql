SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM customers) AS customers,
	(SELECT count(*) FROM clicks) AS clicks, (SELECT count(DISTINCT visit) FROM clicks) AS visits;
