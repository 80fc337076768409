-- Plain reading
SELECT 1
SELECT 1 AS one, 'two' AS two, 3.5 AS three, NULL AS nothing, TRUE AS yes
SELECT 1;
SELECT 1 FROM DUAL WHERE 1 = 1
SELECT * FROM customer
SELECT `id`, `name` FROM `customer` WHERE `country` = 'CH' ORDER BY `name` LIMIT 10 OFFSET 5
SELECT id, name FROM customer WHERE country = "CH" ORDER BY name DESC LIMIT 5, 10
SELECT c.* FROM customer AS c WHERE c.id BETWEEN 10 AND 20
SELECT c.* FROM customer c WHERE c.id NOT BETWEEN (10) AND (20)
SELECT * FROM customer WHERE id IN (1, 2, 3) AND NOT name LIKE 'X%'
SELECT * FROM customer WHERE name LIKE '%\_5%' OR name LIKE '%|%%' ESCAPE '|'
SELECT * FROM customer WHERE name REGEXP '^C.*9$' OR name NOT RLIKE 'zzz'
SELECT * FROM customer WHERE name SOUNDS LIKE 'customer'
SELECT * FROM customer WHERE born IS NOT NULL AND mail IS NULL AND (active IS TRUE OR balance IS NOT UNKNOWN)
SELECT DISTINCT country FROM customer ORDER BY country DESC
SELECT DISTINCT(country) FROM customer
SELECT DISTINCTROW country FROM customer
SELECT ALL country FROM customer
SELECT name FROM customer ORDER BY CHAR_LENGTH(name), LOWER(name) COLLATE utf8mb4_bin LIMIT 5
SELECT * FROM orders WHERE total > 100.5 AND state <> 'new' AND state != 'paid'
SELECT * FROM orders WHERE (customer_id, state) = (1, 'paid')
SELECT * FROM orders WHERE ROW(customer_id, state) IN (ROW(1, 'paid'), ROW(2, 'new'))
SELECT * FROM orders WHERE (customer_id, id) > (5, 10) ORDER BY customer_id, id LIMIT 3
SELECT * FROM orders WHERE note <=> NULL
SELECT id, total IS NULL AS missing, (total > 100) IS TRUE AS large, (total > 100) IS NOT FALSE AS known FROM orders
SELECT CASE state WHEN 'new' THEN 'open' WHEN 'paid' THEN 'closed' ELSE 'other' END FROM orders
SELECT CASE WHEN (total > 500) THEN ('big') WHEN total > 100 THEN 'middle' ELSE ('small') END AS size, COUNT(*) FROM orders GROUP BY size
SELECT COALESCE(note, 'none'), NULLIF(state, 'new'), IFNULL(total, 0), GREATEST(total, 10), LEAST(total, 10) FROM orders
SELECT IF(total > 100, 'yes', 'no'), IF (total > 100, 1, 0), ISNULL(note) FROM orders
SELECT -total, +total, total * 2, total / 3, total % 7, total DIV 7, total MOD 7, !active, NOT(active), ~1 FROM orders JOIN customer ON customer.id = orders.id LIMIT 3
SELECT 5 & 3, 5 | 3, 5 ^ 3, 1 << 4, 16 >> 2, 1 XOR 0, 1 && 1, 0 || 1
SELECT 5--3, 5 - -3, 5- - -3
SELECT 'a' 'b' "c", CONCAT('a', 1, NULL, TRUE), CONCAT_WS(', ', 'a', NULL, 'b')
SELECT EXISTS (SELECT 1 FROM orders WHERE total > 600), (SELECT MAX(total) FROM orders)
SELECT EXISTS(SELECT * FROM orders)
SELECT * FROM customer c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.state = 'paid')
SELECT * FROM customer c WHERE c.id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL)
SELECT * FROM customer WHERE balance > ALL (SELECT total / 10 FROM orders)
SELECT * FROM customer WHERE balance = ANY (SELECT total FROM orders) OR balance > SOME (SELECT 1)
SELECT * FROM paid LIMIT 5
SELECT name AS "Full Name", country AS 'Land', balance `Guthaben` FROM customer
SELECT /* a comment; with a semicolon */ 1 -- and another one
SELECT /* it's "not" `closed */ 1 # and 'another
SELECT 1 /**/ + /***/ 2 /* -- */ , 3
SELECT 'it''s', 'it\'s', "say ""hi""", "say \"hi\"", 'back\\slash', 'tab\tnew\nline', '-- no comment', '/* none */', '# none', '; none'
SELECT b'1010', B'01', x'1F', X'1f', 0x1F, 0b101, 1.5e10, 1e5, 1E-3, .5, 5., -0.0
SELECT N'national', n'lower', _utf8mb4'introduced', _latin1'x', _utf8mb4 'apart', _binary x'41', _utf8mb4 x'c3bc' COLLATE utf8mb4_bin
SELECT DATE '2026-11-22', TIME '13:45:00', TIMESTAMP '2026-11-22 13:45:00.5'
SELECT {d '2026-11-22'}, {t '13:45:00'}, {ts '2026-11-22 13:45:00'}
SELECT * FROM customer WHERE joined >= {ts '2024-01-10 00:00:00'} AND born < {d '1980-01-01'}
SELECT TRUE AND FALSE, TRUE OR FALSE, NOT TRUE, UNKNOWN.x FROM (SELECT 1 AS x) AS UNKNOWN
SELECT * FROM customer WHERE FALSE
SELECT 'Zürich', '東京', '🦉', 'é' = 'e' COLLATE utf8mb4_general_ci
SELECT `group`, `select`, `desc`, `a``b`, `2nd`, `über` FROM `order`
SELECT o.group, o.select, o.desc, o.über FROM `order` o ORDER BY o.desc DESC
SELECT t.2nd FROM `order` t
SELECT über FROM `order`
SELECT date, time, year, status, `user`, type, name, value, data, level, text, comment FROM (SELECT 1 AS date, 2 AS time, 3 AS year, 4 AS status, 5 AS `user`, 6 AS type, 7 AS name, 8 AS value, 9 AS data, 10 AS level, 11 AS text, 12 AS comment) x
SELECT id AS share, name AS next, country AS sequence, born AS handler, mail AS action, balance AS no FROM customer
SELECT SQL_NO_CACHE id FROM customer
SELECT SQL_CALC_FOUND_ROWS id FROM customer LIMIT 1
SELECT SQL_SMALL_RESULT country, COUNT(*) FROM customer GROUP BY country
SELECT HIGH_PRIORITY id FROM customer
SELECT id FROM customer ORDER BY RAND() LIMIT 3
SELECT id FROM customer ORDER BY FIELD(country, 'IT', 'CH') DESC, 1
SELECT * FROM customer ORDER BY country IS NULL, country ASC, (balance) DESC
(SELECT id FROM customer ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM orders ORDER BY id DESC LIMIT 2)
((SELECT 1) UNION (SELECT 2)) ORDER BY 1
SELECT @@version, @@sql_mode, @@session.time_zone, @@global.max_allowed_packet, @@SESSION.autocommit, @@lower_case_table_names
SELECT VERSION(), DATABASE(), SCHEMA(), USER(), CURRENT_USER(), CURRENT_USER, CONNECTION_ID(), CURRENT_ROLE()
-- Joins
SELECT c.name, o.total FROM customer c JOIN orders o ON o.customer_id = c.id
SELECT c.name, o.total FROM customer c INNER JOIN orders o ON (o.customer_id = c.id)
SELECT c.name, o.total FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND o.state = 'paid'
SELECT c.name, o.total FROM orders o RIGHT OUTER JOIN customer c ON o.customer_id = c.id
SELECT a.name, b.name FROM product a CROSS JOIN product b WHERE a.id < b.id LIMIT 10
SELECT a.name, b.name FROM product a, product b WHERE a.id = b.id + 1
SELECT c.name, o.total FROM customer c STRAIGHT_JOIN orders o ON o.customer_id = c.id
SELECT STRAIGHT_JOIN c.name, o.total FROM customer c, orders o WHERE o.customer_id = c.id
SELECT * FROM order_item NATURAL JOIN (SELECT id AS order_id FROM orders) o LIMIT 3
SELECT * FROM order_item JOIN (SELECT id AS order_id, state FROM orders) o USING (order_id) LIMIT 3
SELECT c.name, p.name, i.quantity FROM customer c JOIN orders o ON o.customer_id = c.id JOIN order_item i ON i.order_id = o.id JOIN product p ON p.id = i.product_id WHERE o.state IN ('paid', 'shipped') ORDER BY c.name, p.name
SELECT c.name, x.total FROM customer c LEFT JOIN (orders x JOIN order_item y ON y.order_id = x.id) ON x.customer_id = c.id LIMIT 9
SELECT e.name, m.name AS manager FROM employee e LEFT JOIN employee m ON m.id = e.manager_id
SELECT c.name FROM customer c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL
SELECT * FROM { OJ customer c LEFT OUTER JOIN orders o ON o.customer_id = c.id } LIMIT 5
SELECT * FROM customer c JOIN (SELECT customer_id, SUM(total) AS spent FROM orders GROUP BY customer_id) s ON s.customer_id = c.id
SELECT * FROM (customer c, product p) LIMIT 2
SELECT c.id FROM (customer c) JOIN ((orders o)) ON o.id = c.id
SELECT d.a, d.b FROM (SELECT id, name FROM customer) AS c JOIN (SELECT 1 AS a, 2 AS b) AS d ON TRUE LIMIT 1
-- Index hints, partitions, versions
SELECT * FROM customer USE INDEX (by_country) WHERE country = 'CH'
SELECT * FROM customer FORCE INDEX (by_country) WHERE country = 'CH'
SELECT * FROM customer IGNORE INDEX (by_country, PRIMARY) WHERE country = 'CH'
SELECT * FROM customer USE INDEX () WHERE country = 'CH'
SELECT * FROM customer USE KEY FOR JOIN (by_country) JOIN orders FORCE KEY (by_customer) ON orders.customer_id = customer.id
SELECT country, COUNT(*) FROM customer USE INDEX FOR GROUP BY (by_country) GROUP BY country
SELECT country FROM customer USE INDEX FOR ORDER BY (by_country) ORDER BY country
SELECT * FROM measured PARTITION (p2024, p2025) WHERE sensor = 1
SELECT * FROM measured PARTITION (pmax) AS m
SELECT /*+ NO_INDEX_MERGE(c) */ * FROM customer c
SELECT /*+ JOIN_ORDER(o, c) BKA(c) */ c.name FROM customer c JOIN orders o ON o.customer_id = c.id
SELECT /*+ QB_NAME(qb1) SEMIJOIN(@qb1 FIRSTMATCH) */ 1
SELECT /*+ INDEX(c by_country) */ id FROM customer c WHERE country = 'CH'
-- Grouping
SELECT country, COUNT(*), COUNT(DISTINCT mail), SUM(balance), AVG(balance), MIN(born), MAX(born) FROM customer GROUP BY country
SELECT country, COUNT(*) AS n FROM customer GROUP BY country HAVING n > 5 ORDER BY n DESC
SELECT country, COUNT(*) FROM customer GROUP BY 1 ORDER BY 2 DESC
SELECT country, active, COUNT(*) FROM customer GROUP BY country, active WITH ROLLUP
SELECT COALESCE(country, 'all'), SUM(balance) FROM customer GROUP BY country WITH ROLLUP
SELECT country, GROUP_CONCAT(name) FROM customer GROUP BY country
SELECT country, GROUP_CONCAT(DISTINCT name ORDER BY name DESC SEPARATOR '; ') FROM customer GROUP BY country
SELECT GROUP_CONCAT(CONCAT(id, ':', name) ORDER BY id, name SEPARATOR '\n') FROM product
SELECT STD(balance), STDDEV(balance), STDDEV_POP(balance), STDDEV_SAMP(balance), VARIANCE(balance), VAR_POP(balance), VAR_SAMP(balance) FROM customer
SELECT BIT_AND(id), BIT_OR(id), BIT_XOR(id) FROM customer
SELECT JSON_ARRAYAGG(name), JSON_OBJECTAGG(id, name) FROM product
SELECT YEAR(joined) AS y, MONTH(joined) AS m, COUNT(*) FROM customer GROUP BY y, m ORDER BY y, m
SELECT DATE_FORMAT(joined, '%Y-%m') AS month, COUNT(*) FROM customer GROUP BY month
SELECT DATE(ordered_at) AS `date`, SUM(total) FROM orders GROUP BY DATE(ordered_at)
SELECT state, SUM(CASE WHEN total > 100 THEN 1 ELSE 0 END) AS large, SUM(total > 100) AS also FROM orders GROUP BY state
SELECT customer_id, MAX(IF(state = 'paid', total, NULL)) AS paid, MAX(IF(state = 'new', total, NULL)) AS new FROM orders GROUP BY customer_id
SELECT COUNT(*) FROM customer HAVING COUNT(*) > 0
SELECT SUM(quantity * price) AS revenue FROM order_item
SELECT ROUND(AVG(total), 2), TRUNCATE(AVG(total), 1), FORMAT(AVG(total), 2), FORMAT(AVG(total), 2, 'de_DE') FROM orders
SELECT COUNT(*) AS `count(*)` FROM orders WHERE state = 'paid' OR (state = 'new' AND (total > 5))
-- Sets
SELECT id FROM customer UNION SELECT id FROM orders
SELECT id FROM customer UNION ALL SELECT id FROM orders ORDER BY id LIMIT 5
SELECT id FROM customer UNION DISTINCT SELECT id FROM orders
SELECT id FROM customer INTERSECT SELECT customer_id FROM orders
SELECT id FROM customer EXCEPT SELECT customer_id FROM orders
SELECT id FROM customer EXCEPT (SELECT customer_id FROM orders)
(SELECT id FROM customer) INTERSECT (SELECT customer_id FROM orders) ORDER BY 1
SELECT 1 UNION (SELECT 2 UNION SELECT 3)
SELECT 'a' AS kind, COUNT(*) FROM customer UNION ALL SELECT 'b', COUNT(*) FROM orders
-- WITH
WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT COUNT(*) FROM big
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
WITH a (x, y) AS (SELECT 1, 2), b (z) AS (SELECT x FROM a) SELECT * FROM a, b
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT * FROM n
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 10), m(j) AS (SELECT i * 2 FROM n) SELECT SUM(j) FROM m
WITH RECURSIVE tree AS (SELECT id, name, CAST(name AS CHAR(200)) AS path FROM category WHERE parent_id IS NULL UNION ALL SELECT c.id, c.name, CONCAT(t.path, '/', c.name) FROM category c JOIN tree t ON t.id = c.parent_id) SELECT * FROM tree ORDER BY path
WITH RECURSIVE days AS (SELECT DATE('2026-01-01') AS d UNION ALL SELECT d + INTERVAL 1 DAY FROM days WHERE d < '2026-01-31') SELECT d, DAYNAME(d) FROM days
WITH RECURSIVE chain (id, name, level) AS (SELECT id, name, 0 FROM employee WHERE manager_id IS NULL UNION ALL SELECT e.id, e.name, level + 1 FROM employee e JOIN chain ON chain.id = e.manager_id) SELECT * FROM chain
WITH ranked AS (SELECT o.*, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY total DESC) AS rn FROM orders o) SELECT * FROM ranked WHERE rn = 1
SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT * FROM a) t
WITH `a b` (`c d`) AS (SELECT 1) SELECT `c d` FROM `a b`
-- Windows
SELECT id, ROW_NUMBER() OVER (ORDER BY total), RANK() OVER (ORDER BY state), DENSE_RANK() OVER (ORDER BY state) FROM orders
SELECT id, SUM(total) OVER (PARTITION BY customer_id ORDER BY id) AS running FROM orders
SELECT id, SUM(total) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), AVG(total) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM orders
SELECT id, SUM(total) OVER (ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM orders
SELECT id, LAG(total) OVER (ORDER BY id), LEAD(total, 2) OVER (ORDER BY id), LAG(total, 1) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id)
SELECT id, FIRST_VALUE(total) OVER w, LAST_VALUE(total) OVER w, NTH_VALUE(total, 2) OVER w FROM orders WINDOW w AS (ORDER BY id)
SELECT id, NTILE(4) OVER (ORDER BY total), PERCENT_RANK() OVER (ORDER BY total), CUME_DIST() OVER (ORDER BY total) FROM orders
SELECT id, COUNT(*) OVER (), total / SUM(total) OVER () * 100 AS share FROM orders
SELECT department, name, salary, salary - AVG(salary) OVER (PARTITION BY department) AS over_average FROM employee
SELECT a.id, MAX(a.total) OVER w1, MIN(a.total) OVER w2 FROM orders a WINDOW w1 AS (PARTITION BY state), w2 AS (w1 ORDER BY id)
-- Text
SELECT LENGTH(name), CHAR_LENGTH(name), CHARACTER_LENGTH(name), OCTET_LENGTH(name), BIT_LENGTH(name) FROM customer LIMIT 1
SELECT UPPER(name), LOWER(name), UCASE(name), LCASE(name), REVERSE(name) FROM customer LIMIT 1
SELECT SUBSTRING(name, 2), SUBSTRING(name, 2, 3), SUBSTRING(name FROM 2), SUBSTRING(name FROM 2 FOR 3), SUBSTR(name, -3), MID(name, 2, 3) FROM customer LIMIT 1
SELECT LEFT(name, 3), RIGHT(name, 3), LPAD(name, 20, '*'), RPAD(name, 20, '*'), REPEAT('ab', 3), SPACE(3) FROM customer LIMIT 1
SELECT TRIM(name), LTRIM(name), RTRIM(name), TRIM(BOTH 'x' FROM 'xax'), TRIM(LEADING 'x' FROM 'xax'), TRIM(TRAILING FROM 'a ') FROM customer LIMIT 1
SELECT REPLACE(name, 'C', 'K'), INSERT(name, 1, 2, 'XX'), LOCATE('t', name), LOCATE('t', name, 5), INSTR(name, 't'), POSITION('t' IN name) FROM customer LIMIT 1
SELECT SUBSTRING_INDEX(mail, '@', 1), SUBSTRING_INDEX(mail, '@', -1) FROM customer
SELECT ASCII('a'), ORD('é'), CHAR(77, 121), CHAR(0x4D USING utf8mb4), HEX('abc'), HEX(255), UNHEX('414243'), BIN(5), OCT(8), CONV('ff', 16, 10)
SELECT ELT(2, 'a', 'b'), FIELD('b', 'a', 'b'), FIND_IN_SET('b', 'a,b,c'), MAKE_SET(5, 'a', 'b', 'c'), EXPORT_SET(5, 'Y', 'N', ',', 4)
SELECT STRCMP('a', 'b'), SOUNDEX('hello'), QUOTE('it''s'), CONCAT('100', '%'), TO_BASE64('abc'), FROM_BASE64('YWJj')
SELECT REGEXP_REPLACE(name, '[0-9]+', '#'), REGEXP_INSTR(name, '[0-9]'), REGEXP_SUBSTR(name, '[0-9]+') FROM customer LIMIT 1
SELECT CAST(name AS CHAR), CAST(id AS CHAR(10)), CAST('12' AS SIGNED), CAST('12' AS UNSIGNED INTEGER), CAST('1.5' AS DECIMAL(10, 2)), CAST(name AS BINARY), CAST(name AS BINARY(5)) FROM customer LIMIT 1
SELECT CAST('2026-01-01' AS DATE), CAST('2026-01-01' AS DATETIME), CAST('2026-01-01 10:00:00.123' AS DATETIME(3)), CAST('10:00' AS TIME), CAST('10:00:00.5' AS TIME(1)), CAST('1.5' AS DOUBLE), CAST('1.5' AS FLOAT)
SELECT CAST('x' AS CHAR CHARACTER SET utf8mb4), CAST('x' AS CHAR(5) CHARACTER SET latin1), CONVERT('x' USING utf8mb4), CONVERT('12', SIGNED), CONVERT('2026-01-01', DATETIME(6)), CONVERT(5, CHAR(3)), BINARY 'a' = 'A'
SELECT CHARSET(name), COLLATION(name), COERCIBILITY(name), WEIGHT_STRING('a') FROM customer LIMIT 1
SELECT name COLLATE utf8mb4_unicode_ci FROM customer ORDER BY name COLLATE utf8mb4_bin
SELECT SHA2('a', 256), CRC32('a'), UNCOMPRESS(COMPRESS('a')), UNCOMPRESSED_LENGTH(COMPRESS('a'))
SELECT HEX(AES_ENCRYPT('text', 'key')), AES_DECRYPT(AES_ENCRYPT('text', 'key'), 'key')
SELECT INET_ATON('10.0.0.1'), INET_NTOA(167772161), INET6_NTOA(ip), HEX(INET6_ATON('::1')), IS_IPV4('10.0.0.1'), IS_IPV6('::1') FROM session_log
SELECT UUID() IS NOT NULL
SELECT HEX(picture), LENGTH(picture) FROM product LIMIT 2
-- Numbers
SELECT ABS(-1), SIGN(-1), CEIL(1.2), CEILING(1.2), FLOOR(1.8), ROUND(1.55, 1), TRUNCATE(1.55, 1), MOD(7, 3), 7 MOD 3, POW(2, 3), POWER(2, 3), SQRT(9), EXP(1), LN(2), LOG(2), LOG(2, 8), LOG2(8), LOG10(100)
SELECT PI(), SIN(1), COS(1), TAN(1), COT(1), ASIN(1), ACOS(1), ATAN(1), ATAN(1, 2), ATAN2(1, 2), DEGREES(1), RADIANS(1), RAND(5)
SELECT GREATEST(1, 2, 3), LEAST(1, 2, 3), INTERVAL(5, 1, 4, 6), BIT_COUNT(7), id * 1.0 / 3 FROM customer LIMIT 1
SELECT 18446744073709551615, -9223372036854775808, 1e308, 0.1 + 0.2, 99999999999999999999.99
SELECT flags + 0, BIN(flags), year_made + 1 FROM product LIMIT 3
SELECT 10 / 3, 10 DIV 3, 10 % 3, -10 DIV 3
-- Times
SELECT NOW(), NOW(6), CURRENT_TIMESTAMP, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(3), LOCALTIME, LOCALTIMESTAMP(), SYSDATE(), UTC_TIMESTAMP(), UTC_DATE(), UTC_TIME()
SELECT CURDATE(), CURRENT_DATE, CURRENT_DATE(), CURTIME(), CURRENT_TIME, CURRENT_TIME(2), UNIX_TIMESTAMP(), UNIX_TIMESTAMP('2026-01-01'), FROM_UNIXTIME(0), FROM_UNIXTIME(0, '%Y')
SELECT DATE_ADD(joined, INTERVAL 1 DAY), DATE_SUB(joined, INTERVAL '1:30' HOUR_MINUTE), joined + INTERVAL 1 MONTH, joined - INTERVAL 2 YEAR, INTERVAL 1 WEEK + joined, ADDDATE(joined, 5), SUBDATE(joined, INTERVAL 5 DAY) FROM customer LIMIT 1
SELECT DATE_ADD(joined, INTERVAL (1 + 2) DAY), joined + INTERVAL (id) HOUR FROM customer LIMIT 1
SELECT DATEDIFF('2026-02-01', '2026-01-01'), TIMEDIFF('10:00', '08:30'), TIMESTAMPDIFF(MONTH, '2026-01-01', '2026-05-01'), TIMESTAMPADD(MINUTE, 5, '2026-01-01'), PERIOD_ADD(202601, 2), PERIOD_DIFF(202605, 202601)
SELECT EXTRACT(YEAR FROM joined), EXTRACT(DAY_MINUTE FROM joined), YEAR(joined), QUARTER(joined), MONTH(joined), MONTHNAME(joined), WEEK(joined), WEEK(joined, 3), WEEKOFYEAR(joined), YEARWEEK(joined), DAY(joined), DAYOFMONTH(joined), DAYOFWEEK(joined), DAYOFYEAR(joined), WEEKDAY(joined), DAYNAME(joined), HOUR(joined), MINUTE(joined), SECOND(joined), MICROSECOND(joined) FROM customer LIMIT 1
SELECT DATE_FORMAT(joined, '%d.%m.%Y %H:%i:%s'), TIME_FORMAT('13:45', '%h %p'), STR_TO_DATE('22.11.2026', '%d.%m.%Y'), GET_FORMAT(DATE, 'EUR'), LAST_DAY(joined), MAKEDATE(2026, 32), MAKETIME(1, 2, 3) FROM customer LIMIT 1
SELECT DATE(joined), TIME(joined), TIMESTAMP(joined), TIMESTAMP(joined, '01:00'), TO_DAYS(joined), FROM_DAYS(740000), TO_SECONDS(joined), TIME_TO_SEC('01:00'), SEC_TO_TIME(3600), ADDTIME('01:00', '02:00'), SUBTIME('03:00', '01:00') FROM customer LIMIT 1
SELECT CONVERT_TZ('2026-01-01 12:00:00', '+00:00', '+05:30')
SELECT * FROM customer WHERE joined >= '2024-01-10' AND joined < '2024-01-10' + INTERVAL 7 DAY
SELECT * FROM customer WHERE born BETWEEN CURDATE() - INTERVAL 60 YEAR AND CURDATE()
SELECT * FROM orders WHERE ordered_at > NOW() - INTERVAL 30 DAY AND HOUR(ordered_at) IN (8, 9)
SELECT TIMESTAMPDIFF(YEAR, born, CURDATE()) AS age, COUNT(*) FROM customer GROUP BY age
SELECT DATE_FORMAT(ordered_at, '%x-W%v') AS week, SUM(total) FROM orders GROUP BY week ORDER BY week
SELECT AVG(TIMESTAMPDIFF(SECOND, started, ended)) FROM session_log WHERE ended IS NOT NULL
-- JSON
SELECT JSON_EXTRACT(details, '$.colour'), JSON_UNQUOTE(JSON_EXTRACT(details, '$.colour')), JSON_VALUE(details, '$.stock.bern') FROM product
SELECT JSON_LENGTH(details), JSON_KEYS(details), JSON_TYPE(details), JSON_VALID(details), JSON_DEPTH(details) FROM product LIMIT 1
SELECT * FROM product WHERE JSON_CONTAINS(details, '"red"', '$.colour') AND JSON_CONTAINS_PATH(details, 'one', '$.sizes', '$.x')
SELECT * FROM product WHERE JSON_UNQUOTE(JSON_EXTRACT(details, '$.colour')) = 'red' AND JSON_EXTRACT(details, '$.stock.bern') > 3
SELECT JSON_OBJECT('id', id, 'name', name), JSON_ARRAY(id, name, NULL), JSON_QUOTE(name) FROM product LIMIT 2
SELECT JSON_SET(details, '$.a', 1), JSON_INSERT(details, '$.a', 1), JSON_REPLACE(details, '$.colour', 'x'), JSON_REMOVE(details, '$.sizes'), JSON_ARRAY_APPEND(details, '$.sizes', 9), JSON_ARRAY_INSERT(details, '$.sizes[0]', 9) FROM product LIMIT 1
SELECT JSON_MERGE_PATCH('{"a": 1}', '{"b": 2}'), JSON_MERGE_PRESERVE('[1]', '[2]'), JSON_SEARCH('["a", "b"]', 'one', 'b')
SELECT p.id, t.size FROM product p, JSON_TABLE(p.details, '$.sizes[*]' COLUMNS (size INT PATH '$')) AS t
SELECT t.* FROM JSON_TABLE('[{"a": 1, "b": "x"}, {"a": 2}]', '$[*]' COLUMNS (n FOR ORDINALITY, a INT PATH '$.a' DEFAULT '0' ON EMPTY NULL ON ERROR, b VARCHAR(10) PATH '$.b', has_b INT EXISTS PATH '$.b')) t
SELECT t.* FROM JSON_TABLE('[{"a": [{"b": 1}, {"b": 2}], "at": "2026-01-01 10:00:00"}]', '$[*]' COLUMNS (at DATETIME(3) PATH '$.at', d DECIMAL(10,2) PATH '$.d', NESTED PATH '$.a[*]' COLUMNS (b INT PATH '$.b'))) AS t
SELECT j.k, COUNT(*) FROM product p JOIN JSON_TABLE(JSON_KEYS(p.details), '$[*]' COLUMNS(k TEXT PATH '$')) j ON TRUE GROUP BY j.k
-- Search, XML, places
SELECT id, MATCH (title, body) AGAINST ('lake') AS score FROM article WHERE MATCH (title, body) AGAINST ('lake')
SELECT id FROM article WHERE MATCH(title, body) AGAINST('+lake -sea' IN BOOLEAN MODE)
SELECT id FROM article WHERE MATCH (title, body) AGAINST ('database' IN NATURAL LANGUAGE MODE WITH QUERY EXPANSION)
SELECT ExtractValue('<a><b>1</b></a>', '/a/b'), UpdateXML('<a>1</a>', '/a', '<b/>')
SELECT name, ST_AsText(position), ST_X(position), ST_Y(position), ST_SRID(position) FROM place
SELECT name, ST_AsWKB(position), ST_AsBinary(position), ST_AsGeoJSON(position) FROM place
SELECT name FROM place WHERE MBRContains(ST_GeomFromText('POLYGON((5 45, 11 45, 11 48, 5 48, 5 45))'), position)
SELECT name, ST_Distance(position, POINT(8, 47)) AS distance FROM place ORDER BY distance
SELECT name, ST_Distance_Sphere(position, POINT(8, 47)) FROM place
SELECT ST_Contains(ST_GeomFromText('POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))'), POINT(1, 1)), ST_Within(POINT(1, 1), ST_Buffer(POINT(0, 0), 5)), ST_Area(ST_GeomFromText('POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))'))
SELECT ST_AsText(ST_Union(LINESTRING(POINT(0, 0), POINT(1, 1)), LINESTRING(POINT(1, 1), POINT(2, 2)))), ST_Length(ST_GeomFromText('LINESTRING(0 0, 3 4)')), ST_NumPoints(LINESTRING(POINT(0, 0), POINT(1, 1)))
SELECT ST_AsText(ST_Centroid(ST_Envelope(ST_GeomFromText('LINESTRING(0 0, 3 4)')))), ST_IsEmpty(POINT(1, 1)), ST_GeometryType(POINT(1, 1)), ST_AsText(ST_GeomFromWKB(ST_AsWKB(POINT(1, 2))))
SELECT ST_Intersects(POINT(1, 1), POINT(1, 1)), ST_Disjoint(POINT(1, 1), POINT(2, 1)), ST_Equals(POINT(1, 1), POINT(1, 1)), ST_Touches(POINT(1, 1), POINT(2, 1)), ST_Crosses(POINT(1, 1), POINT(2, 1)), ST_Overlaps(POINT(1, 1), POINT(2, 1))
-- What the database is
SELECT TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'customer' ORDER BY ordinal_position
SELECT * FROM INFORMATION_SCHEMA.STATISTICS WHERE table_schema = DATABASE()
SELECT k.column_name, k.referenced_table_name FROM `information_schema`.`key_column_usage` k WHERE k.table_schema = DATABASE()
SELECT rc.constraint_name FROM information_schema.referential_constraints rc JOIN information_schema.table_constraints tc ON tc.constraint_name = rc.constraint_name AND tc.constraint_schema = rc.constraint_schema WHERE rc.constraint_schema = DATABASE()
SELECT schema_name, default_character_set_name FROM information_schema.schemata
SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = DATABASE()
SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()
SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()
SELECT partition_name, table_rows FROM information_schema.partitions WHERE table_name = 'measured' AND table_schema = DATABASE()
SELECT collation_name FROM information_schema.collations WHERE character_set_name = 'utf8mb4' LIMIT 5
SELECT table_schema, SUM(data_length + index_length) / 1024 / 1024 AS mb FROM information_schema.tables GROUP BY table_schema
SHOW TABLES
SHOW FULL TABLES
SHOW TABLES LIKE 'cust%'
SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'
SHOW COLUMNS FROM customer
SHOW FULL COLUMNS FROM `customer` LIKE 'n%'
SHOW FIELDS FROM customer
SHOW INDEX FROM customer
SHOW KEYS FROM customer WHERE Key_name = 'PRIMARY'
SHOW CREATE TABLE customer
SHOW CREATE VIEW paid
SHOW TABLE STATUS LIKE 'customer'
SHOW DATABASES
SHOW SCHEMAS LIKE 'information%'
SHOW VARIABLES LIKE 'sql_mode'
SHOW SESSION VARIABLES LIKE 'lower_case_table_names'
SHOW GLOBAL VARIABLES LIKE 'version'
SHOW CHARACTER SET
SHOW COLLATION LIKE 'utf8mb4%'
SHOW ENGINES
SHOW TRIGGERS
SHOW FUNCTION STATUS
DESCRIBE customer
DESC customer name
EXPLAIN customer
EXPLAIN SELECT * FROM customer WHERE country = 'CH'
EXPLAIN FORMAT=JSON SELECT * FROM customer c JOIN orders o ON o.customer_id = c.id
DESCRIBE SELECT 1 UNION SELECT 2
-- As tools and mappers write it
SELECT `t0`.`id` AS `id`, `t0`.`name` AS `name` FROM `customer` AS `t0` WHERE (`t0`.`id` = 1) LIMIT 1
SELECT `customer`.`id`, `customer`.`name` FROM `customer` WHERE `customer`.`active` = 1 ORDER BY `customer`.`name` ASC LIMIT 21
SELECT COUNT(*) AS `__count` FROM `customer` WHERE `customer`.`country` = 'CH'
SELECT (1) AS `a` FROM `customer` WHERE `customer`.`id` = 1 LIMIT 1
SELECT `Customer`.`id`, `Orders`.`id` AS `Orders.id`, `Orders`.`total` AS `Orders.total` FROM `customer` AS `Customer` LEFT OUTER JOIN `orders` AS `Orders` ON `Customer`.`id` = `Orders`.`customer_id` WHERE `Customer`.`country` = 'CH'
SELECT DISTINCT `c`.`id` AS `ids_id`, `c`.`name` FROM `customer` `c` LEFT JOIN `orders` `o` ON `o`.`customer_id`=`c`.`id` WHERE ( `o`.`state` IN ('paid') ) ORDER BY `c`.`name` ASC, `ids_id` ASC LIMIT 10
select customer0_.id as id1_0_, customer0_.name as name2_0_ from customer customer0_ where customer0_.name like '%a%' and (customer0_.mail is not null) order by customer0_.id asc limit 10
SELECT `source`.`country` AS `country`, SUM(`source`.`balance`) AS `sum` FROM (SELECT `customer`.`country` AS `country`, `customer`.`balance` AS `balance` FROM `customer`) `source` GROUP BY `source`.`country` ORDER BY `source`.`country` ASC
SELECT str_to_date(concat(date_format(`orders`.`ordered_at`, '%Y-%m'), '-01'), '%Y-%m-%d') AS `ordered_at`, count(*) AS `count` FROM `orders` GROUP BY str_to_date(concat(date_format(`orders`.`ordered_at`, '%Y-%m'), '-01'), '%Y-%m-%d') ORDER BY 1 ASC
SELECT DATE(DATE_SUB(DATE_ADD(`ordered_at`, INTERVAL 0 SECOND), INTERVAL WEEKDAY(`ordered_at`) DAY)) AS `week`, COUNT(1) AS `n` FROM `orders` GROUP BY `week` LIMIT 2001
SELECT UNIX_TIMESTAMP(ordered_at) DIV 300 * 300 AS "time", AVG(total) AS value, 'total' AS metric FROM orders WHERE ordered_at BETWEEN FROM_UNIXTIME(1735718400) AND FROM_UNIXTIME(1767254400) GROUP BY 1 ORDER BY 1
SELECT ordered_at AS time_sec, total AS value FROM orders WHERE ordered_at >= '2025-01-01T00:00:00Z' ORDER BY ordered_at ASC
select `state`, count(*) as aggregate from `orders` where `customer_id` in (1, 2, 3) and `note` is null group by `state` having count(*) > 0
select exists(select * from `customer` where `mail` = 'c1@example.com') as `exists`
select * from (select *, row_number() over (partition by `orders`.`customer_id` order by `id` desc) as `laravel_row` from `orders` where `orders`.`customer_id` in (1, 2)) as `laravel_table` where `laravel_row` <= 3 order by `laravel_row`
SELECT {fn CONCAT(name, '!')}, {fn NOW()} FROM customer
SELECT 1 AS `Anzahl`, "Tableau" AS `Datenquelle` FROM `customer` `Custom SQL Query` GROUP BY 1, 2
SELECT `customer`.`name` AS `name` FROM `customer` WHERE ((`customer`.`balance` >= 10.0) AND (`customer`.`balance` <= 100.00000001)) GROUP BY 1 HAVING (COUNT(1) > 0)
SELECT name, balance, (SELECT COUNT(*) FROM customer b WHERE b.balance > a.balance) + 1 AS place FROM customer a ORDER BY place LIMIT 5
SELECT o1.* FROM orders o1 LEFT JOIN orders o2 ON o1.customer_id = o2.customer_id AND o1.id < o2.id WHERE o2.id IS NULL
SELECT country, SUBSTRING_INDEX(GROUP_CONCAT(name ORDER BY balance DESC), ',', 3) AS top FROM customer GROUP BY country
SELECT c.id, c.name, COALESCE(SUM(i.quantity * i.price), 0) AS revenue, COUNT(DISTINCT o.id) AS orders FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND o.state <> 'returned' LEFT JOIN order_item i ON i.order_id = o.id GROUP BY c.id, c.name HAVING revenue >= 0 ORDER BY revenue DESC, c.id LIMIT 20
SELECT a.country, a.n, ROUND(100.0 * a.n / b.n, 1) AS percent FROM (SELECT country, COUNT(*) n FROM customer GROUP BY country) a CROSS JOIN (SELECT COUNT(*) n FROM customer) b ORDER BY percent DESC
SELECT p.name, (SELECT COUNT(*) FROM order_item i WHERE i.product_id = p.id) AS sold FROM product p WHERE p.price > (SELECT AVG(price) FROM product) ORDER BY sold DESC
SELECT AVG(d.total) AS median FROM (SELECT total, ROW_NUMBER() OVER (ORDER BY total) AS rn, COUNT(*) OVER () AS n FROM orders) d WHERE d.rn IN (FLOOR((d.n + 1) / 2), CEIL((d.n + 1) / 2))
SELECT DATE_FORMAT(c.joined, '%Y-%m') AS cohort, TIMESTAMPDIFF(MONTH, c.joined, o.ordered_at) AS month_no, COUNT(DISTINCT c.id) FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY cohort, month_no
SELECT tags, FIND_IN_SET('gift', tags) > 0 AS gift, tags + 0 FROM orders WHERE tags LIKE '%gift%'
SELECT MIN(id) AS first_id, MAX(id) AS last_id, COUNT(*) AS n, MAX(id) - MIN(id) + 1 - COUNT(*) AS gaps FROM orders
SELECT t.id + 1 AS gap_begins FROM orders t LEFT JOIN orders n ON n.id = t.id + 1 WHERE n.id IS NULL
SELECT mail, COUNT(*) c FROM customer WHERE mail IS NOT NULL GROUP BY mail HAVING c > 1
SELECT CONCAT_WS(' ', UPPER(LEFT(name, 1)), LOWER(SUBSTRING(name, 2))) FROM customer WHERE name RLIKE '^[A-Z]'
SELECT * FROM session_log WHERE id = 18446744073709551615 OR ip = INET6_ATON('10.0.0.1')
SELECT user, status, DATA FROM session_log s WHERE s.user = 'ada' AND s.status NOT IN ('bad', 'worse')
SELECT 'DROP TABLE customer; DELETE FROM orders' AS `into`, 'SLEEP(5)' AS `update`, "FOR UPDATE" AS `lock`
SELECT `sleep`, `benchmark` FROM (SELECT 1 AS `sleep`, 2 AS `benchmark`) AS `get_lock`
SELECT c.`id`+1,c.id+1,c . id,c. id,c .id FROM customer c LIMIT 1
SELECT id FROM customer WHERE id=1 OR id=(2)OR(id)IN(3,4)AND(1)
SELECT(id),(SELECT(1))FROM(customer)WHERE(id)=(1)
-- MariaDB: its own words
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v
WITH v (n, s) AS (VALUES (1, 'a'), (2, 'b')) SELECT n, s FROM v
EXPLAIN EXTENDED SELECT 1
EXPLAIN PARTITIONS SELECT * FROM measured
SELECT MD5('a'), SHA1('a'), SHA('a')
SELECT * FROM priced FOR SYSTEM_TIME AS OF NOW()
SELECT * FROM priced FOR SYSTEM_TIME AS OF (NOW() - INTERVAL 1 DAY) p
SELECT * FROM priced FOR SYSTEM_TIME ALL
SELECT * FROM priced FOR SYSTEM_TIME BETWEEN '2026-01-01' AND NOW()
SELECT * FROM priced FOR SYSTEM_TIME FROM '2026-01-01' TO '2026-02-01'
SELECT MEDIAN(total) OVER (PARTITION BY state) FROM orders
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY total) OVER (PARTITION BY state) FROM orders
SELECT NVL(note, 'x'), NVL2(note, 1, 2), CHR(65), TO_CHAR(joined, 'YYYY-MM-DD') FROM orders JOIN customer USING (id) LIMIT 1
SELECT JSON_QUERY(details, '$.stock'), JSON_EXISTS(details, '$.stock'), JSON_DETAILED(details), JSON_COMPACT(details), JSON_LOOSE(details) FROM product LIMIT 1
SELECT JSON_EQUALS('{"a": 1}', '{"a":1}'), JSON_NORMALIZE('{"b": 1, "a": 2}'), SFORMAT('{} of {}', 1, 2), NATURAL_SORT_KEY('a10'), CRC32C('a'), HEX(RANDOM_BYTES(4)) IS NOT NULL
SELECT seq FROM seq_1_to_10
SELECT s.seq, d.d FROM seq_0_to_6 s JOIN (SELECT DATE('2026-01-01') AS d) d
SELECT id FROM customer ORDER BY id OFFSET 5 ROWS FETCH NEXT 5 ROWS ONLY
SELECT id, country FROM customer ORDER BY country FETCH FIRST 2 ROWS WITH TIES
SELECT id FROM customer LIMIT 5 ROWS EXAMINED 10000
SELECT GROUP_CONCAT(name ORDER BY name LIMIT 3) FROM customer
SELECT id FROM customer UNION ALL (SELECT 1 EXCEPT ALL SELECT 2)
SELECT COLUMN_GET(COLUMN_CREATE('a', 1), 'a' AS INT), COLUMN_JSON(COLUMN_CREATE('a', 1))
SELECT ADD_MONTHS('2026-01-31', 1), LENGTHB('é'), SYS_GUID() IS NOT NULL
SHOW CREATE SEQUENCE counter
SELECT 1 WHERE 1
WITH RECURSIVE t AS (SELECT 1 AS a, 1 AS b UNION ALL SELECT 1, 1 FROM t) CYCLE a, b RESTRICT SELECT * FROM t
SELECT ST_Relate(POINT(1, 1), POINT(1, 1), 'T********'), ST_IsRing(LINESTRING(POINT(0, 0), POINT(1, 1))), AsText(POINT(1, 2))
-- MySQL: its own words
TABLE customer
TABLE customer ORDER BY id LIMIT 5 OFFSET 2
VALUES ROW(1, 'a'), ROW(2, 'b') ORDER BY column_0
SELECT * FROM (VALUES ROW(1, 'a'), ROW(2, 'b')) AS v (n, s)
SELECT a, b FROM (SELECT 1, 2) AS t (a, b)
SELECT c.name, l.total FROM customer c, LATERAL (SELECT total FROM orders o WHERE o.customer_id = c.id ORDER BY total DESC LIMIT 1) AS l
SELECT c.name, l.total FROM customer c LEFT JOIN LATERAL (SELECT total FROM orders o WHERE o.customer_id = c.id) l ON TRUE
SELECT details->'$.colour', details->>'$.colour', details -> '$.stock.bern' FROM product
SELECT * FROM product WHERE 'red' MEMBER OF (details->'$.colour') OR 2 MEMBER OF(details->'$.sizes')
SELECT * FROM product WHERE JSON_OVERLAPS(details->'$.sizes', '[1, 2]')
SELECT country, GROUPING(country), SUM(balance) FROM customer GROUP BY country WITH ROLLUP
SELECT ANY_VALUE(name), country FROM customer GROUP BY country
SELECT BIN_TO_UUID(UUID_TO_BIN(UUID())), IS_UUID('x'), HEX(RANDOM_BYTES(4))
SELECT REGEXP_LIKE(name, '^c', 'i') FROM customer
SELECT JSON_PRETTY(details), JSON_STORAGE_SIZE(details), JSON_SCHEMA_VALID('{"type": "object"}', details) FROM product
SELECT JSON_VALUE(details, '$.stock.bern' RETURNING UNSIGNED) FROM product
SELECT FORMAT_BYTES(1024), FORMAT_PICO_TIME(1000), ICU_VERSION()
SELECT FIRST_VALUE(total) RESPECT NULLS OVER (ORDER BY id) FROM orders
SELECT CAST(ordered_at AT TIME ZONE '+00:00' AS DATETIME) FROM orders
SELECT CAST(1 AS JSON), CAST('2026' AS YEAR), CONVERT('x', NCHAR(5)), CAST(1.5 AS REAL)
SELECT id FROM customer INTERSECT ALL SELECT id FROM orders
(SELECT 1) EXCEPT (SELECT 2) ORDER BY 1
SELECT ST_Latitude(ST_GeomFromText('POINT(46 7)', 4326)), ST_Longitude(ST_GeomFromText('POINT(46 7)', 4326)), ST_IsValid(position), ST_Transform(ST_SRID(position, 4326), 3857) FROM place
SELECT ST_GeoHash(7.44, 46.95, 8), ST_AsText(ST_PointFromGeoHash('u0m7', 0)), ST_Simplify(position, 0.5), ST_SwapXY(position) FROM place
SELECT JSON_ARRAYAGG(name) OVER (PARTITION BY category_id) FROM product
SELECT SUM(total) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY ordered_at RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW)
SELECT /*+ NO_RANGE_OPTIMIZATION(c PRIMARY, by_country) SUBQUERY(MATERIALIZATION) */ * FROM customer c
SELECT /*+ JOIN_FIXED_ORDER() */ 1
SELECT * FROM customer AS OF_ WHERE id = 1
EXPLAIN FORMAT=TREE SELECT * FROM customer
EXPLAIN FORMAT = TRADITIONAL SELECT * FROM customer
DESC FORMAT=JSON TABLE customer
SHOW EXTENDED FULL COLUMNS FROM customer
SHOW EXTENDED INDEX FROM customer
SELECT * FROM information_schema.st_geometry_columns
SELECT * FROM information_schema.check_constraints
SELECT * FROM information_schema.view_table_usage
SELECT _utf8mb4 0xC3BC, _utf8mb3'x', _ucs2 X'0041'
