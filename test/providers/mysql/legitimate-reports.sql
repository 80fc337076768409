-- Sales
SELECT DATE_FORMAT(ordered_at, '%Y-%m-01') AS month, SUM(total) AS revenue, COUNT(*) AS orders, ROUND(SUM(total) / COUNT(*), 2) AS basket FROM orders GROUP BY month ORDER BY month
SELECT YEAR(ordered_at) AS year, QUARTER(ordered_at) AS quarter, SUM(total) AS revenue FROM orders GROUP BY YEAR(ordered_at), QUARTER(ordered_at) WITH ROLLUP
SELECT state, customer_id, SUM(total) AS revenue FROM orders GROUP BY state, customer_id WITH ROLLUP HAVING customer_id IS NULL
SELECT IFNULL(country, 'Total') AS country, n FROM (SELECT country, COUNT(*) AS n FROM customer GROUP BY country WITH ROLLUP) rolled ORDER BY rolled.country IS NULL, n DESC
SELECT c.country, SUM(o.total) AS revenue, ROUND(100 * SUM(o.total) / SUM(SUM(o.total)) OVER (), 1) AS share FROM orders o JOIN customer c ON c.id = o.customer_id GROUP BY c.country ORDER BY revenue DESC
SELECT p.category_id, p.name, SUM(i.quantity) AS sold FROM order_item i JOIN product p ON p.id = i.product_id GROUP BY p.category_id, p.name HAVING SUM(i.quantity) > 5 ORDER BY sold DESC, p.name LIMIT 20
SELECT `day`, revenue, SUM(revenue) OVER (ORDER BY `day`) AS running, AVG(revenue) OVER (ORDER BY `day` ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_average FROM (SELECT DATE(ordered_at) AS `day`, SUM(total) AS revenue FROM orders GROUP BY DATE(ordered_at)) daily
SELECT month, revenue, revenue - LAG(revenue) OVER (ORDER BY month) AS difference, ROUND(100 * (revenue / NULLIF(LAG(revenue) OVER (ORDER BY month), 0) - 1), 1) AS percent FROM (SELECT EXTRACT(YEAR_MONTH FROM ordered_at) AS month, SUM(total) AS revenue FROM orders GROUP BY EXTRACT(YEAR_MONTH FROM ordered_at)) monthly
WITH firsts AS (SELECT customer_id, DATE_FORMAT(MIN(ordered_at), '%Y-%m') AS cohort FROM orders GROUP BY customer_id) SELECT f.cohort, PERIOD_DIFF(DATE_FORMAT(o.ordered_at, '%Y%m'), REPLACE(f.cohort, '-', '')) AS months_later, COUNT(DISTINCT o.customer_id) AS active FROM orders o JOIN firsts f USING (customer_id) GROUP BY f.cohort, months_later ORDER BY 1, 2
WITH spending AS (SELECT c.country, c.name, SUM(o.total) AS spent, DENSE_RANK() OVER (PARTITION BY c.country ORDER BY SUM(o.total) DESC) AS place FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY c.country, c.name) SELECT country, name, spent FROM spending WHERE place <= 3 ORDER BY country, place
WITH overall AS (SELECT SUM(total) AS everything FROM orders), by_customer AS (SELECT customer_id, SUM(total) AS spent FROM orders GROUP BY customer_id) SELECT customer_id, spent, SUM(spent) OVER (ORDER BY spent DESC ROWS UNBOUNDED PRECEDING) / everything AS cumulated FROM by_customer CROSS JOIN overall ORDER BY spent DESC
WITH rfm AS (SELECT customer_id, NTILE(4) OVER (ORDER BY MAX(ordered_at)) AS r, NTILE(4) OVER (ORDER BY COUNT(*)) AS f, NTILE(4) OVER (ORDER BY SUM(total)) AS m FROM orders GROUP BY customer_id) SELECT CONCAT(r, f, m) AS segment, COUNT(*) AS customers FROM rfm GROUP BY segment ORDER BY segment DESC
SELECT a.product_id AS one, b.product_id AS other, COUNT(*) AS together FROM order_item a JOIN order_item b ON a.order_id = b.order_id AND a.product_id < b.product_id GROUP BY a.product_id, b.product_id HAVING together > 1 ORDER BY together DESC LIMIT 10
SELECT SUM(state = 'paid') AS paid, SUM(state = 'returned') AS returned, ROUND(AVG(state = 'returned'), 3) AS rate FROM orders
SELECT customer_id, MIN(ordered_at) AS first_at, MAX(ordered_at) AS last_at, DATEDIFF(MAX(ordered_at), MIN(ordered_at)) / NULLIF(COUNT(*) - 1, 0) AS days_between FROM orders GROUP BY customer_id HAVING COUNT(*) >= 2
SELECT FLOOR(total / 50) * 50 AS bucket, COUNT(*) AS n, RPAD('', COUNT(*), '#') AS bar FROM orders GROUP BY bucket ORDER BY bucket
SELECT o.id, o.total, `lines`.n FROM orders o JOIN (SELECT order_id, COUNT(*) AS n, SUM(quantity * price) AS worth FROM order_item GROUP BY order_id) `lines` ON `lines`.order_id = o.id AND `lines`.worth <> o.total WHERE `lines`.n > 1
SELECT customer_id, SUM(IF(MONTH(ordered_at) = 1, total, 0)) AS jan, SUM(IF(MONTH(ordered_at) = 2, total, 0)) AS feb, SUM(IF(MONTH(ordered_at) = 3, total, 0)) AS mar FROM orders WHERE YEAR(ordered_at) = 2025 GROUP BY customer_id
SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(GROUP_CONCAT(total ORDER BY total SEPARATOR ','), ',', 95 / 100 * COUNT(*) + 1), ',', -1) AS p95 FROM orders
SELECT EXP(SUM(LN(1 + price / 100))) AS compounded, MAX(price) - MIN(price) AS spread, STDDEV_SAMP(price) / AVG(price) AS variation FROM product WHERE price > 0
SELECT (COUNT(*) * SUM(quantity * price) - SUM(quantity) * SUM(price)) / (SQRT(COUNT(*) * SUM(quantity * quantity) - POW(SUM(quantity), 2)) * SQRT(COUNT(*) * SUM(price * price) - POW(SUM(price), 2))) AS correlation FROM order_item
SELECT c.name, c.mail FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND o.ordered_at >= CURRENT_DATE - INTERVAL 1 YEAR WHERE o.id IS NULL AND c.mail IS NOT NULL AND c.active
SELECT 'customers' AS metric, COUNT(*) AS value FROM customer UNION ALL SELECT 'orders', COUNT(*) FROM orders UNION ALL SELECT 'revenue', SUM(total) FROM orders UNION ALL SELECT 'returned', COUNT(*) FROM orders WHERE state = 'returned' ORDER BY metric
SELECT (SELECT COUNT(*) FROM customer) AS customers, (SELECT COUNT(*) FROM orders WHERE state IN ('paid', 'shipped')) AS sold, (SELECT ROUND(AVG(price), 2) FROM product) AS average_price
SELECT id, total, with_vat(total) AS gross FROM orders WHERE with_vat(total) > 500 ORDER BY gross DESC
SELECT state, SUM(with_vat(total)) - SUM(total) AS vat FROM orders GROUP BY state
-- Windows, more of them
SELECT customer_id, id, total, FIRST_VALUE(total) OVER w AS first_total, LAST_VALUE(total) OVER (PARTITION BY customer_id ORDER BY ordered_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_total FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY ordered_at)
SELECT id, SUM(total) OVER (ORDER BY total RANGE BETWEEN 50 PRECEDING AND 50 FOLLOWING) AS near, COUNT(*) OVER (ORDER BY total RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS above FROM orders
SELECT id, AVG(total) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING) AS next_three, MAX(total) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS earlier FROM orders
SELECT id, COALESCE(LAG(state, 1) OVER (ORDER BY id), 'none') AS state_before, LEAD(state, 1) OVER (ORDER BY id DESC) FROM orders
SELECT country, name, balance, balance - FIRST_VALUE(balance) OVER (PARTITION BY country ORDER BY balance DESC, id) AS behind_first FROM customer
SELECT MIN(id) AS begins, MAX(id) AS ends, COUNT(*) AS n FROM (SELECT id, id - ROW_NUMBER() OVER (ORDER BY id) AS island FROM orders WHERE state <> 'new') runs GROUP BY island ORDER BY begins
SELECT user, SUM(is_new) AS sessions FROM (SELECT user, CASE WHEN TIMESTAMPDIFF(MINUTE, LAG(started) OVER (PARTITION BY user ORDER BY started), started) < 30 THEN 0 ELSE 1 END AS is_new FROM session_log) marked GROUP BY user
SELECT d.department, d.name, d.salary FROM (SELECT e.*, ROW_NUMBER() OVER (PARTITION BY e.department ORDER BY e.salary DESC) AS nth FROM employee e) d WHERE d.nth <= 1
SELECT name, salary, RANK() OVER salaries AS `rank`, DENSE_RANK() OVER salaries AS `dense_rank`, ROUND(PERCENT_RANK() OVER salaries, 2) AS percentile FROM employee WINDOW salaries AS (ORDER BY salary DESC)
SELECT sensor, at, reading, reading - LAG(reading) OVER (PARTITION BY sensor ORDER BY at) AS delta, COUNT(reading) OVER (PARTITION BY sensor) AS readings FROM measured
SELECT state, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS place, SUM(COUNT(*)) OVER (ORDER BY COUNT(*) DESC, state) AS running FROM orders GROUP BY state
SELECT id, BIT_OR(id) OVER (ORDER BY id ROWS 2 PRECEDING), STDDEV_POP(total) OVER (PARTITION BY state), VAR_SAMP(total) OVER () FROM orders
SELECT DISTINCT customer_id, FIRST_VALUE(id) OVER (PARTITION BY customer_id ORDER BY total DESC) AS best FROM orders
SELECT id, total FROM orders ORDER BY ROW_NUMBER() OVER (PARTITION BY state ORDER BY total), state LIMIT 8
-- Recursion
WITH RECURSIVE up AS (SELECT id, parent_id, name, 0 AS depth FROM category WHERE id = 4 UNION ALL SELECT c.id, c.parent_id, c.name, up.depth + 1 FROM category c JOIN up ON c.id = up.parent_id) SELECT GROUP_CONCAT(name ORDER BY depth DESC SEPARATOR ' > ') AS breadcrumb FROM up
WITH RECURSIVE fibonacci (n, a, b) AS (SELECT 1, 0, 1 UNION ALL SELECT n + 1, b, a + b FROM fibonacci WHERE n < 20) SELECT n, a FROM fibonacci
WITH RECURSIVE hours AS (SELECT CAST('2025-01-01 00:00:00' AS DATETIME) AS h UNION ALL SELECT DATE_ADD(h, INTERVAL 1 HOUR) FROM hours WHERE h < '2025-01-01 23:00:00') SELECT hours.h, COUNT(o.id) AS n, COALESCE(SUM(o.total), 0) AS total FROM hours LEFT JOIN orders o ON o.ordered_at >= hours.h AND o.ordered_at < hours.h + INTERVAL 1 HOUR GROUP BY hours.h
WITH RECURSIVE parts (id, rest, part) AS (SELECT id, CONCAT(tags, ','), CAST('' AS CHAR(20)) FROM orders WHERE id <= 5 UNION ALL SELECT id, SUBSTRING(rest, LOCATE(',', rest) + 1), SUBSTRING_INDEX(rest, ',', 1) FROM parts WHERE rest <> '') SELECT part, COUNT(*) FROM parts WHERE part <> '' GROUP BY part
WITH RECURSIVE reports AS (SELECT id, manager_id, salary FROM employee UNION ALL SELECT r.id, e.manager_id, r.salary FROM reports r JOIN employee e ON e.id = r.manager_id WHERE e.manager_id IS NOT NULL) SELECT m.name, COUNT(*) AS people, SUM(r.salary) AS payroll FROM reports r JOIN employee m ON m.id = r.manager_id GROUP BY m.id, m.name ORDER BY people DESC
WITH RECURSIVE months AS (SELECT DATE '2025-01-01' AS m UNION SELECT m + INTERVAL 1 MONTH FROM months WHERE m < DATE '2025-12-01'), sold AS (SELECT DATE_FORMAT(ordered_at, '%Y-%m-01') AS m, SUM(total) AS t FROM orders GROUP BY 1) SELECT months.m, IFNULL(sold.t, 0) AS total FROM months LEFT JOIN sold ON sold.m = months.m
WITH RECURSIVE powers AS (SELECT 0 AS e, CAST(1 AS DECIMAL(30)) AS p UNION ALL SELECT e + 1, 2 * p FROM powers WHERE e < 80) SELECT e, p, LENGTH(p) FROM powers WHERE e % 8 = 0
WITH RECURSIVE letters AS (SELECT 65 AS c UNION ALL SELECT c + 1 FROM letters WHERE c < 90) SELECT GROUP_CONCAT(CHAR(c USING utf8mb4) ORDER BY c SEPARATOR '') AS alphabet FROM letters
WITH a AS (SELECT customer_id FROM orders WHERE state = 'paid'), b AS (SELECT customer_id FROM orders WHERE state = 'returned') SELECT 'both' AS who, COUNT(*) FROM a WHERE customer_id IN (SELECT customer_id FROM b) UNION ALL SELECT 'paid only', COUNT(*) FROM a WHERE customer_id NOT IN (SELECT customer_id FROM b)
WITH outermost AS (WITH innermost AS (SELECT id FROM customer WHERE country = 'FR') SELECT id FROM innermost WHERE id > 10) SELECT COUNT(*) FROM outermost
SELECT name FROM product WHERE id IN (WITH top AS (SELECT product_id FROM order_item GROUP BY product_id ORDER BY SUM(quantity) DESC LIMIT 3) SELECT product_id FROM top)
-- Every unit of time
SELECT NOW() + INTERVAL 5 MICROSECOND, NOW() + INTERVAL 5 SECOND, NOW() + INTERVAL 5 MINUTE, NOW() + INTERVAL 5 HOUR, NOW() + INTERVAL 5 DAY, NOW() + INTERVAL 5 WEEK, NOW() + INTERVAL 5 MONTH, NOW() + INTERVAL 5 QUARTER, NOW() + INTERVAL 5 YEAR
SELECT joined - INTERVAL '1.5' SECOND_MICROSECOND, joined - INTERVAL '2:1.5' MINUTE_MICROSECOND, joined - INTERVAL '2:10' MINUTE_SECOND, joined - INTERVAL '1:2:3.4' HOUR_MICROSECOND, joined - INTERVAL '1:2:3' HOUR_SECOND, joined - INTERVAL '1:30' HOUR_MINUTE FROM customer LIMIT 2
SELECT DATE_ADD(joined, INTERVAL '1 2:3:4.5' DAY_MICROSECOND), DATE_ADD(joined, INTERVAL '1 2:3:4' DAY_SECOND), DATE_ADD(joined, INTERVAL '1 2:3' DAY_MINUTE), DATE_ADD(joined, INTERVAL '1 2' DAY_HOUR), DATE_SUB(joined, INTERVAL '1-6' YEAR_MONTH) FROM customer LIMIT 2
SELECT EXTRACT(MICROSECOND FROM joined), EXTRACT(SECOND FROM joined), EXTRACT(MINUTE FROM joined), EXTRACT(HOUR FROM joined), EXTRACT(DAY FROM joined), EXTRACT(WEEK FROM joined), EXTRACT(MONTH FROM joined), EXTRACT(QUARTER FROM joined), EXTRACT(YEAR_MONTH FROM joined), EXTRACT(DAY_HOUR FROM joined), EXTRACT(HOUR_SECOND FROM joined) FROM customer LIMIT 2
SELECT TIMESTAMPDIFF(MICROSECOND, started, ended), TIMESTAMPDIFF(HOUR, started, ended), TIMESTAMPDIFF(DAY, started, ended), TIMESTAMPDIFF(WEEK, started, ended), TIMESTAMPDIFF(QUARTER, started, NOW()) FROM session_log
SELECT TIMESTAMPADD(SECOND, id, joined), TIMESTAMPADD(WEEK, -1, joined), TIMESTAMPADD(QUARTER, 1, joined), TIMESTAMPADD(YEAR, id % 3, joined) FROM customer LIMIT 3
SELECT DATE_FORMAT(joined, '%Y-%m-01'), LAST_DAY(joined) + INTERVAL 1 DAY - INTERVAL 1 MONTH, joined - INTERVAL DAYOFMONTH(joined) - 1 DAY, MAKEDATE(YEAR(joined), 1) + INTERVAL QUARTER(joined) - 1 QUARTER FROM customer LIMIT 2
SELECT DATE_FORMAT(joined, '%a %b %c %D %d %e %f %H %h %I %i %j %k %l %M %m %p %r %S %T %U %u %V %v %W %w %X %x %Y %y %%') FROM customer LIMIT 1
SELECT STR_TO_DATE('Nov 22, 2026 1:45 PM', '%b %d, %Y %l:%i %p'), STR_TO_DATE('2026-W47-1', '%x-W%v-%w'), STR_TO_DATE('134500', '%H%i%s'), DATE('2026-11-22 13:45:00'), TIME('2026-11-22 13:45:00.25')
SELECT WEEK('2026-01-01', 0), WEEK('2026-01-01', 1), WEEK('2026-01-01', 7), YEARWEEK('2026-01-01', 1), GET_FORMAT(DATETIME, 'ISO'), GET_FORMAT(TIME, 'USA'), SEC_TO_TIME(-90061), TIME_FORMAT('-25:01:01', '%H:%i')
SELECT CONVERT_TZ(ordered_at, @@session.time_zone, '+01:00') AS there, UNIX_TIMESTAMP(ordered_at) * 1000 AS millis, FROM_UNIXTIME(UNIX_TIMESTAMP(ordered_at), '%Y-%m-%dT%H:%i:%sZ') AS iso FROM orders LIMIT 3
SELECT FROM_UNIXTIME(FLOOR(UNIX_TIMESTAMP(ordered_at) / (6 * 3600)) * 6 * 3600) AS bin, COUNT(*) FROM orders GROUP BY bin ORDER BY bin
SELECT DAYNAME(ordered_at) AS weekday, HOUR(ordered_at) AS hour, COUNT(*) AS n FROM orders GROUP BY DAYNAME(ordered_at), WEEKDAY(ordered_at), HOUR(ordered_at) ORDER BY WEEKDAY(ordered_at), hour
SELECT name, born, TIMESTAMPDIFF(YEAR, born, '2026-11-22') AS age FROM customer WHERE DATE_FORMAT(born, '%m-%d') BETWEEN '11-01' AND '11-30' ORDER BY MONTH(born), DAY(born)
SELECT COUNT(*) FROM orders WHERE ordered_at >= CURDATE() - INTERVAL WEEKDAY(CURDATE()) DAY AND ordered_at < CURDATE() - INTERVAL WEEKDAY(CURDATE()) - 7 DAY
SELECT name, hired FROM employee WHERE (MONTH(hired), DAYOFMONTH(hired)) = (2, 29) OR hired NOT BETWEEN '2012-01-01' AND '2013-12-31'
SELECT a.id, b.id FROM session_log a JOIN session_log b ON a.id < b.id AND a.started <= IFNULL(b.ended, NOW()) AND b.started <= IFNULL(a.ended, NOW())
SELECT CURRENT_TIMESTAMP(6) - INTERVAL 1 DAY AS yesterday, UTC_TIMESTAMP(3), UTC_TIME(1), LOCALTIME(2), LOCALTIMESTAMP(4), CURTIME(3), SYSDATE(6)
SELECT ADDTIME('2026-01-01 23:59:59.999999', '0:0:0.000001'), TIMEDIFF('2026-01-02 00:00:00', '2026-01-01 12:30:00'), MAKETIME(12, 15, 30.5), TO_DAYS('2026-01-01') - TO_DAYS('2025-01-01')
-- Text, more of it
SELECT name, SUBSTRING(mail FROM LOCATE('@', mail) + 1) AS domain, COUNT(*) OVER (PARTITION BY SUBSTRING(mail FROM LOCATE('@', mail) + 1)) AS same FROM customer WHERE mail REGEXP '^[^@]+@[^@]+\\.[a-z]{2,}$'
SELECT REGEXP_REPLACE(mail, '^(.).*(@.*)$', '\\1***\\2') AS masked, REGEXP_SUBSTR(mail, '[^@]+$') AS domain FROM customer WHERE mail IS NOT NULL
SELECT name FROM customer WHERE name REGEXP '[[:digit:]]{2}$' AND name NOT REGEXP '[[:punct:]]' AND name RLIKE 'c|d'
SELECT name FROM customer WHERE name COLLATE utf8mb4_bin LIKE 'Customer _' OR name LIKE BINARY 'customer%' OR name LIKE CONCAT('%', 7)
SELECT name FROM customer WHERE name LIKE '100\\%' OR name LIKE '50!%' ESCAPE '!' OR mail NOT LIKE '%@example.com'
SELECT 'straße' = 'strasse' COLLATE utf8mb4_unicode_ci, 'a' = 'A' COLLATE utf8mb4_bin, 'a ' = 'a', _utf8mb4'é' COLLATE utf8mb4_general_ci = 'E', BINARY 'a' = 'a'
SELECT CONVERT(agent USING utf8mb4) COLLATE utf8mb4_unicode_ci AS agent, CHARSET(agent), COLLATION(CONVERT(agent USING latin1)) FROM session_log ORDER BY session_log.agent COLLATE latin1_general_ci
SELECT LENGTH('日本語') AS bytes, CHAR_LENGTH('日本語') AS characters, HEX('日本語'), HEX(CONVERT('é' USING latin1)), UPPER('ß'), LOWER('ÀÉ')
SELECT CHAR(0xC3A9 USING utf8mb4), CHAR(77, 0x79, '83' USING ascii), ORD('€'), CONV(HEX('A'), 16, 2), CONV(-1, 10, 16), LPAD(BIN(6), 8, '0')
SELECT TRIM(TRAILING '/' FROM '/path/'), TRIM('x' FROM 'xyx'), TRIM(LEADING FROM ' a'), LTRIM(RTRIM('  b  ')), REPEAT('=', 20), CONCAT('[', SPACE(2), ']')
SELECT SUBSTRING_INDEX(SUBSTRING_INDEX('a,b,c,d', ',', 3), ',', -1) AS third, LENGTH('a,b,c') - LENGTH(REPLACE('a,b,c', ',', '')) + 1 AS items, INSERT('Quadratic', 3, 4, 'What'), ELT(FIELD('b', 'a', 'b'), 'x', 'y')
SELECT FORMAT(1234567.891, 2, 'de_CH'), FORMAT(balance, 0), CONCAT('CHF ', FORMAT(SUM(balance) OVER (), 2)), LPAD(id, 6, 0), QUOTE(mail) FROM customer LIMIT 3
SELECT GROUP_CONCAT(DISTINCT country ORDER BY country DESC SEPARATOR ' | '), GROUP_CONCAT(id, '=', country ORDER BY 1), GROUP_CONCAT(name SEPARATOR 0x0a) FROM customer WHERE id < 5
SELECT state, GROUP_CONCAT(id ORDER BY total DESC, id SEPARATOR ';') AS ids, GROUP_CONCAT(DISTINCT IF(total > 200, 'large', 'small')) AS sizes FROM orders GROUP BY state
SELECT 'a\0b', 'per\%cent', 'under\_score', 'bell\b', 'sub\Z', 'cr\r', "it's", 'say "so"', '' AS empty_text, ' ' ' '
SELECT SHA2(CONCAT_WS('|', id, name, IFNULL(mail, '')), 256) AS row_hash, CRC32(CONCAT(id, name)) % 16 AS bucket FROM customer
SELECT BIT_XOR(CRC32(CONCAT_WS('#', id, customer_id, state, total))) AS checksum, COUNT(*) FROM orders
SELECT STRCMP(name, mail), SOUNDEX(name) = SOUNDEX('Kustomer'), REVERSE(mail), NULLIF(TRIM(mail), '') FROM customer LIMIT 4
SELECT EXPORT_SET(id, 'on', 'off', '|', 6), MAKE_SET(id, 'a', 'b', 'c', 'd'), FIND_IN_SET(country, 'CH,DE'), FIELD(country, 'CH', 'DE') FROM customer LIMIT 4
SELECT tags, FIND_IN_SET('bulk', tags), tags & 1, tags + 0, state + 0, state = 2, CONCAT(state, '/', tags) FROM orders WHERE tags = 'gift,bulk' OR state > 'new'
SELECT CONVERT(UNCOMPRESS(COMPRESS(REPEAT('x', 100))) USING utf8mb4), TO_BASE64(picture), FROM_BASE64(TO_BASE64('text')), HEX(UNHEX('0aff')) FROM product LIMIT 1
-- Numbers and bits
SELECT BIT_COUNT(flags), flags & b'00000111', flags | 0x80, flags ^ 0xFF, ~flags & 0xFF, flags << 2, flags >> 1, HEX(flags), EXPORT_SET(flags, '1', '0', '', 8) FROM product
SELECT id FROM product WHERE flags & (1 << 2) AND NOT flags & 1 AND (flags >> 3) % 2 = 0
SELECT b'1000001' + 0, CHAR(b'1000001'), 0x41 + 0, x'4D7953514C', CAST(0x41 AS UNSIGNED), HEX(b'11110000'), 0b1 + 0b1, X'' = ''
SELECT CAST(-1 AS UNSIGNED), CAST(18446744073709551615 AS SIGNED), CAST('12abc' AS SIGNED), CAST(1.999 AS DECIMAL(3, 1)), CAST('1e3' AS DOUBLE), CAST(TRUE AS CHAR), CAST(NOW() AS UNSIGNED), CONVERT('7.5', DECIMAL(4, 2)), CONVERT(7, BINARY(3))
SELECT 1 / 0, 1 DIV 0, 1 % 0, SQRT(-1), LN(0), NULL + 1, NULL = NULL, NULL <=> NULL, NULL IS NULL, 0 IS FALSE, 2 IS TRUE
SELECT ROUND(-2.5), ROUND(2.5), ROUND(1234.567, -2), TRUNCATE(-1.999, 1), CEILING(-1.5), FLOOR(-1.5), SIGN(-3), ABS(-3), MOD(-7, 3), -7 MOD 3, 7 % -3, POW(2, -1), 2e2, 1.0e-2
SELECT ST_Distance_Sphere(POINT(7.44, 46.95), POINT(9.53, 46.85)) / 1000 AS km, 6371 * ACOS(COS(RADIANS(46.95)) * COS(RADIANS(46.85)) * COS(RADIANS(9.53) - RADIANS(7.44)) + SIN(RADIANS(46.95)) * SIN(RADIANS(46.85))) AS haversine
SELECT id, CASE WHEN weight IS NULL THEN 'unknown' WHEN weight < 1 THEN 'light' WHEN weight BETWEEN 1 AND 4 THEN 'middle' ELSE 'heavy' END AS class, INTERVAL(weight, 1, 2, 4) AS step, GREATEST(weight, price), LEAST(weight, price, 5) FROM product
SELECT country, RAND(42) < 0.1 AS sampled FROM customer WHERE MOD(CRC32(id), 10) = 0
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3), ROW(1, NULL) <=> ROW(1, NULL), (1, 'a') IN ((1, 'a'), (2, 'b')), NOT (1, 2) IN (SELECT id, customer_id FROM orders)
-- Comparing with queries
SELECT * FROM customer WHERE (country, active) IN (SELECT country, active FROM customer GROUP BY country, active HAVING COUNT(*) > 5)
SELECT * FROM orders o WHERE total = (SELECT MAX(total) FROM orders x WHERE x.customer_id = o.customer_id)
SELECT * FROM product WHERE price >= ALL (SELECT price FROM product WHERE category_id = 1) AND price <> ANY (SELECT price FROM product)
SELECT name FROM customer c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND NOT EXISTS (SELECT 1 FROM order_item i WHERE i.order_id = o.id))
SELECT c.name FROM customer c WHERE (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id) BETWEEN 1 AND 3
SELECT country FROM customer GROUP BY country HAVING AVG(balance) > (SELECT AVG(balance) FROM customer) AND MAX(id) IN (SELECT id FROM orders)
SELECT * FROM orders WHERE (customer_id, ordered_at) IN (SELECT customer_id, MAX(ordered_at) FROM orders GROUP BY customer_id)
SELECT * FROM customer WHERE CASE WHEN active THEN balance > 100 ELSE balance > 500 END
SELECT * FROM customer WHERE ROW(country, active) = (SELECT 'CH', 1) AND id <> SOME (SELECT customer_id FROM orders)
SELECT p.* FROM product p JOIN (SELECT category_id, MAX(price) AS price FROM product GROUP BY category_id) best USING (category_id, price)
SELECT e.name, (SELECT GROUP_CONCAT(r.name ORDER BY r.name) FROM employee r WHERE r.manager_id = e.id) AS `reports` FROM employee e HAVING `reports` IS NOT NULL
(SELECT 'top' AS side, name, balance FROM customer ORDER BY balance DESC LIMIT 3) UNION ALL (SELECT 'bottom', name, balance FROM customer ORDER BY balance LIMIT 3) ORDER BY balance
SELECT customer_id FROM orders WHERE state = 'paid' INTERSECT SELECT customer_id FROM orders WHERE total > 100 EXCEPT SELECT id FROM customer WHERE country = 'IT' ORDER BY 1
SELECT kind, SUM(n) FROM ((SELECT 'c' AS kind, COUNT(*) AS n FROM customer) UNION (SELECT 'o', COUNT(*) FROM orders)) counted GROUP BY kind
SELECT a.id, b.id FROM (SELECT id, total FROM orders WHERE state = 'new') a LEFT JOIN (SELECT id, total FROM orders WHERE state = 'paid') b ON b.total > a.total UNION SELECT NULL, id FROM orders WHERE state = 'paid'
SELECT c.id, o.id, p.id FROM customer c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN order_item i USE INDEX (PRIMARY) ON i.order_id = o.id LEFT JOIN product p ON p.id = i.product_id AND p.price > 10 WHERE c.id < 4
SELECT STRAIGHT_JOIN DISTINCT SQL_BIG_RESULT SQL_BUFFER_RESULT c.country FROM orders o IGNORE INDEX FOR ORDER BY (by_customer) JOIN customer c FORCE INDEX FOR JOIN (PRIMARY) ON c.id = o.customer_id
SELECT * FROM orders o USE INDEX (by_state, by_customer) IGNORE INDEX FOR GROUP BY (PRIMARY) WHERE o.state = 'paid' AND o.customer_id = 4
-- Tickets: columns that the server computes, and JSON
SELECT id, opened_on, minutes, priority FROM ticket WHERE minutes > 30 ORDER BY opened_on DESC, priority
SELECT opened_on, COUNT(*) AS opened, SUM(closed IS NULL) AS still_open, AVG(minutes) AS mean_minutes FROM ticket GROUP BY opened_on
SELECT label, COUNT(*) AS n FROM ticket, JSON_TABLE(labels, '$.names[*]' COLUMNS (nth FOR ORDINALITY, label VARCHAR(20) PATH '$')) AS l GROUP BY label ORDER BY n DESC
SELECT t.id, l.label FROM ticket t LEFT JOIN JSON_TABLE(t.labels, '$.names[*]' COLUMNS (label VARCHAR(20) PATH '$' NULL ON EMPTY ERROR ON ERROR)) l ON l.label <> 'bug'
SELECT id, JSON_UNQUOTE(JSON_EXTRACT(labels, '$.by.name')) AS `by`, JSON_LENGTH(labels, '$.names') AS n, JSON_EXTRACT(labels, '$.names[0]', '$.by') AS picked, JSON_TYPE(JSON_EXTRACT(labels, '$.by')) FROM ticket
SELECT id FROM ticket WHERE JSON_CONTAINS(labels, JSON_ARRAY('bug'), '$.names') OR JSON_SEARCH(labels, 'all', 'b%', NULL, '$.names') IS NOT NULL
SELECT id FROM ticket WHERE JSON_EXTRACT(labels, '$.urgent') = TRUE AND JSON_CONTAINS_PATH(labels, 'all', '$.names', '$.by') = 1
SELECT JSON_OBJECT('id', id, 'labels', JSON_EXTRACT(labels, '$.names'), 'open', closed IS NULL) AS document FROM ticket
SELECT JSON_ARRAYAGG(JSON_OBJECT('id', id, 'minutes', minutes)) AS tickets, JSON_OBJECTAGG(id, priority) AS priorities FROM ticket
SELECT t.id, k.name FROM ticket t CROSS JOIN JSON_TABLE(JSON_KEYS(t.labels), '$[*]' COLUMNS (name VARCHAR(40) PATH '$')) k WHERE JSON_VALID(t.labels)
SELECT priority, JSON_OBJECT('n', COUNT(*), 'ids', JSON_ARRAYAGG(id)) FROM ticket GROUP BY priority
SELECT JSON_EXTRACT('{"a b": [1, {"c": 2}]}', '$."a b"[1].c'), JSON_EXTRACT('[1, 2, 3]', '$[last]'), JSON_EXTRACT('[1, 2, 3]', '$[0 to 1]'), JSON_EXTRACT('{"a": {"x": 1}, "b": {"x": 2}}', '$**.x'), JSON_EXTRACT('{"a": 1, "b": 2}', '$.*')
SELECT jt.* FROM JSON_TABLE('{"rows": [{"id": 1, "tags": ["x", "y"]}, {"id": 2}]}', '$.rows[*]' COLUMNS (id INT PATH '$.id', tags JSON PATH '$.tags', NESTED PATH '$.tags[*]' COLUMNS (tag CHAR(1) PATH '$'))) jt
SELECT id, MATCH (body) AGAINST ('printer' IN NATURAL LANGUAGE MODE) AS relevance FROM ticket WHERE MATCH (body) AGAINST ('+printer -"out of paper" jam*' IN BOOLEAN MODE) ORDER BY relevance DESC
SELECT a.title, ROUND(MATCH (a.title, a.body) AGAINST ('database lake'), 3) AS score FROM article a WHERE MATCH (a.title, a.body) AGAINST ('>lake <database ~sea (read how)' IN BOOLEAN MODE) HAVING score >= 0
SELECT id FROM ticket WHERE MATCH (body) AGAINST ('paper' WITH QUERY EXPANSION)
-- Places
SELECT r.name, COUNT(p.id) AS places FROM region r LEFT JOIN place p ON ST_Contains(r.area, p.position) GROUP BY r.id, r.name
SELECT name, ST_Area(area), ST_AsText(ST_Centroid(area)), ST_AsText(ST_Envelope(area)), ST_NumInteriorRings(area), ST_NumPoints(ST_ExteriorRing(area)) FROM region
SELECT a.name, b.name FROM region a JOIN region b ON a.id < b.id AND ST_Intersects(a.area, b.area) AND MBRIntersects(a.area, b.area)
SELECT ST_AsText(ST_Intersection(a.area, b.area)), ST_AsText(ST_Difference(a.area, b.area)), ST_AsText(ST_SymDifference(a.area, b.area)), ST_Area(ST_Union(a.area, b.area)) FROM region a, region b WHERE a.id = 1 AND b.id = 2
SELECT p.name FROM place p WHERE MBRWithin(p.position, ST_GeomFromText('POLYGON((5.9 45.8, 10.5 45.8, 10.5 47.8, 5.9 47.8, 5.9 45.8))')) AND ST_X(p.position) > 8
SELECT JSON_OBJECT('type', 'FeatureCollection', 'features', JSON_ARRAYAGG(JSON_OBJECT('type', 'Feature', 'geometry', ST_AsGeoJSON(position), 'properties', JSON_OBJECT('name', name)))) AS geojson FROM place
SELECT ST_AsText(ST_GeomFromGeoJSON('{"type": "Point", "coordinates": [7.44, 46.95]}')), ST_AsText(ST_PointFromText('POINT(1 2)')), ST_AsText(ST_GeometryFromText('MULTIPOINT(0 0, 1 1)')), ST_Dimension(ST_GeomFromText('LINESTRING(0 0, 1 1)'))
SELECT ST_AsText(ST_StartPoint(l)), ST_AsText(ST_EndPoint(l)), ST_AsText(ST_PointN(l, 2)), ST_IsClosed(l), ST_IsSimple(l), ST_Length(l) FROM (SELECT ST_GeomFromText('LINESTRING(0 0, 3 4, 6 0)') AS l) line
SELECT ST_NumGeometries(g), ST_AsText(ST_GeometryN(g, 1)), HEX(ST_AsBinary(g)), ST_AsText(ST_ConvexHull(g)) FROM (SELECT ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(1 1, 2 0))') AS g) collected
-- What the database is, as clients ask
SELECT TABLE_SCHEMA AS TABLE_CAT, NULL AS TABLE_SCHEM, TABLE_NAME, CASE WHEN TABLE_TYPE = 'BASE TABLE' THEN 'TABLE' ELSE TABLE_TYPE END AS TABLE_TYPE, TABLE_COMMENT AS REMARKS FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = DATABASE() HAVING TABLE_TYPE IN ('TABLE', 'VIEW') ORDER BY TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME
SELECT A.TABLE_SCHEMA AS PKTABLE_CAT, A.REFERENCED_TABLE_NAME AS PKTABLE_NAME, A.REFERENCED_COLUMN_NAME AS PKCOLUMN_NAME, A.TABLE_NAME AS FKTABLE_NAME, A.COLUMN_NAME AS FKCOLUMN_NAME, A.ORDINAL_POSITION AS KEY_SEQ FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE A JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS B USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_NAME) WHERE B.CONSTRAINT_TYPE = 'FOREIGN KEY' AND A.TABLE_SCHEMA = DATABASE()
SELECT c.table_name, GROUP_CONCAT(c.column_name ORDER BY c.ordinal_position SEPARATOR ', ') AS `columns` FROM information_schema.columns c WHERE c.table_schema = SCHEMA() GROUP BY c.table_name
SELECT column_name, column_type, column_key, extra, generation_expression FROM information_schema.columns WHERE table_schema = DATABASE() AND generation_expression <> ''
SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns_of, MAX(non_unique) AS non_unique, MAX(cardinality) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'orders' GROUP BY index_name
SELECT t.table_name, t.engine, t.row_format, t.table_rows, t.avg_row_length, ROUND((t.data_length + t.index_length) / 1024, 1) AS kib, t.create_time, t.table_collation FROM information_schema.tables t WHERE t.table_schema = DATABASE() ORDER BY kib DESC
SELECT t.table_name FROM information_schema.tables t LEFT JOIN information_schema.table_constraints k ON k.table_schema = t.table_schema AND k.table_name = t.table_name AND k.constraint_type = 'PRIMARY KEY' WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND k.constraint_name IS NULL
SELECT engine, support, transactions FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT')
SELECT specific_name, parameter_name, data_type, dtd_identifier FROM information_schema.parameters WHERE specific_schema = DATABASE() ORDER BY ordinal_position
SELECT routine_name, routine_type, dtd_identifier, is_deterministic FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = 'FUNCTION'
SELECT event_name, status FROM information_schema.events WHERE event_schema = DATABASE()
SELECT grantee, privilege_type FROM information_schema.table_privileges WHERE table_schema = DATABASE()
SELECT cs.character_set_name, cs.maxlen, co.collation_name FROM information_schema.character_sets cs JOIN information_schema.collations co ON co.collation_name = cs.default_collate_name ORDER BY 1
SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'django_migrations' LIMIT 1
SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'customer' AND column_name = 'mail') AS has_column
SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL
/* mysql-connector-java */ SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@collation_connection AS collation_connection, @@license AS license, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@system_time_zone AS system_time_zone, @@wait_timeout AS wait_timeout
SELECT @@max_connections AS max_connections, @@innodb_buffer_pool_size / 1024 / 1024 AS buffer_pool_mib, @@long_query_time AS long_query_time, @@table_open_cache, @@max_heap_table_size
SELECT @@version_comment LIMIT 1
SHOW FULL TABLES FROM information_schema LIKE 'COLUMNS'
SHOW INDEXES IN orders
SHOW KEYS FROM order_item
SHOW COLUMNS IN orders WHERE Field IN ('id', 'state') OR `Null` = 'YES'
SHOW FULL FIELDS FROM product
SHOW CREATE FUNCTION with_vat
SHOW CREATE DATABASE information_schema
SHOW FUNCTION STATUS WHERE Db = DATABASE()
SHOW PROCEDURE STATUS LIKE 'nothing%'
SHOW TABLE STATUS WHERE Engine = 'InnoDB' AND Name REGEXP '^o'
SHOW TRIGGERS LIKE 'customer'
SHOW EVENTS
SHOW STORAGE ENGINES
SHOW CHARSET LIKE 'utf8mb4'
SHOW COLLATION WHERE `Charset` = 'latin1' AND `Default` = 'Yes'
SHOW VARIABLES LIKE 'collation_database'
DESCRIBE `order` `group`
DESC orders 'stat%'
EXPLAIN WITH top AS (SELECT customer_id, SUM(total) AS t FROM orders GROUP BY customer_id) SELECT c.name, top.t FROM top JOIN customer c ON c.id = top.customer_id ORDER BY top.t DESC LIMIT 5
EXPLAIN (SELECT id FROM customer WHERE country = 'CH') UNION ALL (SELECT id FROM orders WHERE state = 'paid')
DESC FORMAT=JSON SELECT COUNT(*) FROM orders WHERE state = 'paid' AND ordered_at > '2025-01-02'
-- As Metabase, Superset, Looker, Tableau, Power BI and dbt write it
/* Metabase:: userID: 1 queryType: MBQL queryHash: 0a */ SELECT STR_TO_DATE(CONCAT(DATE_FORMAT(`orders`.`ordered_at`, '%Y-%m'), '-01'), '%Y-%m-%d') AS `ordered_at`, SUM(`orders`.`total`) AS `sum`, COUNT(DISTINCT `orders`.`customer_id`) AS `count` FROM `orders` LEFT JOIN `customer` AS `Customer` ON `orders`.`customer_id` = `Customer`.`id` WHERE (`Customer`.`country` = 'CH') AND (`orders`.`ordered_at` >= DATE_ADD(CAST(DATE_FORMAT(NOW(6), '%Y-%m-01') AS DATE), INTERVAL -24 MONTH)) GROUP BY STR_TO_DATE(CONCAT(DATE_FORMAT(`orders`.`ordered_at`, '%Y-%m'), '-01'), '%Y-%m-%d') ORDER BY STR_TO_DATE(CONCAT(DATE_FORMAT(`orders`.`ordered_at`, '%Y-%m'), '-01'), '%Y-%m-%d') ASC
SELECT SUBSTRING(`source`.`name`, 1, 1234) AS `substring2`, `source`.`id` AS `id` FROM (SELECT `customer`.`id` AS `id`, `customer`.`name` AS `name`, UPPER(`customer`.`country`) AS `Upper Country` FROM `customer` WHERE (LOWER(`customer`.`name`) LIKE '%customer%')) AS `source` WHERE `source`.`Upper Country` <> 'FR' OR `source`.`Upper Country` IS NULL LIMIT 1048575
SELECT FLOOR(((`customer`.`balance` - 0.0) / 125.0)) * 125.0 + 0.0 AS `balance`, COUNT(*) AS `count` FROM `customer` GROUP BY FLOOR(((`customer`.`balance` - 0.0) / 125.0)) * 125.0 + 0.0 ORDER BY `balance` ASC
SELECT COUNT(DISTINCT CASE WHEN `orders`.`state` = 'paid' THEN `orders`.`customer_id` END) AS `Paying`, SUM(CASE WHEN `orders`.`state` = 'returned' THEN 1 ELSE 0.0 END) / COUNT(*) AS `Share Returned` FROM `orders`
SELECT DATE_ADD(DATE(`ordered_at`), INTERVAL HOUR(`ordered_at`) HOUR) AS `__timestamp`, state AS `state`, sum(total) AS `SUM(total)` FROM (SELECT * FROM orders) AS `virtual_table` WHERE `ordered_at` >= STR_TO_DATE('2025-01-01 00:00:00.000000', '%Y-%m-%d %H:%i:%s.%f') AND `ordered_at` < STR_TO_DATE('2025-02-01 00:00:00.000000', '%Y-%m-%d %H:%i:%s.%f') GROUP BY DATE_ADD(DATE(`ordered_at`), INTERVAL HOUR(`ordered_at`) HOUR), state ORDER BY `SUM(total)` DESC LIMIT 10000
SELECT `state` AS `state`, MAKEDATE(YEAR(`ordered_at`), 1) + INTERVAL QUARTER(`ordered_at`) QUARTER - INTERVAL 1 QUARTER AS `quarter`, count(*) AS `count` FROM `orders` JOIN (SELECT `customer_id` AS `customer_id__`, sum(`total`) AS mme_inner__ FROM `orders` GROUP BY `customer_id` ORDER BY mme_inner__ DESC LIMIT 5) AS `anon_1` ON `customer_id` = `customer_id__` GROUP BY `state`, `quarter` LIMIT 50000
SELECT (DATE_FORMAT(TIMESTAMPADD(DAY, (0 - MOD((DAYOFWEEK(orders.ordered_at) - 1) - 1 + 7, 7)), orders.ordered_at), '%Y-%m-%d')) AS `orders.ordered_week`, COALESCE(SUM(orders.total), 0) AS `orders.total`, COUNT(DISTINCT customer.id) AS `customer.count` FROM orders AS orders LEFT JOIN customer AS customer ON orders.customer_id = customer.id WHERE ((( orders.ordered_at ) >= ((TIMESTAMP('2025-01-01'))) AND ( orders.ordered_at ) < ((TIMESTAMP('2025-04-01'))))) GROUP BY 1 ORDER BY 1 DESC LIMIT 500
SELECT COALESCE(COALESCE(CAST((SUM(DISTINCT (CAST(FLOOR(COALESCE(p.price, 0) * 1000000) AS DECIMAL(65, 0))) + CAST(CONV(SUBSTR(SHA2(p.id, 256), 1, 15), 16, 10) AS DECIMAL(65))) - SUM(DISTINCT CAST(CONV(SUBSTR(SHA2(p.id, 256), 1, 15), 16, 10) AS DECIMAL(65)))) AS DOUBLE) / 1000000.0, 0), 0) AS `product.total_price` FROM order_item i LEFT JOIN product p ON i.product_id = p.id
SELECT `orders`.`state` AS `state`, (TRUNCATE(`orders`.`total` / 100, 0) * 100) AS `Total (bin)`, SUM(1) AS `sum:Number of Records:ok`, ADDDATE( DATE_FORMAT( `orders`.`ordered_at`, '%Y-%m-01 00:00:00' ), INTERVAL 0 SECOND ) AS `tmn:ordered_at:ok` FROM `orders` INNER JOIN ( SELECT `orders`.`customer_id` AS `customer_id`, SUM(`orders`.`total`) AS `$__alias__0` FROM `orders` GROUP BY 1 ORDER BY `$__alias__0` DESC LIMIT 10 ) `t0` ON (`orders`.`customer_id` <=> `t0`.`customer_id`) GROUP BY 1, 2, 4
SELECT MIN(`Custom SQL Query`.`ordered_at`) AS `TEMP(minimum)`, MAX(`Custom SQL Query`.`ordered_at`) AS `TEMP(maximum)` FROM ( select * from orders ) `Custom SQL Query` HAVING (COUNT(1) > 0)
SELECT `rows`.`country` AS `country`, SUM(`rows`.`balance`) AS `a0` FROM ( SELECT `_`.`country`, `_`.`balance` FROM `customer` `_` WHERE (`_`.`joined` >= '2024-01-01 00:00:00' AND `_`.`joined` < '2025-01-01 00:00:00') AND `_`.`country` IS NOT NULL ) `rows` GROUP BY `country` LIMIT 1000001
select `$Table`.`id` as `id`, `$Table`.`name` as `name` from `customer` as `$Table` limit 0, 200
with source as ( select * from orders ), renamed as ( select id as order_id, customer_id, ordered_at as order_date, state as status from source ), final as ( select renamed.*, row_number() over ( partition by customer_id order by order_date ) as nth from renamed ) select * from final where nth = 1
/* {"app": "dbt", "dbt_version": "1.8.0", "node_id": "test.shop.not_null_orders_id"} */ select count(*) as failures, count(*) != 0 as should_warn, count(*) != 0 as should_error from ( select id from orders where id is null ) dbt_internal_test
select count(*) as failures from ( with all_values as ( select state as value_field, count(*) as n_records from orders group by state ) select * from all_values where value_field not in ('new', 'paid', 'shipped', 'returned') ) dbt_internal_test
select from_field from ( with child as ( select customer_id as from_field from orders where customer_id is not null ), parent as ( select id as to_field from customer ) select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null ) t
SELECT UNIX_TIMESTAMP(ordered_at) AS time_sec, CAST(total AS DOUBLE) AS value, CONCAT('customer ', customer_id) AS metric FROM orders WHERE ordered_at BETWEEN FROM_UNIXTIME(1735689600) AND FROM_UNIXTIME(1738368000) ORDER BY ordered_at # Grafana
SELECT * FROM (SELECT * FROM customer) AS `__probe` WHERE 1 = 0
-- As Hibernate, Django, Rails, Sequelize, Prisma, Laravel and SQLAlchemy write it
select c1_0.id,c1_0.country,c1_0.name,o1_0.customer_id,o1_0.id,o1_0.total from customer c1_0 left join orders o1_0 on c1_0.id=o1_0.customer_id where c1_0.country in ('CH','DE') and coalesce(o1_0.total,cast(0 as decimal(10,2)))>=50 order by c1_0.name limit 0,20
select generatedAlias0.id as col_0_0_, case when exists(select 1 from orders o where o.customer_id=generatedAlias0.id) then 1 else 0 end as col_1_0_ from customer generatedAlias0 where lower(generatedAlias0.name) like lower('%CUST%') escape '\\' order by generatedAlias0.name asc, generatedAlias0.id desc limit 25
SELECT `employee`.`id`, CASE WHEN `employee`.`department` = BINARY 'it' THEN 'tech' ELSE 'other' END AS `kind`, EXISTS(SELECT 1 AS `a` FROM `employee` U0 WHERE U0.`manager_id` = (`employee`.`id`) LIMIT 1) AS `is_manager` FROM `employee` WHERE (NOT (`employee`.`department` = 'sales' AND `employee`.`department` IS NOT NULL)) ORDER BY `employee`.`hired` DESC, `employee`.`id` ASC
SELECT COUNT(*) FROM (SELECT `orders`.`customer_id` AS `col1`, AVG(`orders`.`total`) AS `avg_total` FROM `orders` GROUP BY 1 HAVING AVG(`orders`.`total`) > 100 ORDER BY NULL) subquery
SELECT CAST(DATE_FORMAT(CONVERT_TZ(`orders`.`ordered_at`, '+00:00', '+01:00'), '%Y-%m-%d 00:00:00') AS DATETIME) AS `datetimefield` FROM `orders` WHERE `orders`.`ordered_at` BETWEEN '2025-01-01 00:00:00' AND '2025-12-31 23:59:59.999999' GROUP BY 1 ORDER BY `datetimefield` ASC
SELECT `customer`.* FROM `customer` INNER JOIN `orders` ON `orders`.`customer_id` = `customer`.`id` WHERE `orders`.`state` = 1 AND `customer`.`active` = TRUE AND (`customer`.`id` > 3) GROUP BY `customer`.`id` ORDER BY `customer`.`id` ASC LIMIT 1000 /*application:Shop,controller:customers,action:index*/
SELECT 1 AS one FROM `customer` WHERE `customer`.`mail` = BINARY 'c1@example.com' AND `customer`.`id` != 7 LIMIT 1
SELECT `customers`.`t0_r0` AS t0_r0 FROM (SELECT `customer`.`id` AS t0_r0 FROM `customer` LEFT OUTER JOIN `orders` ON `orders`.`customer_id` = `customer`.`id`) `customers`
SELECT `Customer`.*, `orders`.`id` AS `orders.id`, `orders->items`.`product_id` AS `orders.items.productId` FROM (SELECT `Customer`.`id`, `Customer`.`name` FROM `customer` AS `Customer` WHERE (`Customer`.`active` = true AND (`Customer`.`name` LIKE '%1%' OR `Customer`.`mail` LIKE '%1%')) ORDER BY `Customer`.`id` LIMIT 0, 10) AS `Customer` LEFT OUTER JOIN ( `orders` AS `orders` INNER JOIN `order_item` AS `orders->items` ON `orders`.`id` = `orders->items`.`order_id` ) ON `Customer`.`id` = `orders`.`customer_id`
SELECT `t0`.`id`, `t0`.`name`, COALESCE(`aggr_selection_0_orders`.`_aggr_count_orders`, 0) AS `_aggr_count_orders` FROM `customer` AS `t0` LEFT JOIN (SELECT `j`.`customer_id`, COUNT(*) AS `_aggr_count_orders` FROM `orders` AS `j` WHERE 1=1 GROUP BY `j`.`customer_id`) AS `aggr_selection_0_orders` ON (`t0`.`id` = `aggr_selection_0_orders`.`customer_id`) WHERE 1=1 ORDER BY `t0`.`id` ASC LIMIT 18446744073709551615 OFFSET 2
SELECT `t`.`id` FROM `customer` AS `t` WHERE ((`t`.`country`,`t`.`active`) IN (('CH',1),('DE',0)) AND (`t`.`id`) NOT IN (SELECT `s`.`customer_id` FROM `orders` AS `s` WHERE (`s`.`state` = 'returned' AND `s`.`customer_id` IS NOT NULL)))
select `customer`.*, (select count(*) from `orders` where `customer`.`id` = `orders`.`customer_id`) as `orders_count`, (select max(`orders`.`ordered_at`) from `orders` where `customer`.`id` = `orders`.`customer_id`) as `orders_max_ordered_at` from `customer` where exists (select * from `orders` where `customer`.`id` = `orders`.`customer_id` and date(`ordered_at`) >= '2025-01-01') order by `orders_count` desc limit 15 offset 0
select * from `product` where json_contains(`details`, '2', '$."sizes"') and json_unquote(json_extract(`details`, '$."colour"')) in ('red', 'blue') and ifnull(json_contains_path(`details`, 'one', '$."stock"."bern"'), 0)
SELECT anon_1.customer_id AS anon_1_customer_id, anon_1.lbl AS anon_1_lbl FROM (SELECT orders.customer_id AS customer_id, concat(orders.state, '-', orders.id) AS lbl, sum(orders.total) OVER (PARTITION BY orders.customer_id ORDER BY orders.id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS cum FROM orders) AS anon_1 WHERE anon_1.cum > 100 AND (anon_1.customer_id IS NULL) = false ORDER BY anon_1.customer_id IS NULL, anon_1.customer_id
SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1
SELECT 1 AS `ping`, UNIX_TIMESTAMP() - UNIX_TIMESTAMP(NOW()) AS `skew`, @@read_only AS `read_only` -- health
SELECT COUNT(*) > 0 AS fresh, MAX(ordered_at) AS latest, TIMESTAMPDIFF(HOUR, MAX(ordered_at), NOW()) AS hours_behind FROM orders /* freshness check */ # for the dashboard
SELECT 'a.b' AS `dotted.name`, 1 AS `with space`, 2 AS `ünï`, 3 AS `quo``te`, 4 AS "double", 5 AS 'single', 6 AS `1st`, 7 AS `select`
SELECT/**/id,/* a */name/* b */FROM/**/customer/**/WHERE/* c; d */id/**/=/**/1-- end
-- MariaDB: more of its own words
SELECT * FROM counter
SELECT next_not_cached_value, increment, cycle_option FROM counter
SELECT id, price, row_start, row_end FROM priced FOR SYSTEM_TIME ALL ORDER BY id, row_start
SELECT n.id, n.price - o.price AS raised FROM priced n JOIN priced FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00:00' o USING (id)
SELECT d.day, COUNT(o.id) FROM (SELECT DATE '2025-01-01' + INTERVAL seq DAY AS day FROM seq_0_to_30) d LEFT JOIN orders o ON DATE(o.ordered_at) = d.day GROUP BY d.day
SELECT s.seq, POW(s.seq, 2) FROM seq_0_to_100_step_10 s
SELECT id FROM orders INTERSECT ALL SELECT customer_id FROM orders
VALUES (1), (2) UNION SELECT 3 EXCEPT VALUES (2)
SELECT PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY total DESC) OVER () AS p90, MEDIAN(total) OVER () AS median FROM orders LIMIT 1
SELECT CAST('550e8400-e29b-41d4-a716-446655440000' AS UUID), CAST('::1' AS INET6), CAST('10.0.0.1' AS INET4), CAST(5 AS INT), CAST('x' AS VARCHAR(5))
SELECT JSON_VALUE(labels, '$.by.name'), JSON_QUERY(labels, '$.names'), JSON_EXISTS(labels, '$.urgent'), JSON_DETAILED(labels), JSON_OVERLAPS(JSON_QUERY(labels, '$.names'), '["bug"]') FROM ticket
SELECT JSON_EXTRACT('[1, 2, 3, 4]', '$[-1]'), JSON_EXTRACT('[1, 2, 3, 4]', '$[last-1]'), JSON_MERGE('[1]', '[2]'), JSON_PRETTY('{"a":1}')
SELECT TO_CHAR(joined, 'YYYY-MM-DD HH24:MI:SS'), TO_CHAR(joined, 'DY DD MON YY'), ADD_MONTHS(joined, -1), NATURAL_SORT_KEY(name) FROM customer ORDER BY NATURAL_SORT_KEY(name) LIMIT 3
SELECT ROWNUM(), name FROM customer WHERE ROWNUM() <= 3
SELECT name FROM customer ORDER BY id FETCH FIRST ROW ONLY
SELECT name FROM customer WHERE name REGEXP '(?i)^CUSTOMER\\s\\d+$' AND REGEXP_REPLACE(name, '(?<word>\\w+) (\\d+)', '\\2-\\1') <> ''
SELECT REGEXP_SUBSTR(name, '(?<=mer )\\d+') AS number, REGEXP_INSTR(name, '\\b\\d') FROM customer LIMIT 2
SELECT country, JSON_ARRAYAGG(DISTINCT active ORDER BY active DESC LIMIT 2), GROUP_CONCAT(DISTINCT active ORDER BY active LIMIT 1 OFFSET 1) FROM customer GROUP BY country
WITH RECURSIVE walk AS (SELECT id, parent_id FROM category WHERE id = 1 UNION SELECT c.id, c.parent_id FROM category c JOIN walk w ON c.parent_id = w.id) CYCLE id, parent_id RESTRICT SELECT COUNT(*) FROM walk
SELECT ST_AsText(ST_Boundary(area)), ST_AsText(ST_PointOnSurface(area)), AsText(Centroid(area)), Area(area), NumPoints(ExteriorRing(area)) FROM region
SELECT name FROM place WHERE Within(position, GeomFromText('POLYGON((5 45, 11 45, 11 48, 5 48, 5 45))')) AND Y(position) > 46.9
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('SEQUENCE', 'SYSTEM VERSIONED')
SELECT c.constraint_name, c.check_clause FROM information_schema.check_constraints c WHERE c.constraint_schema = DATABASE()
SHOW CREATE TABLE priced
EXPLAIN FORMAT=JSON SELECT * FROM ticket WHERE minutes > 5
-- MySQL: more of its own words
SELECT id, LAG(state, 1, 'none') OVER (ORDER BY id) AS state_before, LEAD(state, 1) OVER (ORDER BY id DESC) FROM orders
SELECT id, NTH_VALUE(total, 2) FROM FIRST RESPECT NULLS OVER (ORDER BY id) AS second FROM orders
SELECT o.id, best.* FROM orders o, LATERAL (SELECT i.product_id, i.price FROM order_item i WHERE i.order_id = o.id ORDER BY i.price DESC LIMIT 1) best
SELECT IF(GROUPING(country, active), 'all', country) AS place, COUNT(*) FROM customer GROUP BY country, active WITH ROLLUP ORDER BY GROUPING(country), place
SELECT id FROM ticket WHERE 'bug' MEMBER OF (labels->'$.names') AND labels->>'$.by.name' = 'Ada'
WITH daily AS (TABLE measured) SELECT * FROM daily UNION ALL TABLE measured ORDER BY 1 LIMIT 4
-- Refused, though they harm nothing: they assign variables, are run from comments, limit themselves, or show how it goes
SELECT @place := @place + 1 AS place, name FROM customer, (SELECT @place := 0) begun ORDER BY balance DESC
SELECT /*!40001 SQL_NO_CACHE */ * FROM customer
SELECT /*+ MAX_EXECUTION_TIME(1000) */ id FROM customer
SHOW GLOBAL STATUS LIKE 'Threads_connected'
ANALYZE SELECT id FROM customer WHERE country = 'CH'
