-- The sample shop: three ordinary tables, as an application would have them. 2,000 products, 5,000 customers, about 200,000
-- events. Everything is drawn from hashes, so the same rows come out on every machine; only the clock is moved, so that the
-- last event lies just before :end_time (default: now).
--
-- Customers have tastes that can be recognised in what is recommended: two or three favourite departments, a favourite maker,
-- a price level. Sessions have an order: who looks at a grinder looks at a kettle next.
\if :{?end_time}
\else
	\set end_time `date +%Y-%m-%dT%H:00:00Z`
\endif

CREATE TABLE products (
	sku text PRIMARY KEY,
	name text NOT NULL,
	department text NOT NULL,
	maker text NOT NULL,
	price numeric(8,2) NOT NULL,
	description text NOT NULL,
	added timestamptz NOT NULL
);
CREATE TABLE customers (
	customer_no integer PRIMARY KEY,
	name text NOT NULL,
	city text NOT NULL,
	age integer NOT NULL,
	newsletter boolean NOT NULL
);
CREATE TABLE clicks (
	customer_no integer NOT NULL REFERENCES customers,
	sku text NOT NULL REFERENCES products,
	action text NOT NULL,
	amount numeric(8,2),
	at timestamptz NOT NULL,
	visit text NOT NULL
);

