-- Plain reading
SELECT 1
SELECT 1 AS one, 'two' AS two, 3.5 AS three, NULL AS nothing, true AS yes
TABLE customer
VALUES (1, 'a'), (2, 'b')
SELECT * FROM customer
SELECT id, name FROM customer WHERE country = 'CH' ORDER BY name LIMIT 10 OFFSET 5
SELECT c.* FROM customer AS c WHERE c.id BETWEEN 10 AND 20
SELECT * FROM customer WHERE id IN (1, 2, 3) AND NOT name LIKE 'X%'
SELECT * FROM customer WHERE name ILIKE '%5' OR name ~ '^C.*9$' OR name !~* 'zzz'
SELECT * FROM customer WHERE name SIMILAR TO 'Customer (1|2)%'
SELECT * FROM customer WHERE born IS NOT NULL AND mail IS NULL
SELECT DISTINCT country FROM customer ORDER BY country DESC NULLS LAST
SELECT DISTINCT ON (country) country, name, joined FROM customer ORDER BY country, joined DESC
SELECT name FROM customer ORDER BY length(name), lower(name) COLLATE "C" FETCH FIRST 5 ROWS WITH TIES
SELECT * FROM ONLY orders WHERE total > 100.5 AND state <> 'new'
SELECT * FROM orders WHERE (customer_id, state) = (1, 'paid')
SELECT * FROM orders WHERE (customer_id, id) > (5, 10) ORDER BY customer_id, id LIMIT 3
SELECT * FROM orders WHERE state = ANY (ARRAY['new', 'paid']::status[])
SELECT * FROM orders WHERE state <> ALL ('{new,paid}')
SELECT * FROM orders WHERE note IS DISTINCT FROM 'urgent'
SELECT id, total IS NULL AS missing, (total > 100) IS TRUE AS large, (total > 100) IS NOT UNKNOWN AS known FROM orders
SELECT CASE state WHEN 'new' THEN 'open' WHEN 'paid' THEN 'closed' ELSE 'other' END FROM orders
SELECT CASE WHEN total > 500 THEN 'big' WHEN total > 100 THEN 'middle' ELSE 'small' END AS size, count(*) FROM orders GROUP BY size
SELECT COALESCE(note, 'none'), NULLIF(state, 'new'), GREATEST(total, 10), LEAST(total, 10) FROM orders
SELECT -total, +total, total * 2, total / 3, total % 7, total ^ 2, abs(-total), |/ total, @ -5 FROM orders LIMIT 3
SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 16 >> 2, 7 / 2, 7 % 2, 2 ^ 10, 5 !=3
SELECT 'a' || 'b' || 1, 'x' || NULL, concat('a', 1, NULL, true), concat_ws(', ', 'a', NULL, 'b')
SELECT count(*) FROM customer TABLESAMPLE BERNOULLI (50)
SELECT count(*) FROM customer TABLESAMPLE SYSTEM (50) REPEATABLE (42)
SELECT (c).name, (c).country FROM (SELECT customer AS c FROM customer LIMIT 2) s
SELECT row(1, 'a', true), row(c.*) FROM customer c LIMIT 1
SELECT c FROM customer c LIMIT 1
SELECT EXISTS (SELECT FROM orders WHERE total > 600), (SELECT max(total) FROM orders)
SELECT * FROM customer c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.state = 'paid')
SELECT * FROM customer c WHERE c.id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL)
SELECT * FROM customer WHERE balance > ALL (SELECT total / 10 FROM orders)
SELECT * FROM paid LIMIT 5
SELECT * FROM by_country ORDER BY customers DESC
SELECT name AS "Full Name", country AS "Land" FROM customer
SELECT /* a comment; with a semicolon */ 1 -- and another one
SELECT 'it''s', E'tab\tnewline\n', $$dollar 'quoted'$$, $tag$nested $$ quotes$tag$, U&'\0441\043B\043E\043D'
SELECT B'1010', X'1F', 0x1F, 0b101, 0o17, 1_000_000, 1.5e10, .5, '5'::int
SELECT 'Infinity'::float8, 'NaN'::numeric, '-Infinity'::timestamp
-- Joins
SELECT c.name, o.total FROM customer c JOIN orders o ON o.customer_id = c.id
SELECT c.name, o.total FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND o.state = 'paid'
SELECT c.name, o.total FROM orders o RIGHT OUTER JOIN customer c ON o.customer_id = c.id
SELECT c.name, o.id FROM customer c FULL JOIN orders o ON o.customer_id = c.id WHERE c.id IS NULL OR o.id IS NULL
SELECT a.name, b.name FROM product a CROSS JOIN product b WHERE a.id < b.id LIMIT 10
SELECT * FROM item JOIN (SELECT id AS order_id, total FROM orders) o USING (order_id)
SELECT * FROM item JOIN (SELECT id AS order_id, total FROM orders) o USING (order_id) AS joined WHERE joined.order_id < 5
SELECT * FROM (SELECT id, name FROM customer) a NATURAL JOIN (SELECT id, country FROM customer) b
SELECT o.id, c.name, p.name, i.quantity * i.price AS amount FROM orders o JOIN customer c ON c.id = o.customer_id JOIN item i ON i.order_id = o.id JOIN product p ON p.id = i.product_id ORDER BY o.id, p.id LIMIT 50
SELECT c.name, last.placed FROM customer c LEFT JOIN LATERAL (SELECT placed FROM orders o WHERE o.customer_id = c.id ORDER BY placed DESC LIMIT 1) last ON true
SELECT c.name, t.tag FROM customer c, unnest(c.tags) AS t(tag)
SELECT c.id, n FROM customer c CROSS JOIN LATERAL generate_series(1, c.id % 3) n
SELECT e.name, m.name AS manager FROM employee e LEFT JOIN employee m ON m.id = e.manager_id
SELECT c.name FROM customer c WHERE c.id = (SELECT customer_id FROM orders ORDER BY total DESC LIMIT 1)
SELECT c.country, sum(o.total) FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY c.country HAVING sum(o.total) > 1000
SELECT * FROM customer c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 2
SELECT a.id, b.id FROM orders a JOIN orders b ON a.customer_id = b.customer_id AND a.id < b.id AND b.placed - a.placed < interval '30 days'
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS v(n, word) JOIN product p ON p.id = v.n
-- Set operations
SELECT id FROM customer UNION SELECT id FROM product ORDER BY 1
SELECT id FROM customer UNION ALL SELECT id FROM product
SELECT country FROM customer INTERSECT SELECT 'CH'
SELECT id FROM customer EXCEPT SELECT customer_id FROM orders
(SELECT id FROM customer ORDER BY id LIMIT 3) UNION ALL (SELECT id FROM product ORDER BY id DESC LIMIT 3)
SELECT id FROM customer INTERSECT ALL SELECT id FROM product EXCEPT ALL SELECT 1
VALUES (1), (2) UNION SELECT 3
-- Aggregates
SELECT count(*), count(note), count(DISTINCT state), sum(total), avg(total), min(placed), max(placed) FROM orders
SELECT state, count(*) AS n FROM orders GROUP BY state ORDER BY n DESC
SELECT state, date_trunc('month', placed) AS month, sum(total) FROM orders GROUP BY 1, 2 ORDER BY 1, 2
SELECT country, count(*) FILTER (WHERE born < '1970-01-01') AS old, count(*) FILTER (WHERE tags @> ARRAY['t1']) FROM customer GROUP BY country
SELECT state, country, sum(total) FROM paid JOIN customer ON customer.id = customer_id GROUP BY ROLLUP (state, country)
SELECT state, customer_id % 3 AS third, count(*), GROUPING(state, customer_id % 3) FROM orders GROUP BY CUBE (state, customer_id % 3)
SELECT state, customer_id % 3, count(*) FROM orders GROUP BY GROUPING SETS ((state), (customer_id % 3), ())
SELECT state, count(*) FROM orders GROUP BY DISTINCT ROLLUP (state), CUBE (state)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS median FROM orders
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY total) FROM orders
SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY placed) FROM orders
SELECT mode() WITHIN GROUP (ORDER BY state) FROM orders
SELECT rank(100) WITHIN GROUP (ORDER BY total), dense_rank(100) WITHIN GROUP (ORDER BY total), percent_rank(100) WITHIN GROUP (ORDER BY total), cume_dist(100) WITHIN GROUP (ORDER BY total) FROM orders
SELECT stddev(total), stddev_pop(total), stddev_samp(total), variance(total), var_pop(total), var_samp(total) FROM orders
SELECT corr(total, id), covar_pop(total, id), covar_samp(total, id), regr_slope(total, id), regr_intercept(total, id), regr_r2(total, id) FROM orders
SELECT regr_avgx(total, id), regr_avgy(total, id), regr_count(total, id), regr_sxx(total, id), regr_sxy(total, id), regr_syy(total, id) FROM orders
SELECT string_agg(name, ', ' ORDER BY name), array_agg(id ORDER BY id DESC), array_agg(DISTINCT country) FROM customer
SELECT bool_and(total > 0), bool_or(total > 500), every(total > 0), bit_and(customer_id), bit_or(customer_id), bit_xor(customer_id) FROM orders
SELECT json_agg(o), jsonb_agg(o.id), json_object_agg(o.id, o.total), jsonb_object_agg(o.id, o.state) FROM orders o WHERE id < 5
SELECT any_value(name), country FROM customer GROUP BY country
SELECT range_agg(days), range_intersect_agg(days) FROM booking
SELECT xmlagg(xmlelement(name customer, name) ORDER BY id) FROM customer WHERE id < 4
SELECT product_of(price) FROM product WHERE id < 5
SELECT array_agg(ARRAY[id, customer_id]) FROM orders WHERE id < 4
SELECT country, string_agg(DISTINCT name, '|') FROM customer GROUP BY country HAVING count(*) > 2
SELECT width_bucket(total, 0, 700, 7) AS bucket, count(*) FROM orders GROUP BY bucket ORDER BY bucket
SELECT sum(total) FILTER (WHERE state = 'paid') / NULLIF(sum(total), 0) AS share FROM orders
SELECT date_trunc('week', placed), count(DISTINCT customer_id) FROM orders GROUP BY 1
SELECT extract(dow FROM placed) AS weekday, avg(total)::numeric(10, 2) FROM orders GROUP BY 1 ORDER BY 1
SELECT customer_id, max(placed) - min(placed) AS span FROM orders GROUP BY customer_id ORDER BY span DESC NULLS LAST
-- Windows
SELECT id, row_number() OVER (ORDER BY total DESC) FROM orders
SELECT id, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w FROM orders WINDOW w AS (PARTITION BY state ORDER BY total)
SELECT id, ntile(4) OVER (ORDER BY total) AS quartile FROM orders
SELECT id, lag(total) OVER w, lead(total, 2, 0) OVER w, total - lag(total) OVER w AS change FROM orders WINDOW w AS (ORDER BY placed)
SELECT id, first_value(total) OVER w, last_value(total) OVER w, nth_value(total, 2) OVER w FROM orders WINDOW w AS (PARTITION BY state ORDER BY placed ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
SELECT id, sum(total) OVER (ORDER BY placed) AS running FROM orders
SELECT id, avg(total) OVER (ORDER BY placed ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS moving FROM orders
SELECT id, sum(total) OVER (ORDER BY placed RANGE BETWEEN interval '7 days' PRECEDING AND CURRENT ROW) FROM orders
SELECT id, count(*) OVER (ORDER BY customer_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders
SELECT id, count(*) OVER (ORDER BY customer_id ROWS 2 PRECEDING EXCLUDE TIES) FROM orders
SELECT id, total / sum(total) OVER (PARTITION BY state) AS share FROM orders
SELECT * FROM (SELECT o.*, row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) AS rn FROM orders o) t WHERE rn = 1
SELECT state, sum(sum(total)) OVER (ORDER BY state) FROM orders GROUP BY state
SELECT id, count(*) FILTER (WHERE total > 50) OVER (PARTITION BY state) FROM orders
SELECT sensor, at, value - avg(value) OVER (PARTITION BY sensor) AS deviation FROM reading
SELECT sensor, at, array_agg(value) OVER (PARTITION BY sensor ORDER BY at ROWS 2 PRECEDING) FROM reading LIMIT 20
SELECT id, bool_or(note IS NOT NULL) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 3 FOLLOWING) FROM orders
SELECT customer_id, placed, sum(flag) OVER (PARTITION BY customer_id ORDER BY placed) AS visit FROM (SELECT *, CASE WHEN placed - lag(placed) OVER (PARTITION BY customer_id ORDER BY placed) > interval '10 days' THEN 1 ELSE 0 END AS flag FROM orders) s
-- Common table expressions
WITH big AS (SELECT * FROM orders WHERE total > 300) SELECT count(*) FROM big
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
WITH a AS MATERIALIZED (SELECT * FROM orders), b AS NOT MATERIALIZED (SELECT * FROM a WHERE id < 10) TABLE b
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT sum(i) FROM n
WITH RECURSIVE tree AS (SELECT id, name, 1 AS depth, ARRAY[id] AS path FROM employee WHERE manager_id IS NULL UNION ALL SELECT e.id, e.name, t.depth + 1, t.path || e.id FROM employee e JOIN tree t ON e.manager_id = t.id) SELECT * FROM tree ORDER BY path
WITH RECURSIVE tree AS (SELECT id, manager_id, name FROM employee WHERE id = 1 UNION ALL SELECT e.id, e.manager_id, e.name FROM employee e JOIN tree t ON e.manager_id = t.id) SEARCH DEPTH FIRST BY id SET ord SELECT * FROM tree ORDER BY ord
WITH RECURSIVE tree AS (SELECT id, manager_id FROM employee WHERE id = 1 UNION ALL SELECT e.id, e.manager_id FROM employee e JOIN tree t ON e.manager_id = t.id) SEARCH BREADTH FIRST BY id SET ord CYCLE id SET looped USING path SELECT id, looped FROM tree
WITH RECURSIVE fib(a, b) AS (SELECT 0::numeric, 1::numeric UNION ALL SELECT b, a + b FROM fib WHERE a < 1000000) SELECT a FROM fib
WITH RECURSIVE days(d) AS (SELECT date '2025-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < '2025-01-31') SELECT d, count(o.id) FROM days LEFT JOIN orders o ON o.placed::date = d GROUP BY d ORDER BY d
WITH monthly AS (SELECT date_trunc('month', placed) AS m, sum(total) AS s FROM orders GROUP BY 1) SELECT m, s, s - lag(s) OVER (ORDER BY m) AS growth, round(100 * s / sum(s) OVER (), 1) AS percent FROM monthly
WITH first AS (SELECT customer_id, min(placed)::date AS since FROM orders GROUP BY 1) SELECT date_trunc('month', since) AS cohort, count(*) FROM first GROUP BY 1
WITH ranked AS (SELECT product_id, sum(quantity) AS sold, rank() OVER (ORDER BY sum(quantity) DESC) AS place FROM item GROUP BY product_id) SELECT p.name, sold FROM ranked JOIN product p ON p.id = product_id WHERE place <= 3
SELECT * FROM (WITH x AS (SELECT 1 AS a) SELECT * FROM x) inner_query
WITH outer_query AS (WITH inner_query AS (SELECT 42 AS answer) SELECT * FROM inner_query) TABLE outer_query
-- JSON
SELECT body -> 'page', body ->> 'page', body #> '{user,id}', body #>> '{user,id}', body -> 'tags' -> 0 FROM event
SELECT raw -> 'n', raw ->> 'n' FROM event
SELECT body['user']['id'], body['tags'][1] FROM event
SELECT * FROM event WHERE body @> '{"page": "/p1"}'
SELECT * FROM event WHERE body ? 'page' AND body ?| ARRAY['x', 'ms'] AND body ?& ARRAY['page', 'ms']
SELECT * FROM event WHERE body @? '$.tags[*] ? (@ == "a")' AND body @@ '$.ms > 50'
SELECT body || '{"extra": true}', body - 'page', body - ARRAY['page', 'ms'], body #- '{user,id}' FROM event LIMIT 3
SELECT jsonb_path_query(body, '$.tags[*]'), jsonb_path_query_first(body, '$.user.id') FROM event LIMIT 5
SELECT jsonb_path_exists(body, '$.ms ? (@ > $min)', '{"min": 10}'), jsonb_path_match(body, '$.ms > 10'), jsonb_path_query_array(body, '$.tags[*]') FROM event LIMIT 5
SELECT jsonb_path_query_tz('["2025-01-01T10:00:00+01"]', '$[*].datetime() ? (@ < "2026-01-01".datetime())')
SELECT jsonb_set(body, '{page}', '"x"'), jsonb_set_lax(body, '{page}', NULL), jsonb_insert(body, '{tags,0}', '"z"') FROM event LIMIT 2
SELECT jsonb_typeof(body), json_typeof(raw), jsonb_array_length(body -> 'tags'), jsonb_pretty(body) FROM event LIMIT 2
SELECT key, value FROM event, jsonb_each(body) LIMIT 10
SELECT key, value FROM event, jsonb_each_text(body) LIMIT 10
SELECT e.id, t FROM event e, jsonb_array_elements(e.body -> 'tags') t LIMIT 10
SELECT e.id, t FROM event e CROSS JOIN jsonb_array_elements_text(e.body -> 'tags') WITH ORDINALITY AS x(t, n) LIMIT 10
SELECT jsonb_object_keys(body) FROM event LIMIT 10
SELECT * FROM jsonb_to_record('{"a": 1, "b": "x"}') AS r(a int, b text)
SELECT * FROM jsonb_to_recordset('[{"a": 1}, {"a": 2}]') AS r(a int)
SELECT * FROM json_to_recordset('[{"a": 1, "d": "2025-01-01"}]') AS r(a int, d date)
SELECT * FROM json_populate_record(NULL::product, '{"id": 1, "name": "x"}')
SELECT * FROM jsonb_populate_recordset(NULL::product, '[{"id": 1}, {"id": 2}]')
SELECT json_build_object('a', 1, 'b', ARRAY[1, 2]), json_build_array(1, 'x', NULL), jsonb_build_object('k', now())
SELECT to_json(c), to_jsonb(c), row_to_json(c), row_to_json(row(1, 2)), array_to_json(ARRAY[1, 2]) FROM customer c LIMIT 1
SELECT json_object('{a, 1, b, 2}'), json_object('{a, b}', '{1, 2}'), jsonb_object(ARRAY['a', '1'])
SELECT json_strip_nulls('{"a": null, "b": 1}'), jsonb_strip_nulls('{"a": null}')
SELECT JSON_OBJECT('a': 1, 'b': 'x' NULL ON NULL), JSON_ARRAY(1, 2, NULL ABSENT ON NULL), JSON_ARRAY(SELECT id FROM customer LIMIT 3)
SELECT JSON_OBJECTAGG(id: name), JSON_ARRAYAGG(name ORDER BY id) FROM customer WHERE id < 5
SELECT JSON_VALUE(body, '$.page'), JSON_VALUE(body, '$.ms' RETURNING int DEFAULT 0 ON EMPTY), JSON_QUERY(body, '$.tags' WITH WRAPPER), JSON_EXISTS(body, '$.user') FROM event LIMIT 5
SELECT j.* FROM event, JSON_TABLE(body, '$' COLUMNS (page text PATH '$.page', ms int PATH '$.ms', NESTED PATH '$.tags[*]' COLUMNS (tag text PATH '$'))) j LIMIT 10
SELECT body IS JSON, '{"a":1}' IS JSON OBJECT, '[1]' IS JSON ARRAY WITH UNIQUE KEYS, '1' IS NOT JSON SCALAR FROM event LIMIT 1
SELECT JSON('{"a": 1}'), JSON_SCALAR(1), JSON_SERIALIZE('{"a": 1}' RETURNING text)
SELECT details ->> 'colour' AS colour, count(*), avg(price) FROM product GROUP BY 1
SELECT name FROM product WHERE (details #>> '{maker,name}') = 'M1' AND (details -> 'sizes' ->> 0)::int > 5
SELECT body ->> 'page' AS page, percentile_cont(0.95) WITHIN GROUP (ORDER BY (body ->> 'ms')::int) FROM event GROUP BY 1
SELECT jsonb_agg(jsonb_build_object('id', c.id, 'orders', (SELECT coalesce(jsonb_agg(o.id), '[]') FROM orders o WHERE o.customer_id = c.id))) FROM customer c WHERE c.id < 5
SELECT jsonb_extract_path(body, 'user', 'id'), jsonb_extract_path_text(body, 'page'), json_extract_path_text(raw, 'n') FROM event LIMIT 2
SELECT '[1, 2]'::jsonb @> '1', '{"a": {"b": 1}}'::jsonb @> '{"a": {}}', '1'::jsonb <@ '[1]'
-- Arrays
SELECT ARRAY[1, 2, 3], '{1,2,3}'::int[], ARRAY[[1, 2], [3, 4]], ARRAY(SELECT id FROM product LIMIT 3)
SELECT tags[1], tags[1:2], tags[:1], tags[2:], array_length(tags, 1), cardinality(tags), array_ndims(tags), array_dims(tags) FROM customer LIMIT 3
SELECT * FROM customer WHERE 't1' = ANY (tags)
SELECT * FROM customer WHERE tags && ARRAY['t1', 't2'] AND tags @> ARRAY['t1'] AND NOT tags <@ ARRAY['t9']
SELECT array_append(tags, 'x'), array_prepend('x', tags), array_cat(tags, tags), tags || 'y'::text, array_remove(tags, 't1'), array_replace(tags, 't1', 'u') FROM customer LIMIT 2
SELECT array_position(tags, 't1'), array_positions(ARRAY[1, 2, 1], 1), array_to_string(tags, ',', '-'), string_to_array('a,b', ','), array_fill(0, ARRAY[2, 2]) FROM customer LIMIT 2
SELECT unnest(ARRAY[1, 2]), unnest(ARRAY['a', 'b', 'c'])
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS u(n, t)
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b'])) WITH ORDINALITY AS r(a, b, n)
SELECT generate_subscripts(tags, 1), tags FROM customer LIMIT 4
SELECT array_agg(x ORDER BY x) FROM unnest(ARRAY[3, 1, 2]) x
SELECT trim_array(ARRAY[1, 2, 3], 1), array_sort(ARRAY[3, 1, 2]), array_reverse(ARRAY[1, 2, 3])
SELECT array_shuffle(ARRAY[1, 2, 3]), array_sample(ARRAY[1, 2, 3], 2)
SELECT ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3], 2 = ANY ('{1,2}'::int[]), array_lower(ARRAY[5], 1), array_upper(ARRAY[5], 1)
SELECT tag, count(*) FROM customer, unnest(tags) tag GROUP BY tag ORDER BY 2 DESC
SELECT string_to_table('a,b,c', ','), regexp_split_to_table('a1b2c', '\d')
-- Text
SELECT upper(name), lower(name), initcap(name), length(name), char_length(name), octet_length(name), bit_length(name) FROM customer LIMIT 2
SELECT substring(name FROM 1 FOR 3), substring(name, 2), substr(name, 2, 3), left(name, 3), right(name, 2), substring(name FROM '\d+') FROM customer LIMIT 3
SELECT trim(BOTH 'x' FROM 'xxaxx'), trim('  a '), ltrim(' a'), rtrim('a '), btrim('xax', 'x'), lpad('5', 3, '0'), rpad('5', 3, '*')
SELECT replace(name, 'Customer', 'C'), translate('abc', 'ab', 'xy'), reverse('abc'), repeat('ab', 3), split_part('a-b-c', '-', 2), overlay('abcdef' PLACING 'X' FROM 2 FOR 3) FROM customer LIMIT 1
SELECT position('b' IN 'abc'), strpos('abc', 'c'), starts_with('abc', 'ab'), 'abc' ^@ 'a', ascii('a'), chr(65), md5('a')
SELECT format('Hello %s, %I is %L and %1$s', 'you', 'a column', 'it''s'), quote_ident('a b'), quote_literal('it''s'), quote_nullable(NULL)
SELECT regexp_replace('a1b2', '\d', 'x', 'g'), regexp_match('foobar', 'o(b)a'), regexp_matches('a1b2', '\d', 'g'), regexp_split_to_array('a b', ' ')
SELECT regexp_count('abcabc', 'b'), regexp_instr('abc', 'c'), regexp_like('abc', 'B', 'i'), regexp_substr('a12', '\d+')
SELECT to_char(1234.5, '9,999.99'), to_char(now(), 'YYYY-MM-DD HH24:MI:SS'), to_char(interval '1 day', 'DD'), to_number('1,234', '9,999'), to_hex(255), to_bin(5), to_oct(8)
SELECT encode('abc', 'base64'), decode('YWJj', 'base64'), encode(sha256('abc'), 'hex'), convert_from('abc', 'UTF8'), convert_to('abc', 'LATIN1'), sha512('a'), crc32('a')
SELECT normalize('é', NFC), 'é' IS NORMALIZED, unistr('\0441'), unicode_version(), casefold('ABC')
SELECT 'a' < 'b' COLLATE "C", COLLATION FOR ('a'::text), name COLLATE "und-x-icu" FROM customer LIMIT 1
SELECT name LIKE 'C%' ESCAPE '\', name NOT LIKE '%x', name ~~ 'C%', name !~~* 'x%' FROM customer LIMIT 1
SELECT parse_ident('"A".b'), string_agg(chr(64 + i), '') FROM generate_series(1, 26) i
SELECT concat(variadic ARRAY['a', 'b']), num_nulls(1, NULL), num_nonnulls(1, NULL), format('%s', VARIADIC ARRAY['x'])
SELECT 'abc'::varchar(2), 'abc'::char(5), 'abc'::name, '\x616263'::bytea, get_byte('\x61'::bytea, 0), set_byte('\x61'::bytea, 0, 98), get_bit('\x61'::bytea, 0)
SELECT similarity('word', 'two words'), 'word' % 'words', word_similarity('word', 'words'), show_trgm('abc'), 'a' <-> 'b'
SELECT name FROM customer ORDER BY name <-> 'Customer 5' LIMIT 3
SELECT levenshtein('kitten', 'sitting'), soundex('Robert'), metaphone('Thompson', 4), dmetaphone('Smith'), difference('a', 'b')
SELECT unaccent('Zürich'), login = 'LOGIN1', login::text FROM customer LIMIT 1
SELECT attributes -> 'size', attributes ? 'size', akeys(attributes), hstore_to_json(attributes), attributes || 'a=>1' FROM customer LIMIT 2
SELECT * FROM each('a=>1,b=>2'::hstore)
SELECT path, nlevel(path), subpath(path, 1), path <@ 'top.c1', path ~ 'top.*.p1' FROM product LIMIT 3
SELECT digest('a', 'sha256'), hmac('a', 'k', 'sha1'), gen_random_bytes(4) IS NOT NULL, gen_random_uuid() IS NOT NULL
SELECT uuid_generate_v4() IS NOT NULL, uuidv7() IS NOT NULL, uuid_extract_version(uuidv4()), uuid_nil()
-- Full text
SELECT title FROM document WHERE search @@ to_tsquery('english', 'fox & dog')
SELECT title, ts_rank(search, q), ts_rank_cd(search, q) FROM document, plainto_tsquery('english', 'quick fox') q WHERE search @@ q ORDER BY 2 DESC
SELECT ts_headline('english', body, websearch_to_tsquery('english', 'quick -slow "brown fox"')) FROM document LIMIT 3
SELECT to_tsvector('a b c'), 'a b'::tsvector @@ 'a'::tsquery, phraseto_tsquery('quick brown'), 'a'::tsquery && 'b'::tsquery, !! 'a'::tsquery
SELECT setweight(search, 'A'), strip(search), length(search), tsvector_to_array(search), numnode('a & b'::tsquery), querytree('a'::tsquery) FROM document LIMIT 1
SELECT * FROM ts_debug('english', 'a fat cat') LIMIT 3
SELECT * FROM unnest('fat:2,4 cat:3'::tsvector)
SELECT ts_lexize('english_stem', 'stars'), get_current_ts_config(), to_tsvector('simple', body) FROM document LIMIT 1
-- Numbers
SELECT round(1.555, 2), round(2.5), ceil(1.2), ceiling(1.2), floor(1.8), trunc(1.99, 1), sign(-3), mod(7, 3), div(7, 3), power(2, 3), sqrt(16), cbrt(27), exp(1), ln(2), log(100), log(2, 8)
SELECT sin(1), cos(1), tan(1), asin(1), acos(1), atan(1), atan2(1, 2), cot(1), sind(30), radians(180), degrees(3.14), pi(), sinh(1), gamma(5), lgamma(3), erf(1)
SELECT gcd(12, 18), lcm(4, 6), factorial(5), scale(1.50), min_scale(1.50), trim_scale(1.50), width_bucket(5, ARRAY[1, 3, 9])
SELECT random() BETWEEN 0 AND 1, random(1, 6) > 0, random_normal() IS NOT NULL
SELECT 10::numeric / 3, 10 / 3, 10.0 / 3, 2::float8 ^ 0.5, 5::money, 1::bigint << 40, bit_count(B'1101')
SELECT 9223372036854775807, -9223372036854775808, 123456789012345678901234567890.123456789
SELECT sum(price * quantity)::numeric(12, 2), avg(price)::float4, round(avg(quantity), 3) FROM item
SELECT CAST('12' AS integer), '12'::numeric(5, 1), int '5', float8 '1.5', numeric '1.50', 3::text, 1::boolean
-- Dates
SELECT now(), current_timestamp, current_date, current_time, localtime, localtimestamp, clock_timestamp(), statement_timestamp(), transaction_timestamp(), timeofday()
SELECT date '2025-01-31' + 1, date '2025-03-01' - date '2025-02-01', timestamp '2025-01-01' + interval '1 month', interval '1 day' * 3, interval '10 hours' / 4
SELECT extract(year FROM placed), extract(epoch FROM placed), date_part('month', placed), date_trunc('day', placed), date_trunc('hour', placed, 'Europe/Zurich') FROM orders LIMIT 3
SELECT placed AT TIME ZONE 'Europe/Zurich', placed AT LOCAL, timezone('UTC', placed), placed::date, placed::time FROM orders LIMIT 3
SELECT age(timestamp '2025-01-01', timestamp '1990-05-17'), age(born) FROM customer LIMIT 2
SELECT make_date(2025, 1, 31), make_time(8, 15, 23.5), make_timestamp(2025, 1, 1, 0, 0, 0), make_timestamptz(2025, 1, 1, 0, 0, 0, 'UTC'), make_interval(days => 10, hours => 2)
SELECT to_date('31.01.2025', 'DD.MM.YYYY'), to_timestamp('2025-01-31', 'YYYY-MM-DD'), to_timestamp(1700000000), isfinite(date 'infinity')
SELECT justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour'), date_bin('15 minutes', timestamp '2025-01-01 10:07', timestamp '2025-01-01')
SELECT (date '2025-01-01', date '2025-02-01') OVERLAPS (date '2025-01-15', interval '1 day'), date_add(now(), '1 day'), date_subtract(now(), '1 day')
SELECT generate_series(timestamp '2025-01-01', '2025-01-02', '6 hours')
SELECT d::date, count(o.id) FROM generate_series(timestamptz '2025-01-01', '2025-02-01', '1 day') d LEFT JOIN orders o ON o.placed >= d AND o.placed < d + interval '1 day' GROUP BY d ORDER BY d
SELECT interval '1 year 2 months 3 days 04:05:06', interval 'P1Y2M', interval '1' day, interval '1-2' year to month, '1 day'::interval(0)
SELECT * FROM orders WHERE placed >= now() - interval '10 years' AND placed < current_date + 1
SELECT date_trunc('quarter', placed) AS quarter, count(*) FROM orders GROUP BY quarter
SELECT to_char(placed, 'Day, DD Mon YYYY'), to_char(placed, 'IYYY-"W"IW') FROM orders LIMIT 2
SELECT sensor, date_bin('1 hour', at, timestamp '2025-01-01') AS hour, avg(value), min(value), max(value) FROM reading GROUP BY 1, 2 ORDER BY 1, 2
SELECT timestamp with time zone '2025-01-01 10:00+02', time '10:00', time with time zone '10:00+02', timestamp(0) '2025-01-01 10:00:00.6'
SELECT extract(isodow FROM born), extract(week FROM born), extract(quarter FROM born), extract(doy FROM born), extract(century FROM born) FROM customer LIMIT 1
-- Ranges, geometry, networks, bits, XML
SELECT room, lower(during), upper(during), isempty(during), lower_inc(during), upper_inc(during), lower_inf(during), upper_inf(during) FROM booking
SELECT * FROM booking WHERE during @> timestamptz '2025-01-03 12:00' OR days && daterange('2025-01-05', '2025-01-06')
SELECT int4range(1, 5) * int4range(3, 8), int4range(1, 5) + int4range(5, 8), int4range(1, 5) - int4range(3, 8), int4range(1, 3) << int4range(5, 8), int4range(1, 3) -|- int4range(3, 5)
SELECT numrange(1.5, 2.5, '[]') @> 2.0, range_merge(int4range(1, 2), int4range(5, 6)), '[1,5)'::int8range, tsrange(now()::timestamp, NULL)
SELECT '{[1,3), [5,8)}'::int4multirange, datemultirange(days), unnest('{[1,3), [5,8)}'::int4multirange), multirange(int4range(1, 2)) FROM booking LIMIT 1
SELECT spot <-> point(0, 0), area @> spot, area(round), center(area), diameter(round), height(area), width(area), radius(round) FROM shape
SELECT spot[0], point(1, 2) + point(3, 4), lseg(point(0, 0), point(1, 1)), '((0,0),(1,1))'::box && '((0.5,0.5),(2,2))'::box, npoints(outline), line(point(0, 0), point(1, 1)), slope(point(0, 0), point(1, 1)) FROM shape LIMIT 1
SELECT host(address), family(address), masklen(net), netmask(net), network(address), broadcast(net), hostmask(net), text(address), abbrev(net), address << net, address + 1, set_masklen(net, 16), mac, trunc(mac) FROM network
SELECT * FROM network WHERE address <<= '10.0.0.0/29' AND inet_same_family(address, '::1') IS FALSE
SELECT B'101' & B'110', B'101' | B'010', ~ B'101', B'101' << 1, '5'::int::bit(8), bit_length(B'101')
SELECT xmlelement(name row, xmlattributes(id AS key), name), xmlforest(id, name), xmlconcat('<a/>', '<b/>') FROM customer LIMIT 2
SELECT xpath('/a/b/text()', '<a><b>x</b></a>'), xpath_exists('/a', '<a/>'), xml_is_well_formed('<a/>'), xmlparse(DOCUMENT '<a/>'), xmlserialize(CONTENT '<a/>'::xml AS text), '<a/>'::xml IS DOCUMENT, xmlcomment('x'), xmlpi(name x), xmlroot('<a/>'::xml, version '1.0'), xmlexists('/a' PASSING xml '<a/>')
SELECT t.* FROM XMLTABLE('/r/i' PASSING xml '<r><i id="1">a</i><i id="2">b</i></r>' COLUMNS n FOR ORDINALITY, id int PATH '@id', v text PATH '.') t
SELECT earth_distance(ll_to_earth(47, 8), ll_to_earth(46, 7)), cube(1, 2), cube_distance(cube(0), cube(3)), point(8, 47) <@> point(7, 46)
SELECT ARRAY[1, 2, 3] & ARRAY[2, 3], icount(ARRAY[1, 2]), sort(ARRAY[3, 1]), uniq(ARRAY[1, 1, 2]), idx(ARRAY[5, 6], 6)
-- The customer's own functions and types
SELECT name, vat(balance) FROM customer
SELECT * FROM orders_of(3)
SELECT c.label, label(c) FROM customer c LIMIT 3
SELECT c.name, o.* FROM customer c, LATERAL orders_of(c.id) o LIMIT 5
SELECT 'paid'::status, enum_range(NULL::status), enum_first(NULL::status), enum_last(NULL::status), 'paid'::status > 'new', 'x@y'::email
SELECT public.vat(100), pg_catalog.lower('A'), public.customer.name FROM public.customer LIMIT 1
-- Generated by BI tools and mappers
SELECT "t0"."id" AS "c0", "t0"."name" AS "c1" FROM "public"."customer" AS "t0" WHERE ("t0"."country" = 'CH') ORDER BY "t0"."id" ASC LIMIT 1001
SELECT "source"."state" AS "state", SUM("source"."total") AS "sum" FROM (SELECT "public"."orders"."state" AS "state", "public"."orders"."total" AS "total" FROM "public"."orders") "source" GROUP BY "source"."state" ORDER BY "source"."state" ASC
SELECT DATE_TRUNC('month', "public"."orders"."placed") AS "placed", COUNT(*) AS "count" FROM "public"."orders" WHERE "public"."orders"."placed" >= CAST((NOW() + INTERVAL '-600 month') AS timestamp) GROUP BY DATE_TRUNC('month', "public"."orders"."placed") ORDER BY 1 ASC
SELECT CAST(EXTRACT(YEAR FROM "orders"."placed") AS INTEGER) AS "yr:placed:ok", SUM("orders"."total") AS "sum:total:ok" FROM "public"."orders" "orders" GROUP BY 1
SELECT CAST("customer"."name" AS TEXT) AS "name", SUM(1) AS "sum:Number of Records:ok" FROM "public"."customer" "customer" GROUP BY 1 HAVING (COUNT(1) > 0)
SELECT COALESCE(SUM("orders"."total"), 0) AS "sum" FROM "orders" WHERE "orders"."customer_id" IN (SELECT "customer"."id" FROM "customer" WHERE UPPER("customer"."name"::text) LIKE UPPER('%cust%'))
SELECT "orders".* FROM "orders" INNER JOIN "customer" ON "customer"."id" = "orders"."customer_id" WHERE "customer"."country" = 'DE' ORDER BY "orders"."placed" DESC LIMIT 20 OFFSET 0
SELECT 1 AS one FROM "customer" WHERE "customer"."mail" = 'c1@example.org' LIMIT 1
SELECT COUNT(*) FROM (SELECT 1 AS one FROM "orders" LIMIT 100) subquery_for_count
SELECT COUNT(DISTINCT "customer"."id") FROM "customer" LEFT OUTER JOIN "orders" ON "orders"."customer_id" = "customer"."id"
SELECT c.id AS c_id, c.name AS c_name, (SELECT json_agg(sub) FROM (SELECT o.id, o.total FROM orders o WHERE o.customer_id = c.id) sub) AS orders FROM customer c LIMIT 5
SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_e" FROM (SELECT "_root.base"."id" AS "id", "_root.base"."name" AS "name") AS "_e")) AS "root" FROM (SELECT * FROM "public"."customer" LIMIT 5) AS "_root.base") AS "_root"
WITH pgrst_source AS (SELECT "public"."customer".* FROM "public"."customer" LIMIT 5) SELECT NULL::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body FROM (SELECT * FROM pgrst_source) _postgrest_t
SELECT customer.id AS customer_id, customer.name AS customer_name, anon_1.n AS anon_1_n FROM customer LEFT OUTER JOIN (SELECT orders.customer_id AS customer_id, count(orders.id) AS n FROM orders GROUP BY orders.customer_id) AS anon_1 ON customer.id = anon_1.customer_id
SELECT t."id", t."total" FROM (SELECT "Extent1".*, row_number() OVER (ORDER BY "Extent1"."id" ASC) AS "row_number" FROM "public"."orders" AS "Extent1") AS t WHERE t."row_number" > 10 ORDER BY t."id" ASC LIMIT 10
SELECT * FROM (SELECT * FROM orders) AS spark_gen_1 WHERE 1=0
SELECT MIN("id"), MAX("id") FROM (SELECT * FROM orders) AS split_range
SELECT "$__x".total FROM (SELECT total FROM orders) AS "$__x" CROSS JOIN (SELECT 1) y LIMIT 0
SELECT "$__timeGroup".time, avg(value) FROM (SELECT floor(extract(epoch FROM at) / 300) * 300 AS time, value FROM reading) AS "$__timeGroup" GROUP BY 1 ORDER BY 1
-- Introspection
SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
SELECT column_name, data_type, is_nullable, column_default, character_maximum_length, numeric_precision FROM information_schema.columns WHERE table_name = 'customer' ORDER BY ordinal_position
SELECT tc.constraint_name, tc.constraint_type, kcu.column_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name) WHERE tc.table_schema = 'public'
SELECT kcu.table_name, kcu.column_name, ccu.table_name AS foreign_table FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu ON tc.constraint_name = kcu.constraint_name JOIN information_schema.constraint_column_usage ccu ON ccu.constraint_name = tc.constraint_name WHERE tc.constraint_type = 'FOREIGN KEY'
SELECT schema_name FROM information_schema.schemata
SELECT routine_name, data_type FROM information_schema.routines WHERE routine_schema = 'public'
SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = 'public'
SELECT * FROM information_schema.referential_constraints
SELECT * FROM information_schema.sequences
SELECT grantee, privilege_type FROM information_schema.role_table_grants WHERE table_name = 'customer'
SELECT n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname !~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull, col_description(a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'public.customer'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
SELECT c2.relname, i.indisprimary, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), pg_catalog.pg_get_constraintdef(con.oid, true) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON c.oid = i.indrelid JOIN pg_catalog.pg_class c2 ON i.indexrelid = c2.oid LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid WHERE c.relname = 'orders'
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'item'::regclass
SELECT t.oid, t.typname, t.typtype, t.typelem, n.nspname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('b', 'e', 'd', 'r') ORDER BY 1 LIMIT 50
SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname = 'status' ORDER BY e.enumsortorder
SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'public'::regnamespace LIMIT 20
SELECT pg_get_viewdef('paid'::regclass, true), pg_get_functiondef('vat'::regproc), to_regclass('nowhere'), to_regtype('int4')
SELECT relname, n_live_tup, n_dead_tup, last_vacuum, last_analyze FROM pg_stat_user_tables ORDER BY n_live_tup DESC
SELECT relname, indexrelname, idx_scan FROM pg_stat_user_indexes
SELECT datname, numbackends, xact_commit, blks_hit FROM pg_stat_database
SELECT relname, pg_size_pretty(pg_total_relation_size(oid)), pg_table_size(oid), pg_indexes_size(oid), pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
SELECT pg_database_size(current_database()), pg_size_bytes('1 MB'), pg_column_size(1), pg_typeof(1.5)
SELECT datname, pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE NOT datistemplate
SELECT rolname, rolsuper, rolcanlogin FROM pg_roles ORDER BY 1
SELECT schemaname, tablename, tableowner FROM pg_tables WHERE schemaname = 'public'
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
SELECT schemaname, viewname, definition FROM pg_views WHERE schemaname = 'public'
SELECT attname, n_distinct, null_frac, most_common_vals FROM pg_stats WHERE tablename = 'orders'
SELECT extname, extversion FROM pg_extension
SELECT name, default_version FROM pg_available_extensions LIMIT 5
SELECT collname, collprovider FROM pg_collation LIMIT 5
SELECT inhrelid::regclass, inhparent::regclass FROM pg_inherits
SELECT * FROM pg_partition_tree('orders'::regclass)
SELECT nspname, has_schema_privilege(oid, 'USAGE') FROM pg_namespace
SELECT has_table_privilege('customer', 'SELECT'), has_column_privilege('customer', 'name', 'SELECT'), has_database_privilege(current_database(), 'CONNECT'), has_function_privilege('vat(numeric)', 'EXECUTE')
SELECT pg_get_serial_sequence('customer', 'id'), pg_get_userbyid(10), format_type(23, NULL), pg_has_role(current_user, 'USAGE')
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy
SELECT srvname FROM pg_foreign_server
SELECT seqrelid::regclass, seqstart FROM pg_sequence
SELECT d.description FROM pg_description d WHERE d.objoid = 'customer'::regclass
SELECT name, abbrev, utc_offset FROM pg_timezone_names WHERE name = 'Europe/Zurich'
SELECT version(), current_database(), current_catalog, current_schema, current_schemas(true), current_user, session_user, user, current_role
SELECT pg_backend_pid(), pg_is_in_recovery(), pg_postmaster_start_time(), pg_conf_load_time(), inet_server_port(), pg_client_encoding(), getdatabaseencoding()
SELECT current_setting('server_version_num')::int, current_setting('TimeZone'), current_setting('search_path', true)
SELECT locktype, mode, granted FROM pg_locks LIMIT 5
SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' LIMIT 3
-- SHOW and EXPLAIN
SHOW server_version
SHOW search_path
SHOW TimeZone
SHOW TRANSACTION ISOLATION LEVEL
SHOW server_encoding
SHOW max_connections
SHOW work_mem
SHOW statement_timeout
SHOW standard_conforming_strings
SHOW DateStyle
SHOW max_identifier_length
SHOW enable_seqscan
EXPLAIN SELECT * FROM customer WHERE id = 1
EXPLAIN (FORMAT JSON) SELECT count(*) FROM orders
EXPLAIN (VERBOSE, COSTS off, SETTINGS) SELECT * FROM orders JOIN customer ON customer.id = customer_id
EXPLAIN (FORMAT YAML, SUMMARY, MEMORY) SELECT 1
EXPLAIN VERBOSE WITH x AS (SELECT 1) TABLE x
EXPLAIN (GENERIC_PLAN) SELECT * FROM orders WHERE id = 5
-- Time, chance and patience
SELECT pg_sleep(0), pg_sleep(0.01)
SELECT generate_series(1, 10), generate_series(10, 1, -3), generate_series(1.5, 3, 0.5)
SELECT i, md5(i::text), repeat('x', i) FROM generate_series(1, 100) i
SELECT setseed FROM (SELECT 0.5 AS setseed) s
