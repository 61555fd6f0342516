-- What was asked for: callbacks that hold answers of the provider's REST API, events that say who asked for a call.
-- And which events a record is made of, with what each of them added to it.
ALTER TABLE stored_callbacks
    ADD COLUMN IF NOT EXISTS `kind` LowCardinality(String) DEFAULT 'webhook' COMMENT 'webhook, or what we asked the provider: dial (a call was started) or history';

ALTER TABLE stored_events
    ADD COLUMN IF NOT EXISTS `tag` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The customer''s own mark on the call',
    ADD COLUMN IF NOT EXISTS `variables` SimpleAggregateFunction(max, String) COMMENT 'What the request for the call hands to the provider''s scripts: a JSON object of texts',
    ADD COLUMN IF NOT EXISTS `requested_by` SimpleAggregateFunction(max, Nullable(String)) COMMENT 'The extension for which the call was requested',
    ADD COLUMN IF NOT EXISTS `contributions` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'What it alone lets us know of its call, as JSON: one for each time that it was told' CODEC(ZSTD(3));

ALTER TABLE call_records
    ADD COLUMN IF NOT EXISTS `events` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'The ids of the events that it is made of',
    ADD COLUMN IF NOT EXISTS `requested_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'When it was asked for',
    ADD COLUMN IF NOT EXISTS `tag` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The customer''s own mark on the call',
    ADD COLUMN IF NOT EXISTS `variables` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'What the request hands to the provider''s scripts: a JSON object of texts',
    ADD COLUMN IF NOT EXISTS `requested_by` SimpleAggregateFunction(max, Tuple(priority UInt8, rank Int64, value String)) COMMENT 'The extension for which it was requested';
