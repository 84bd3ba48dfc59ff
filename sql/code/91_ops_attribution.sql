-- Metric attribution: what events brought, by where they came from.

CREATE OR REPLACE FUNCTION recsys.create_metric_attribution(name text, dataset_group text, metrics jsonb) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_metric_attribution';
COMMENT ON FUNCTION recsys.create_metric_attribution(text, text, jsonb) IS
'Says which figures are kept by the source of events, and returns the name. A group has one metric attribution.
metrics: [{"metricName": "revenue", "eventType": "Purchase", "expression": "SUM(Items.price)"}]; an expression is SAMPLECOUNT() (events
are counted), SUM(Items.COLUMN) or SUM(Interactions.COLUMN), of a numeric column (event_value is one). Events count whose timestamp is
not before the metric was made. The figures: recsys.get_attributed_metrics.
Needs the ownership of the group''s schema. Errors: RS001; RS006 when the group has one; 42703 for a column that does not exist; 22023
for an expression or a column that cannot be added up; RS003 under recsys.service_limits (10 metrics).';

CREATE OR REPLACE FUNCTION recsys.update_metric_attribution(name text, add_metrics jsonb DEFAULT '[]', remove_metrics text[] DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_update_metric_attribution';
COMMENT ON FUNCTION recsys.update_metric_attribution(text, jsonb, text[]) IS
'Removes metrics by their names, and adds others, as in recsys.create_metric_attribution. Needs the ownership of the group''s schema.
Errors: RS001, also for a metric that does not exist; RS006 for one that does; those of recsys.create_metric_attribution.';

CREATE OR REPLACE FUNCTION recsys.delete_metric_attribution(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_metric_attribution';
COMMENT ON FUNCTION recsys.delete_metric_attribution(text) IS
'Deletes a metric attribution; events stay. Needs the ownership of the group''s schema. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys.describe_metric_attribution(name text) RETURNS jsonb
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_describe_metric_attribution';
COMMENT ON FUNCTION recsys.describe_metric_attribution(text) IS
'Describes a metric attribution: name, dataset_group, status, metrics [{metric_name, event_type, expression}], created_at, updated_at.
Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys_internal.list_metric_attributions()
RETURNS TABLE (dataset_group text, name text, metric_name text, event_type text, expression text, created_at timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_list_metric_attributions';
COMMENT ON FUNCTION recsys_internal.list_metric_attributions() IS 'rows of the view recsys.metric_attributions';

CREATE OR REPLACE VIEW recsys.metric_attributions AS SELECT * FROM recsys_internal.list_metric_attributions();
COMMENT ON VIEW recsys.metric_attributions IS
'The metric attributions of the groups that the current user may read, a row for each metric; created_at is the metric''s.';
GRANT SELECT ON recsys.metric_attributions TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.get_attributed_metrics(metric_attribution text, since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL, width interval DEFAULT '15 minutes')
RETURNS TABLE (metric_name text, event_type text, value float8, math_function text, event_attribution_source text, "timestamp" timestamptz)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'recsys_get_attributed_metrics';
COMMENT ON FUNCTION recsys.get_attributed_metrics(text, timestamptz, timestamptz, interval) IS
'The figures of a metric attribution, by windows of the given width (at most weeks; the days'' begin at midnight UTC) whose start is
"timestamp", and by source, in the order of time: of the events from since (NULL: when the metric was made) until before until (NULL: the
newest). Windows without an event have no row. The source of an event is its event_attribution_source, else the campaign or recommender
whose answer its recommendation_id names, else SOURCE_NAME_UNDEFINED (also when the campaign is gone). Computed from the events, as the
current user, whenever it is called; an index on interactions ("timestamp") makes that quick, see recsys.check. The columns are those of
the service''s report: \copy (SELECT * FROM recsys.get_attributed_metrics(…)) TO … CSV HEADER writes one.
Errors: RS001; 0A000 for a width in months.';
