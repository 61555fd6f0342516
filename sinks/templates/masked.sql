-- Made of $name.sql by sinks/masked.py.
CREATE OR REPLACE VIEW ${name}_masked
(
$head
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS ${keyed}SELECT
$values
FROM $passed AS known$joined$where
COMMENT '$comment';
