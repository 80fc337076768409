-- A customer's database, as the demo makes it: cities of the world.

CREATE TYPE feature_code AS ENUM (
  'PPL', 'PPLA', 'PPLA2', 'PPLA3', 'PPLA4', 'PPLA5', 'PPLC', 'PPLCH', 'PPLF',
  'PPLG', 'PPLH', 'PPLL', 'PPLQ', 'PPLR', 'PPLS', 'PPLW', 'PPLX', 'STLMT'
);
COMMENT ON TYPE feature_code IS 'Kinds of populated places, see https://www.geonames.org/export/codes.html';

CREATE TABLE country (
  code char(2) PRIMARY KEY,
  name text NOT NULL UNIQUE,
  time_zones text[] NOT NULL,
  week jsonb NOT NULL
);
COMMENT ON TABLE country IS 'Countries and territories that have a city';
COMMENT ON COLUMN country.code IS 'ISO 3166-1 alpha-2, and XK for Kosovo';
COMMENT ON COLUMN country.name IS 'English name (Unicode CLDR)';
COMMENT ON COLUMN country.time_zones IS 'Names of the IANA time zone database';
COMMENT ON COLUMN country.week IS 'First day and weekend; 1 is Monday (Unicode CLDR)';

CREATE TABLE city (
  id integer PRIMARY KEY,
  name text NOT NULL,
  country char(2) NOT NULL REFERENCES country,
  feature feature_code NOT NULL,
  admin_code text,
  population integer,
  location jsonb NOT NULL,
  longitude numeric(8, 5) NOT NULL GENERATED ALWAYS AS ((location -> 'coordinates' ->> 0)::numeric) STORED,
  latitude numeric(7, 5) NOT NULL GENERATED ALWAYS AS ((location -> 'coordinates' ->> 1)::numeric) STORED
);
CREATE INDEX city_by_population ON city (population DESC NULLS LAST, id DESC);
CREATE INDEX city_by_country ON city (country);
COMMENT ON TABLE city IS 'Cities of 1,000 inhabitants and more (GeoNames)';
COMMENT ON COLUMN city.id IS 'GeoNames id';
COMMENT ON COLUMN city.feature IS 'PPLC is a capital, PPLA the seat of a region';
COMMENT ON COLUMN city.admin_code IS 'The region, by the code of its country';
COMMENT ON COLUMN city.population IS 'Inhabitants; null where unknown';
COMMENT ON COLUMN city.location IS 'A point of GeoJSON (RFC 7946)';
COMMENT ON COLUMN city.longitude IS 'Degrees east';
COMMENT ON COLUMN city.latitude IS 'Degrees north';

CREATE TABLE source (
  package text PRIMARY KEY,
  version text NOT NULL,
  manifest jsonb NOT NULL,
  load_time timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE source IS 'Where the cities come from';
COMMENT ON COLUMN source.manifest IS 'The package.json of the npm package';

CREATE VIEW largest_city AS
  SELECT DISTINCT ON (country.code) country.name AS country, city.name AS city, city.population
  FROM city JOIN country ON country.code = city.country
  WHERE city.population IS NOT NULL
  ORDER BY country.code, city.population DESC, city.id;
COMMENT ON VIEW largest_city IS 'The largest city of each country';
