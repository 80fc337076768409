-- A customer's database, as the tests make it of GeoNames' cities; of MySQL's words only what MariaDB has, too.

CREATE TABLE country (
  code char(2) CHARACTER SET ascii NOT NULL PRIMARY KEY COMMENT 'ISO 3166-1 alpha-2, and XK for Kosovo',
  name varchar(100) NOT NULL UNIQUE COMMENT 'English name (Unicode CLDR)'
) COMMENT 'Countries and territories that have a city';

CREATE TABLE city (
  id int unsigned NOT NULL PRIMARY KEY COMMENT 'GeoNames id',
  name varchar(200) NOT NULL,
  country char(2) CHARACTER SET ascii NOT NULL,
  feature enum('PPL', 'PPLA', 'PPLA2', 'PPLA3', 'PPLA4', 'PPLA5', 'PPLC', 'PPLCH', 'PPLF', 'PPLG', 'PPLH', 'PPLL',
    'PPLQ', 'PPLR', 'PPLS', 'PPLW', 'PPLX', 'STLMT') NOT NULL COMMENT 'PPLC is a capital, PPLA the seat of a region',
  admin_code varchar(20) COMMENT 'The region, by the code of its country',
  population bigint COMMENT 'Inhabitants; null where unknown',
  location json NOT NULL COMMENT 'A point of GeoJSON (RFC 7946)',
  longitude decimal(8, 5) AS (round(json_extract(location, '$.coordinates[0]'), 5)) STORED COMMENT 'Degrees east',
  latitude decimal(7, 5) AS (round(json_extract(location, '$.coordinates[1]'), 5)) STORED COMMENT 'Degrees north',
  KEY city_by_population (population, id),
  KEY city_by_country (country),
  CONSTRAINT city_country FOREIGN KEY (country) REFERENCES country (code)
) COMMENT 'Cities of 1,000 inhabitants and more (GeoNames)';

CREATE VIEW largest_city AS
  SELECT country.name AS country, max(city.population) AS population
  FROM city JOIN country ON country.code = city.country
  GROUP BY country.code, country.name;
