CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION unaccent;
CREATE EXTENSION fuzzystrmatch; CREATE EXTENSION pgcrypto; CREATE EXTENSION ltree; CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION btree_gist; CREATE EXTENSION intarray; CREATE EXTENSION cube; CREATE EXTENSION earthdistance;
CREATE TYPE status AS ENUM ('new', 'paid', 'sent', 'returned');
CREATE DOMAIN email AS text CHECK (value ~ '@');
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, mail email, country char(2), born date, tags text[],
  login citext, attributes hstore, joined timestamptz NOT NULL, balance numeric(12, 2));
CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, category text, price numeric(10, 2), path ltree,
  details jsonb, released date);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int REFERENCES customer, state status, placed timestamptz,
  total numeric(12, 2), note text);
CREATE TABLE item (order_id bigint REFERENCES orders, product_id int REFERENCES product, quantity int, price numeric(10, 2),
  PRIMARY KEY (order_id, product_id));
CREATE TABLE employee (id int PRIMARY KEY, name text, manager_id int REFERENCES employee, salary numeric, hired date, department text);
CREATE TABLE reading (sensor int, at timestamp, value float8, PRIMARY KEY (sensor, at));
CREATE TABLE event (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), kind text, body jsonb, raw json, at timestamptz);
CREATE TABLE document (id int PRIMARY KEY, title text, body text, search tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED);
CREATE TABLE booking (room int, during tstzrange, days daterange, EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE network (id int, address inet, net cidr, mac macaddr);
CREATE TABLE shape (id int, spot point, area box, round circle, outline polygon);
CREATE VIEW paid AS SELECT o.*, c.name AS customer FROM orders o JOIN customer c ON c.id = o.customer_id WHERE state = 'paid';
CREATE MATERIALIZED VIEW by_country AS SELECT country, count(*) AS customers FROM customer GROUP BY country;
CREATE FUNCTION vat(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT round($1 * 0.077, 2)';
CREATE FUNCTION orders_of(int) RETURNS SETOF orders STABLE LANGUAGE sql AS 'SELECT * FROM orders WHERE customer_id = $1';
CREATE FUNCTION label(customer) RETURNS text STABLE LANGUAGE sql AS $$ SELECT $1.name || ' (' || $1.country || ')' $$;
CREATE AGGREGATE product_of(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
INSERT INTO customer SELECT i, 'Customer ' || i, 'c' || i || '@example.org', (ARRAY['CH', 'DE', 'FR', 'IT'])[i % 4 + 1],
  date '1960-01-01' + i * 100, ARRAY['t' || i % 3, 't' || i % 5], 'Login' || i, hstore('size', (i % 4)::text),
  timestamptz '2024-01-01' + i * interval '1 day', i * 10.5 FROM generate_series(1, 60) i;
INSERT INTO product SELECT i, 'Product ' || i, (ARRAY['book', 'tool', 'food'])[i % 3 + 1], i * 1.25, ('top.c' || i % 3 || '.p' || i)::ltree,
  jsonb_build_object('colour', (ARRAY['red', 'green'])[i % 2 + 1], 'sizes', jsonb_build_array(i, i + 1), 'maker', jsonb_build_object('name', 'M' || i % 4)),
  date '2023-01-01' + i FROM generate_series(1, 30) i;
INSERT INTO orders SELECT i, i % 60 + 1, (ARRAY['new', 'paid', 'sent', 'returned'])[i % 4 + 1]::status,
  timestamptz '2025-01-01' + i * interval '7 hours', i * 3.5, CASE WHEN i % 7 = 0 THEN 'urgent' END FROM generate_series(1, 200) i;
INSERT INTO item SELECT o, p, o % 5 + 1, p * 1.25 FROM generate_series(1, 200) o, generate_series(1, 3) p;
INSERT INTO employee SELECT i, 'Employee ' || i, NULLIF(i / 3, 0), 4000 + i * 100, date '2010-01-01' + i * 30,
  (ARRAY['sales', 'it', 'hr'])[i % 3 + 1] FROM generate_series(1, 40) i;
INSERT INTO reading SELECT s, timestamp '2025-06-01' + t * interval '5 minutes', sin(t / 10.0) * s FROM generate_series(1, 3) s, generate_series(1, 200) t;
INSERT INTO event (kind, body, raw, at) SELECT (ARRAY['click', 'view'])[i % 2 + 1], jsonb_build_object('page', '/p' || i % 5, 'ms', i, 'user', jsonb_build_object('id', i % 9), 'tags', '["a", "b"]'::jsonb),
  json_build_object('n', i), timestamptz '2025-03-01' + i * interval '1 hour' FROM generate_series(1, 100) i;
INSERT INTO document SELECT i, 'Title ' || i, 'The quick brown fox number ' || i || ' jumps over lazy dogs' FROM generate_series(1, 20) i;
INSERT INTO booking SELECT i, tstzrange(timestamptz '2025-01-01' + i * interval '1 day', timestamptz '2025-01-02' + i * interval '1 day'), daterange(date '2025-01-01' + i, date '2025-01-03' + i) FROM generate_series(1, 10) i;
INSERT INTO network SELECT i, ('10.0.0.' || i)::inet, '10.0.0.0/24', '08:00:2b:01:02:03' FROM generate_series(1, 5) i;
INSERT INTO shape SELECT i, point(i, i), box(point(0, 0), point(i, i)), circle(point(0, 0), i), polygon(box(point(0, 0), point(i, i))) FROM generate_series(1, 5) i;
REFRESH MATERIALIZED VIEW by_country;
ANALYZE;