-- A number in [0, 1) that depends on its arguments only; drawn anew for every purpose.
CREATE FUNCTION pg_temp.draw(purpose integer, a bigint, b bigint DEFAULT 0) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(a * 1000003 + b, purpose) & 4503599627370495) / 4503599627370496.0;
-- The same, with small numbers more likely: 0 … n - 1.
CREATE FUNCTION pg_temp.few(u float8, n integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(n - 1, floor(n * u * u)::integer);

CREATE TEMP TABLE department (no integer, name text, code text, price numeric, things text[]);
INSERT INTO department VALUES
	(0, 'coffee', 'COF', 60, '{burr grinder,gooseneck kettle,pour-over dripper,paper filters,moka pot,espresso tamper,milk frother,digital scale,storage canister,tasting cups}'),
	(1, 'astronomy', 'AST', 180, '{refractor telescope,reflector telescope,wide-angle eyepiece,moon filter,star chart,equatorial mount,red torch,solar filter,camera adapter,observing chair}'),
	(2, 'cycling', 'CYC', 70, '{road helmet,bib shorts,clip pedals,floor pump,saddle bag,bar tape,tail light,chain cleaner,bottle cage,rain jacket}'),
	(3, 'baking', 'BAK', 35, '{proofing basket,bread lame,dough scraper,stand mixer,baking steel,rolling pin,pastry brush,cake ring,piping set,sourdough crock}'),
	(4, 'climbing', 'CLI', 85, '{climbing shoes,chalk bag,harness,belay device,screwgate carabiner,dynamic rope,quickdraw set,crash pad,finger board,rope bag}'),
	(5, 'houseplants', 'PLA', 30, '{terracotta pot,hanging planter,potting soil,mister,grow light,moss pole,plant stand,pruning scissors,humidity tray,orchid bark}'),
	(6, 'fishing', 'FIS', 55, '{spinning rod,spinning reel,braided line,lure box,landing net,chest waders,fly rod,fly box,bite alarm,tackle bag}'),
	(7, 'knitting', 'KNI', 25, '{merino yarn,bamboo needles,circular needles,stitch markers,row counter,yarn bowl,cable needle,blocking mat,pattern book,project bag}'),
	(8, 'camping', 'CAM', 90, '{two-person tent,down sleeping bag,sleeping mat,gas stove,cooking pot,water filter,head torch,folding chair,dry bag,trekking poles}'),
	(9, 'photography', 'PHO', 150, '{prime lens,zoom lens,camera strap,tripod,ball head,neutral filter,flash unit,memory card,camera bag,lens cleaning kit}'),
	(10, 'board games', 'GAM', 40, '{strategy game,card game,party game,dice tower,card sleeves,game mat,cooperative game,two-player game,expansion set,storage insert}'),
	(11, 'vinyl', 'VIN', 75, '{turntable,phono cartridge,phono preamp,record brush,slipmat,inner sleeves,record crate,stylus cleaner,record weight,wall shelf}'),
	(12, 'yoga', 'YOG', 30, '{yoga mat,cork block,cotton strap,bolster,meditation cushion,mat spray,grip socks,balance wheel,travel mat,mat bag}'),
	(13, 'painting', 'PAI', 28, '{watercolour set,sable brush,cold-pressed paper,masking fluid,travel easel,mixing palette,ink pen,gouache set,sketchbook,brush roll}'),
	(14, 'gardening', 'GAR', 32, '{bypass secateurs,hand trowel,seed tray,watering can,garden kneeler,compost bin,soil tester,cold frame,plant labels,leaf rake}'),
	(15, 'dogs', 'DOG', 33, '{padded harness,retractable lead,chew toy,orthopaedic bed,travel bowl,treat pouch,grooming brush,dog coat,clicker,car hammock}'),
	(16, 'home office', 'OFF', 95, '{standing desk,desk lamp,ergonomic chair,monitor arm,mechanical keyboard,trackball,desk mat,cable tray,footrest,laptop stand}'),
	(17, 'running', 'RUN', 65, '{trail shoes,road shoes,running vest,soft flask,head band,compression socks,gaiters,running belt,recovery roller,windbreaker}'),
	(18, 'railway models', 'RAI', 80, '{starter set,steam locomotive,diesel locomotive,passenger coach,freight wagon,flexible track,turnout,control station,station kit,landscape grass}'),
	(19, 'woodwork', 'WOO', 58, '{block plane,chisel set,dovetail saw,marking gauge,sharpening stone,bar clamp,wooden mallet,combination square,spokeshave,bench hook}');

CREATE TEMP TABLE maker (no integer, name text, level numeric, blurb text);
INSERT INTO maker VALUES
	(0, 'Halden', 1.0, 'plain and made to last'), (1, 'Brightwater', 0.6, 'a good start for little money'),
	(2, 'Corvid', 1.5, 'light, for those who do it often'), (3, 'Dunmore', 0.8, 'the classic, unchanged for years'),
	(4, 'Ember & Oak', 1.9, 'finished by hand'), (5, 'Fjordline', 1.3, 'for bad weather and rough use'),
	(6, 'Granary', 0.5, 'the essentials only'), (7, 'Ivy Lane', 1.1, 'in seven colours'),
	(8, 'Juniper', 2.4, 'the best there is'), (9, 'Kestrel', 0.9, 'small enough for a bag');

INSERT INTO products
SELECT d.code || '-' || lpad((t.no * 10 + m.no)::text, 3, '0'), m.name || ' ' || t.thing, d.name, m.name,
	round(d.price * m.level * (0.4 + 1.6 * pg_temp.draw(1, d.no, t.no))::numeric, 2) - 0.01,
	initcap(left(t.thing, 1)) || substr(t.thing, 2) || ' for ' || d.name || ' by ' || m.name || ': ' || m.blurb || '.',
	:'end_time'::timestamptz - CASE WHEN pg_temp.draw(2, d.no * 100 + t.no * 10 + m.no) < 0.02 THEN interval '10 days' ELSE interval '400 days' END
FROM department d CROSS JOIN LATERAL unnest(d.things) WITH ORDINALITY AS u(thing, position)
	CROSS JOIN LATERAL (SELECT u.thing, u.position::integer - 1) AS t(thing, no) CROSS JOIN maker m
ORDER BY d.no, t.no, m.no;

INSERT INTO customers
SELECT n, (ARRAY['Ada','Ben','Clara','David','Elif','Felix','Grace','Hugo','Ines','Jonas','Kira','Liam','Maya','Noah','Olga','Pavel','Quinn','Rosa','Sami','Tara'])[1 + (pg_temp.draw(3, n) * 20)::integer % 20]
	|| ' ' || (ARRAY['Abel','Brandt','Costa','Dubois','Eriksen','Fischer','Garcia','Hansen','Ivanova','Jansen','Keller','Lang','Moreau','Novak','Okafor','Petrov','Rossi','Silva','Tanaka','Weber'])[1 + (pg_temp.draw(4, n) * 20)::integer % 20],
	(ARRAY['Aarhus','Bologna','Cork','Dresden','Espoo','Freiburg','Ghent','Haarlem','Innsbruck','Krakow'])[1 + (pg_temp.draw(5, n) * 10)::integer % 10],
	18 + (pg_temp.draw(6, n) * 60)::integer, pg_temp.draw(7, n) < 0.4
FROM generate_series(1, 5000) AS n;

-- What a customer likes: departments in order of liking, a maker, how often he comes. Nobody but the generator sees this.
CREATE TEMP TABLE taste AS
SELECT n AS customer_no, ARRAY[f, (f + 1 + (pg_temp.draw(11, n) * 18)::integer) % 20, (f + 1 + (pg_temp.draw(12, n) * 18)::integer) % 20] AS favourites,
	(pg_temp.draw(13, n) * 10)::integer % 10 AS maker,
	1 + floor(-6 * ln(1 - pg_temp.draw(14, n)))::integer AS visits
FROM generate_series(1, 5000) AS n CROSS JOIN LATERAL (SELECT pg_temp.few(pg_temp.draw(10, n), 20) AS f) AS first;
-- The customer of the tour: coffee above all, by one maker.
UPDATE taste SET favourites = '{0,2,2}', maker = 2, visits = 14 WHERE customer_no = 42;
UPDATE customers SET name = 'Ada Keller', city = 'Ghent', age = 34 WHERE customer_no = 42;

CREATE TEMP TABLE visit AS
SELECT v.*, row_number() OVER (ORDER BY customer_no, no) AS id, (pg_temp.draw(22, key) * 10)::integer % 10 AS first_thing,
	2 + floor(-4 * ln(1 - pg_temp.draw(23, key)))::integer AS length,
	:'end_time'::timestamptz - interval '1 hour' - interval '120 days' * pg_temp.draw(24, key) AS began
FROM (SELECT t.customer_no, t.maker, n AS no, t.customer_no * 1000::bigint + n AS key,
		CASE WHEN pg_temp.draw(20, t.customer_no * 1000::bigint + n) < 0.9
			THEN t.favourites[1 + pg_temp.few(pg_temp.draw(21, t.customer_no * 1000::bigint + n), 3)]
			ELSE (pg_temp.draw(21, t.customer_no * 1000::bigint + n) * 20)::integer % 20 END AS department
	FROM taste t CROSS JOIN LATERAL generate_series(1, t.visits) AS n) AS v;

-- Steps of a visit: from each thing to the next, mostly by the maker that is liked; one look in nine ends in the cart, and two
-- carts in three are paid.
CREATE TEMP TABLE step AS
SELECT v.id, v.customer_no, s AS no, v.began + s * interval '40 seconds' AS at, d.code, v.key,
	(v.first_thing + s + (pg_temp.draw(30, v.key, s) < 0.3)::integer) % 10 AS thing,
	CASE WHEN pg_temp.draw(31, v.key, s) < 0.65 THEN v.maker ELSE (pg_temp.draw(32, v.key, s) * 10)::integer % 10 END AS maker,
	pg_temp.draw(33, v.key, s) AS luck
FROM visit v JOIN department d ON d.no = v.department CROSS JOIN LATERAL generate_series(0, v.length - 1) AS s;

INSERT INTO clicks
SELECT s.customer_no, p.sku, e.action, CASE WHEN e.action = 'purchase' THEN p.price END, s.at + e.later, 'V' || lpad(s.id::text, 6, '0')
FROM step s
	JOIN products p ON p.sku = s.code || '-' || lpad((s.thing * 10 + s.maker)::text, 3, '0') AND p.added < s.at
	JOIN (VALUES ('view', 1.0, interval '0'), ('cart', 0.11, interval '15 seconds'), ('purchase', 0.07, interval '30 seconds')) AS e(action, share, later)
		ON s.luck < e.share
ORDER BY s.at, e.later, s.customer_no;

CREATE INDEX ON clicks (customer_no, at);
CREATE INDEX ON clicks (customer_no, sku);
CREATE INDEX ON clicks (at);
ANALYZE products, customers, clicks;
