\echo Use "CREATE EXTENSION recsys" to load this file. \quit
SET LOCAL search_path TO pg_catalog, pg_temp;
