-- A replay may decide anew on a callback: what was rejected is accepted by repaired code, or the other way round.
ALTER TABLE stored_callbacks
    MODIFY COLUMN `verdict` UInt64 COMMENT 'Odd if rejected, even if accepted, and half of it is when the replay began that decided so (microseconds since 1970 UTC), 0 for the first decision: the highest is the truth';
