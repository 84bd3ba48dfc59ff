\set ECHO queries
CREATE EXTENSION recsys;

SELECT recsys.create_dataset_group('shop');

SELECT recsys.create_dataset('shop', 'interactions', source => 'clicks',
	columns => '{"user_id": "customer_no", "item_id": "sku", "event_type": "action", "event_value": "amount", "timestamp": "at", "session_id": "visit"}');

SELECT recsys.create_dataset('shop', 'items', source => 'products',
	columns => '{"item_id": "sku", "creation_timestamp": "added", "department": "department", "maker": "maker", "price": "price", "description": "description"}',
	fields => '{"description": "textual"}');

SELECT recsys.create_dataset('shop', 'users', source => 'customers',
	columns => '{"user_id": "customer_no", "city": "city", "age": "age"}');

SELECT recsys.create_event_tracker('web', 'shop');

SELECT recsys.create_solution('for_you', 'shop', 'user-personalization');
SELECT recsys.create_solution_version('for_you');

SELECT recsys.create_solution('goes_with', 'shop', 'sims');
SELECT recsys.create_solution_version('goes_with');
