-- Sales
SELECT date_trunc('month', placed) AS month, sum(total) AS revenue FROM orders GROUP BY 1 ORDER BY 1
SELECT date_trunc('month', placed)::date AS month, state, count(*) AS orders, sum(total) AS revenue FROM orders GROUP BY 1, 2 ORDER BY 1, 2
SELECT extract(year FROM placed) AS year, extract(quarter FROM placed) AS quarter, sum(total) FROM orders GROUP BY year, quarter ORDER BY year, quarter
SELECT to_char(placed, 'YYYY-MM') AS month, count(DISTINCT customer_id) AS buyers FROM orders GROUP BY 1
SELECT to_char(placed, 'IYYY-"W"IW') AS week, round(avg(total), 2) AS basket FROM orders GROUP BY 1 ORDER BY 1
SELECT c.country, sum(o.total) AS revenue, round(100 * sum(o.total) / sum(sum(o.total)) OVER (), 1) AS share FROM orders o JOIN customer c ON c.id = o.customer_id GROUP BY c.country ORDER BY revenue DESC
SELECT p.category, p.name, sum(i.quantity) AS sold FROM item i JOIN product p ON p.id = i.product_id GROUP BY p.category, p.name HAVING sum(i.quantity) > 10 ORDER BY sold DESC LIMIT 20
SELECT p.category, sum(i.quantity * i.price) AS revenue FROM item i JOIN product p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id WHERE o.state IN ('paid', 'sent') GROUP BY ROLLUP (p.category)
SELECT c.id, c.name, count(o.id) AS orders, coalesce(sum(o.total), 0) AS spent FROM customer c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY spent DESC, c.id LIMIT 10
SELECT c.name FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND o.placed >= '2025-02-01' WHERE o.id IS NULL
SELECT placed::date AS day, sum(total) AS revenue, sum(sum(total)) OVER (ORDER BY placed::date) AS running FROM orders GROUP BY day ORDER BY day
SELECT day, revenue, avg(revenue) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_average FROM (SELECT placed::date AS day, sum(total) AS revenue FROM orders GROUP BY 1) d
SELECT month, revenue, revenue - lag(revenue) OVER (ORDER BY month) AS change, round(100 * (revenue / nullif(lag(revenue) OVER (ORDER BY month), 0) - 1), 1) AS percent FROM (SELECT date_trunc('month', placed) AS month, sum(total) AS revenue FROM orders GROUP BY 1) m
SELECT state, percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS median, percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY total) AS quartiles FROM orders GROUP BY state
SELECT width_bucket(total, 0, 700, 7) AS bucket, count(*), min(total), max(total) FROM orders GROUP BY bucket ORDER BY bucket
SELECT count(*) FILTER (WHERE state = 'paid') AS paid, count(*) FILTER (WHERE state = 'returned') AS returned, round(count(*) FILTER (WHERE state = 'returned')::numeric / count(*), 3) AS rate FROM orders
SELECT customer_id, array_agg(id ORDER BY placed) AS orders, min(placed) AS first, max(placed) AS latest FROM orders GROUP BY customer_id HAVING count(*) > 2
SELECT customer_id, max(placed) - min(placed) AS span, (max(placed) - min(placed)) / nullif(count(*) - 1, 0) AS between_orders FROM orders GROUP BY customer_id
WITH first AS (SELECT customer_id, date_trunc('month', min(placed)) AS cohort FROM orders GROUP BY customer_id) SELECT f.cohort, date_trunc('month', o.placed) AS month, count(DISTINCT o.customer_id) FROM orders o JOIN first f USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2
WITH ranked AS (SELECT c.country, c.name, sum(o.total) AS spent, rank() OVER (PARTITION BY c.country ORDER BY sum(o.total) DESC) AS place FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY c.country, c.name) SELECT country, name, spent FROM ranked WHERE place <= 3 ORDER BY country, place
WITH total AS (SELECT sum(total) AS all_of_it FROM orders), by_customer AS (SELECT customer_id, sum(total) AS spent FROM orders GROUP BY customer_id) SELECT customer_id, spent, sum(spent) OVER (ORDER BY spent DESC) / all_of_it AS cumulated FROM by_customer, total ORDER BY spent DESC
WITH rfm AS (SELECT customer_id, ntile(4) OVER (ORDER BY max(placed)) AS recency, ntile(4) OVER (ORDER BY count(*)) AS frequency, ntile(4) OVER (ORDER BY sum(total)) AS money FROM orders GROUP BY customer_id) SELECT recency, frequency, money, count(*) FROM rfm GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
SELECT a.product_id AS one, b.product_id AS other, count(*) AS together FROM item a JOIN item b ON a.order_id = b.order_id AND a.product_id < b.product_id GROUP BY 1, 2 ORDER BY together DESC
SELECT o.id, o.total, t.lines FROM orders o CROSS JOIN LATERAL (SELECT count(*) AS lines FROM item i WHERE i.order_id = o.id) t WHERE t.lines > 2 ORDER BY o.id LIMIT 5
SELECT o.id, latest.name FROM orders o LEFT JOIN LATERAL (SELECT p.name FROM item i JOIN product p ON p.id = i.product_id WHERE i.order_id = o.id ORDER BY i.price DESC LIMIT 1) latest ON true WHERE o.state = 'new'
SELECT o.id FROM orders o JOIN item i ON i.order_id = o.id GROUP BY o.id HAVING sum(i.quantity * i.price) <> max(o.total) ORDER BY o.id LIMIT 10
SELECT customer_id, id, total, first_value(total) OVER w AS first, last_value(total) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY placed)
SELECT customer_id, placed, placed - lag(placed) OVER (PARTITION BY customer_id ORDER BY placed) AS since FROM orders ORDER BY since DESC NULLS LAST LIMIT 5
SELECT CASE WHEN total < 100 THEN '0-100' WHEN total < 300 THEN '100-300' ELSE '300+' END AS band, count(*) AS orders, sum(total) AS revenue FROM orders GROUP BY 1 ORDER BY min(total)
SELECT CASE GROUPING(state) WHEN 1 THEN 'all' ELSE state::text END AS state, sum(total) FROM orders GROUP BY GROUPING SETS ((state), ()) ORDER BY GROUPING(state), state
SELECT c.country, o.state, sum(o.total) FROM orders o JOIN customer c ON c.id = o.customer_id GROUP BY CUBE (c.country, o.state) ORDER BY 1 NULLS LAST, 2 NULLS LAST
SELECT 'new' AS state, count(*) FROM orders WHERE state = 'new' UNION ALL SELECT 'other', count(*) FROM orders WHERE state <> 'new'
SELECT customer_id FROM orders WHERE state = 'paid' INTERSECT SELECT customer_id FROM orders WHERE state = 'returned' ORDER BY 1
SELECT id FROM customer EXCEPT SELECT customer_id FROM orders WHERE placed > '2025-02-20' ORDER BY 1 LIMIT 10
SELECT json_build_object('state', state, 'count', count(*)) FROM orders GROUP BY state
SELECT jsonb_object_agg(state, n) FROM (SELECT state::text, count(*) AS n FROM orders GROUP BY state) s
SELECT string_agg(DISTINCT c.country, ', ' ORDER BY c.country) FROM customer c WHERE c.balance > 100
SELECT mode() WITHIN GROUP (ORDER BY state) AS usual, stddev_samp(total) AS deviation, variance(total) FROM orders
SELECT corr(i.quantity, i.price), regr_slope(i.price, i.quantity), regr_intercept(i.price, i.quantity) FROM item i
SELECT day::date, coalesce(sum(o.total), 0) AS revenue FROM generate_series('2025-01-01'::timestamptz, '2025-01-31', '1 day') AS day LEFT JOIN orders o ON o.placed >= day AND o.placed < day + interval '1 day' GROUP BY day ORDER BY day
-- Time series
SELECT to_timestamp(floor(extract(epoch FROM at) / 900) * 900) AS time, sensor::text AS metric, avg(value) AS value FROM reading WHERE at BETWEEN '2025-06-01' AND '2025-06-02' GROUP BY 1, 2 ORDER BY 1
SELECT date_bin('15 minutes', at, '2025-01-01') AS bin, min(value), max(value), avg(value) FROM reading WHERE sensor = 1 GROUP BY bin ORDER BY bin
SELECT sensor, at, value, value - lag(value) OVER (PARTITION BY sensor ORDER BY at) AS delta FROM reading ORDER BY sensor, at LIMIT 50
SELECT DISTINCT ON (sensor) sensor, at, value FROM reading ORDER BY sensor, at DESC
SELECT sensor, count(*) FILTER (WHERE value > 0.5) * 100.0 / count(*) AS percent_high FROM reading GROUP BY sensor ORDER BY sensor
SELECT r.sensor, r.at FROM reading r WHERE r.value = (SELECT max(value) FROM reading m WHERE m.sensor = r.sensor)
SELECT sensor, at, gap FROM (SELECT sensor, at, at - lag(at) OVER (PARTITION BY sensor ORDER BY at) AS gap FROM reading) g WHERE gap > interval '5 minutes'
SELECT at::time AS time_of_day, round(avg(value)::numeric, 3) FROM reading GROUP BY 1 ORDER BY 1 LIMIT 24
SELECT extract(hour FROM at) AS hour, extract(isodow FROM at) AS weekday, count(*) FROM event GROUP BY 1, 2 ORDER BY 1, 2
SELECT kind, date_trunc('day', at AT TIME ZONE 'Europe/Zurich') AS day, count(*) FROM event GROUP BY kind, day ORDER BY day
SELECT sum(new) AS sessions FROM (SELECT CASE WHEN at - lag(at) OVER (PARTITION BY body -> 'user' ->> 'id' ORDER BY at) < interval '30 minutes' THEN 0 ELSE 1 END AS new FROM event) s
SELECT body ->> 'page' AS page, count(*) AS views, avg((body ->> 'ms')::int) AS ms, percentile_disc(0.95) WITHIN GROUP (ORDER BY (body ->> 'ms')::int) AS p95 FROM event WHERE kind = 'view' GROUP BY 1 ORDER BY views DESC
SELECT (body #>> '{user,id}')::int AS who, count(DISTINCT body ->> 'page') AS pages FROM event GROUP BY who ORDER BY who
SELECT tag, count(*) FROM event, jsonb_array_elements_text(body -> 'tags') AS tag GROUP BY tag
SELECT id, kind FROM event WHERE body @> '{"user": {"id": 3}}' AND body ? 'page' ORDER BY at LIMIT 10
SELECT count(*) FROM event WHERE body @? '$.ms ? (@ > 50)' OR jsonb_path_exists(body, '$.user.id ? (@ == 1)')
SELECT t.page, t.ms FROM event e, jsonb_to_record(e.body) AS t(page text, ms int) ORDER BY t.ms DESC LIMIT 3
SELECT max(at) - min(at) AS covered, justify_interval(max(at) - min(at)) AS told, age(max(at), min(at)) FROM event
SELECT exp(sum(ln(value + 4)) / count(*)) AS geometric, sqrt(avg(value * value)) AS effective FROM reading
SELECT sensor, avg(value) OVER (PARTITION BY sensor ORDER BY at RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS hour_average FROM reading LIMIT 10
-- People and hierarchies
WITH RECURSIVE chain AS (SELECT id, name, manager_id, 1 AS depth FROM employee WHERE manager_id IS NULL UNION ALL SELECT e.id, e.name, e.manager_id, c.depth + 1 FROM employee e JOIN chain c ON e.manager_id = c.id) SELECT depth, count(*) FROM chain GROUP BY depth ORDER BY depth
WITH RECURSIVE below AS (SELECT id, name FROM employee WHERE id = 3 UNION SELECT e.id, e.name FROM employee e JOIN below b ON e.manager_id = b.id) SELECT * FROM below ORDER BY id
WITH RECURSIVE path AS (SELECT id, name::text AS way FROM employee WHERE manager_id IS NULL UNION ALL SELECT e.id, p.way || ' > ' || e.name FROM employee e JOIN path p ON e.manager_id = p.id) SELECT way FROM path ORDER BY way LIMIT 10
SELECT department, avg(salary) AS average, max(salary) - min(salary) AS spread FROM employee GROUP BY department ORDER BY average DESC
SELECT name, department, salary, dense_rank() OVER (PARTITION BY department ORDER BY salary DESC) AS place, cume_dist() OVER (ORDER BY salary) FROM employee
SELECT e.name, m.name AS manager FROM employee e LEFT JOIN employee m ON m.id = e.manager_id WHERE e.salary > coalesce(m.salary, 0) ORDER BY e.name
SELECT e.name FROM employee e WHERE e.salary > (SELECT avg(salary) FROM employee d WHERE d.department = e.department)
SELECT extract(year FROM age(date '2025-01-01', hired)) AS years, count(*) FROM employee GROUP BY years ORDER BY years
SELECT department, count(*) AS people FROM employee GROUP BY department HAVING count(*) >= ALL (SELECT count(*) FROM employee GROUP BY department)
SELECT name, hired + interval '5 years' AS jubilee FROM employee WHERE (hired + interval '5 years')::date BETWEEN '2015-01-01' AND '2017-12-31'
SELECT upper(left(name, 1)) AS initial, count(*) FROM customer GROUP BY 1 ORDER BY 1
SELECT split_part(mail, '@', 2) AS domain, count(*) FROM customer GROUP BY domain ORDER BY count(*) DESC
SELECT lower(trim(both ' ' FROM mail)) AS mail, count(*) FROM customer GROUP BY 1 HAVING count(*) > 1
SELECT regexp_replace(name, '\D', '', 'g')::int AS number FROM customer ORDER BY number DESC LIMIT 5
SELECT tag, count(*) FROM customer, unnest(tags) AS tag GROUP BY tag ORDER BY count(*) DESC, tag
SELECT id FROM customer WHERE tags @> ARRAY['t1'] AND NOT tags && ARRAY['t2', 't4'] ORDER BY id
SELECT width_bucket(extract(year FROM age('2025-01-01', born))::int, ARRAY[20, 30, 40, 50, 60]) AS band, count(*) FROM customer GROUP BY band ORDER BY band
SELECT to_char(born, 'TMMonth') AS month, count(*) FROM customer GROUP BY 1, extract(month FROM born) ORDER BY extract(month FROM born)
SELECT name, born, (date '2025-01-01' - born) / 365 AS years FROM customer WHERE born IS NOT NULL ORDER BY born LIMIT 5
SELECT count(*) AS total, count(mail) AS with_mail, count(*) - count(mail) AS without FROM customer
-- As mappers write it
SELECT "customer".* FROM "customer" WHERE "customer"."id" = 7 LIMIT 1
SELECT 1 AS one FROM "customer" WHERE "customer"."mail" = 'c1@example.org' LIMIT 1
SELECT COUNT(*) FROM "orders" WHERE "orders"."customer_id" = 4 AND "orders"."state" IN ('new', 'paid')
SELECT "orders"."id", "orders"."total", "customer"."name" FROM "orders" INNER JOIN "customer" ON ("orders"."customer_id" = "customer"."id") WHERE UPPER("customer"."name"::text) LIKE UPPER('%omer 1%') ORDER BY "orders"."placed" DESC LIMIT 21
SELECT DISTINCT "customer"."id", "customer"."name" AS alias_0 FROM "customer" LEFT OUTER JOIN "orders" ON "orders"."customer_id" = "customer"."id" WHERE ("orders"."total" > 500.0) ORDER BY "customer"."name" ASC LIMIT 25 OFFSET 0
SELECT COUNT(*) AS "__count" FROM (SELECT DISTINCT "customer"."country" AS "col1" FROM "customer") "subquery"
SELECT (1) AS "a" FROM "orders" WHERE "orders"."id" = 5 LIMIT 1
SELECT "t0"."id" AS "t0_id", "t0"."name" AS "t0_name", COALESCE("t1"."data", '[]') AS "orders" FROM "customer" AS "t0" LEFT JOIN LATERAL (SELECT JSON_AGG("t2"."data") AS "data" FROM (SELECT JSON_BUILD_OBJECT('id', "o"."id", 'total', "o"."total") AS "data" FROM "orders" AS "o" WHERE "o"."customer_id" = "t0"."id" ORDER BY "o"."id" LIMIT 5) AS "t2") AS "t1" ON TRUE WHERE "t0"."id" <= 3
select c1_0.id, c1_0.name, o1_0.customer_id, o1_0.id, o1_0.total from customer c1_0 left join orders o1_0 on c1_0.id = o1_0.customer_id where c1_0.country = 'CH' order by c1_0.id
select o1_0.id from orders o1_0 where o1_0.placed between '2025-01-01 00:00:00+00'::timestamptz and '2025-01-31 23:59:59.999+00'::timestamptz fetch first 50 rows only
SELECT "c"."id", "c"."name", (SELECT COUNT(*)::INT FROM "orders" AS "o" WHERE "c"."id" = "o"."customer_id") AS "OrderCount" FROM "customer" AS "c" WHERE "c"."name" LIKE 'Cust%' ESCAPE '' ORDER BY "c"."name" LIMIT 10
SELECT "p"."id" FROM "product" AS "p" WHERE ("p"."details" ->> 'colour') = 'red' AND ("p"."details" -> 'maker' ->> 'name') IS NOT NULL
SELECT anon_1.country, anon_1.n FROM (SELECT customer.country AS country, count(customer.id) AS n FROM customer GROUP BY customer.country) AS anon_1 WHERE anon_1.n > 5
SELECT orders.id, orders.total, row_number() OVER (PARTITION BY orders.customer_id ORDER BY orders.placed DESC) AS rn FROM orders WHERE orders.total IS NOT NULL
SELECT * FROM "orders" WHERE ("customer_id", "id") IN ((1, 60), (2, 1), (3, 2))
SELECT * FROM "orders" WHERE "id" = ANY('{1,2,3}'::bigint[]) ORDER BY array_position('{3,2,1}'::bigint[], "id")
SELECT "id", "total" FROM "orders" WHERE ("placed", "id") < ('2025-02-01T00:00:00Z', 100) ORDER BY "placed" DESC, "id" DESC LIMIT 20
SELECT CAST("total" AS integer) AS "rounded", CAST("placed" AS date) AS "day" FROM "orders" WHERE CAST("id" AS text) LIKE '1%'
SELECT "state"::text, COUNT("id")::bigint FROM "orders" GROUP BY "state" ORDER BY COUNT("id") DESC OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY
-- As dashboards write it
SELECT "source"."country" AS "country", SUM("source"."total") AS "sum" FROM (SELECT "o"."total", "c"."country" FROM "public"."orders" "o" LEFT JOIN "public"."customer" "c" ON "o"."customer_id" = "c"."id") AS "source" GROUP BY "source"."country" ORDER BY "source"."country" ASC
SELECT DATE_TRUNC('week', ("public"."orders"."placed" + INTERVAL '1 day')) + INTERVAL '-1 day' AS "placed", COUNT(*) AS "count" FROM "public"."orders" GROUP BY 1 ORDER BY 1 ASC
SELECT CAST(extract(dow from "public"."orders"."placed") AS integer) + 1 AS "day", AVG("public"."orders"."total") AS "avg" FROM "public"."orders" GROUP BY 1 ORDER BY 1 ASC
SELECT FLOOR(("public"."orders"."total" - 0.0) / 100.0) * 100.0 + 0.0 AS "total", COUNT(*) AS "count" FROM "public"."orders" GROUP BY 1 ORDER BY 1
SELECT "public"."customer"."country" AS "country" FROM "public"."customer" GROUP BY "public"."customer"."country" ORDER BY "public"."customer"."country" ASC LIMIT 1000
SELECT SUM(CASE WHEN "state" = 'paid' THEN "total" ELSE 0.0 END) / NULLIF(COUNT(DISTINCT "customer_id"), 0) AS "paid_each" FROM "public"."orders"
SELECT * FROM (SELECT placed AS "Time", total AS "Value", 'orders' AS "Series" FROM orders) AS "virtual_table" WHERE "Time" >= TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') ORDER BY "Value" DESC LIMIT 1000
SELECT country AS country, count(DISTINCT id) AS "COUNT_DISTINCT(id)" FROM public.customer WHERE country IN ('CH', 'DE') GROUP BY country ORDER BY "COUNT_DISTINCT(id)" DESC LIMIT 100
SELECT DATE_TRUNC('day', placed) AS __timestamp, state AS state, sum(total) AS total FROM public.orders JOIN (SELECT state AS state__, sum(total) AS mme_inner__ FROM public.orders GROUP BY state ORDER BY mme_inner__ DESC LIMIT 3) AS series_limit ON state = state__ GROUP BY DATE_TRUNC('day', placed), state ORDER BY total DESC LIMIT 10000
SELECT "Custom SQL Query"."name" AS "name", SUM(1) AS "cnt:one" FROM (SELECT name, country FROM customer) "Custom SQL Query" GROUP BY 1 HAVING (COUNT(1) > 0)
SELECT MIN("orders"."placed") AS "TEMP(min)", MAX("orders"."placed") AS "TEMP(max)" FROM "public"."orders" "orders" HAVING (COUNT(1) > 0)
SELECT COUNT(1) AS "rows" FROM (SELECT 1 FROM orders LIMIT 100001) AS "probe"
select $$a$$ as quoted, E'b\n' as escaped, U&'\0063' as unicode, N'd' as national, B'101' as bits, X'1F' as hex
select "_"."id", "_"."name" from "public"."customer" "_" where "_"."country" = 'FR' order by "_"."id" limit 200
select "rows"."department" as "department", sum(cast("rows"."salary" as decimal)) as "a0" from (select "department", "salary" from "public"."employee" "$Table") "rows" group by "department" order by "rows"."department" limit 501
SELECT t.* FROM public.customer t LIMIT 501
SELECT t.*, t.ctid FROM public.orders t ORDER BY t.id LIMIT 501
SELECT count(*) AS n FROM public.item AS _t WHERE (_t.quantity >= 2 AND (_t.price < 3 OR _t.price IS NULL)) AND NOT (_t.product_id = 2)
-- Checks of data
SELECT 'orders without customer' AS check, count(*) FROM orders o WHERE NOT EXISTS (SELECT FROM customer c WHERE c.id = o.customer_id)
SELECT count(*) AS failures, count(*) != 0 AS should_warn, count(*) != 0 AS should_error FROM (SELECT id FROM orders WHERE id IS NULL) dbt_internal_test
SELECT id AS unique_field, count(*) AS n_records FROM customer WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1
WITH all_values AS (SELECT state AS value_field, count(*) AS n_records FROM orders GROUP BY state) SELECT * FROM all_values WHERE value_field NOT IN ('new', 'paid', 'sent', 'returned')
WITH child AS (SELECT customer_id AS from_field FROM orders WHERE customer_id IS NOT NULL), parent AS (SELECT id AS to_field FROM customer) SELECT from_field FROM child LEFT JOIN parent ON child.from_field = parent.to_field WHERE parent.to_field IS NULL
SELECT md5(string_agg(o::text, '|' ORDER BY id)) AS checksum FROM orders o
SELECT count(*), sum(hashtext(o.id::text)) FROM orders o
SELECT sum(('x' || left(md5(c::text), 8))::bit(32)::bigint) FROM customer c
SELECT count(*) FILTER (WHERE name ~ '[^[:ascii:]]') AS not_ascii, max(length(name)) AS longest, max(octet_length(name)) AS bytes FROM customer
SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'orders' ORDER BY ordinal_position
SELECT relname, reltuples::bigint AS about FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
SELECT attname, null_frac, n_distinct FROM pg_stats WHERE schemaname = 'public' AND tablename = 'customer' ORDER BY attname
SELECT pg_size_pretty(pg_total_relation_size('orders')), pg_size_pretty(pg_relation_size('orders')), pg_size_pretty(pg_indexes_size('orders'))
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'item'::regclass ORDER BY conname
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname
SELECT c.id, c.name FROM customer c TABLESAMPLE BERNOULLI (10) REPEATABLE (1)
SELECT version(), current_database(), current_user, current_schema(), now()::date = current_date AS today
-- Search and places
SELECT id, title, ts_rank(search, query) AS rank FROM document, websearch_to_tsquery('english', 'quick fox -cat') AS query WHERE search @@ query ORDER BY rank DESC LIMIT 10
SELECT id, ts_headline('english', body, plainto_tsquery('english', 'lazy dogs'), 'StartSel=<b>, StopSel=</b>') FROM document WHERE search @@ plainto_tsquery('english', 'lazy dogs') LIMIT 3
SELECT name, similarity(name, 'Custmer 12') AS near FROM customer WHERE name % 'Custmer 12' ORDER BY name <-> 'Custmer 12' LIMIT 5
SELECT name FROM product WHERE levenshtein(lower(name), 'product 1') <= 1 ORDER BY name
SELECT name, path FROM product WHERE path <@ 'top.c1' AND nlevel(path) = 3 ORDER BY path LIMIT 5
SELECT id, spot <-> point(0, 0) AS distance FROM shape WHERE spot <@ box(point(0, 0), point(3, 3)) ORDER BY distance
SELECT id, area(area), diameter(round), npoints(outline) FROM shape
SELECT host(address), masklen(net), address << net AS inside, family(address) FROM network ORDER BY address
SELECT room FROM booking WHERE during && tstzrange('2025-01-03', '2025-01-04') AND days @> date '2025-01-04'
SELECT room, lower(during), upper(during), upper(days) - lower(days) AS nights FROM booking ORDER BY room
SELECT range_agg(days) FROM booking
SELECT attributes -> 'size' AS size, count(*) FROM customer WHERE attributes ? 'size' GROUP BY 1 ORDER BY 1
SELECT login FROM customer WHERE login = 'LOGIN5'
SELECT unaccent('Zürich'), soundex('Robert'), metaphone('Thompson', 4), initcap('hello world')
SELECT round((earth_distance(ll_to_earth(47.37, 8.54), ll_to_earth(46.95, 7.44)) / 1000)::numeric) AS kilometres
