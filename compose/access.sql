-- Roles for people who read. Run this as a user of ClickHouse that may manage access:
--   docker compose -f compose/compose.yaml exec -T clickhouse clickhouse-client --user callweave --password … < compose/access.sql
-- Then add each person:
--   CREATE USER ana IDENTIFIED BY '…' DEFAULT ROLE masked;
--
-- Never grant callweave.*, pseudonym_keys, number_places or system.query_log to people who may not see numbers. The
-- views run as the user that ran `callweave migrate`: keep that user, with SELECT on callweave.*.

-- For people who may not see phone numbers and recording links. A number's pseudonym is the same in all these views.
CREATE ROLE IF NOT EXISTS masked;
GRANT SELECT ON callweave.calls_masked TO masked;
GRANT SELECT ON callweave.calls_as_of_masked TO masked;
GRANT SELECT ON callweave.call_legs_masked TO masked;
GRANT SELECT ON callweave.call_events_masked TO masked;
GRANT SELECT ON callweave.call_changes_masked TO masked;
GRANT SELECT ON callweave.changes_of_call_masked TO masked;
GRANT SELECT ON callweave.late_changes_masked TO masked;
GRANT SELECT ON callweave.calls_named_masked TO masked;
GRANT SELECT ON callweave.directory_masked TO masked;
GRANT SELECT ON callweave.service_level_masked TO masked;
GRANT SELECT ON callweave.calls_local_masked TO masked;
GRANT SELECT ON callweave.call_figures_masked TO masked;
GRANT SELECT ON callweave.caller_figures_masked TO masked;
GRANT SELECT ON callweave.missed_callers_masked TO masked;
GRANT SELECT ON callweave.calls_by_hour_local TO masked;
GRANT SELECT ON callweave.calls_by_extension_local TO masked;
GRANT SELECT ON callweave.calls_by_campaign_local TO masked;
GRANT SELECT ON callweave.hangup_causes_local TO masked;
GRANT SELECT ON callweave.agents_local TO masked;
GRANT SELECT ON callweave.accounts TO masked;
GRANT SELECT ON callweave.account_clocks TO masked;
GRANT SELECT ON callweave.calls_by_hour TO masked;
GRANT SELECT ON callweave.calls_by_extension TO masked;
GRANT SELECT ON callweave.calls_by_campaign TO masked;
GRANT SELECT ON callweave.hangup_causes TO masked;
GRANT SELECT ON callweave.agents TO masked;
GRANT SELECT ON callweave.agents_between TO masked;
GRANT SELECT ON callweave.agent_spells TO masked;
GRANT SELECT ON callweave.asr TO masked;
GRANT SELECT ON callweave.ner TO masked;
GRANT SELECT ON callweave.abr TO masked;
GRANT SELECT ON callweave.acd TO masked;
GRANT SELECT ON callweave.pdd TO masked;
GRANT SELECT ON callweave.abandoned_rate TO masked;
GRANT SELECT ON callweave.reconciliation TO masked;
GRANT SELECT ON callweave.reconciliation_by_hour TO masked;
GRANT SELECT ON callweave.source_quality TO masked;
GRANT SELECT ON callweave.alerts TO masked;

-- For people who may add, rotate and pause sources and send rejected callbacks again, in the console; grant them analyst too.
CREATE ROLE IF NOT EXISTS operator;

-- For people who may see everything about calls. The views without masks run with the rights of the user who asks.
CREATE ROLE IF NOT EXISTS analyst;
GRANT SELECT ON callweave.* TO analyst;
REVOKE SELECT ON callweave.pseudonym_keys FROM analyst;
