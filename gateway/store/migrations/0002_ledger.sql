-- One row for each finished, failed or cancelled request.
--
-- The writer gives out the ids, so that a row that comes twice (replayed after a crash) is known. They
-- grow with time, which makes an insert an append. There is deliberately no other index: one on
-- request_id alone would make the insert four times as expensive.
CREATE TABLE requests (
    id                  INTEGER PRIMARY KEY,
    request_id          TEXT NOT NULL,
    started_at_us       INTEGER NOT NULL,
    total_us            INTEGER NOT NULL,
    first_byte_us       INTEGER,          -- NULL: no byte was sent
    overhead_us         INTEGER NOT NULL,
    key_id              INTEGER NOT NULL, -- 0: none; negative: a key from file or environment
    endpoint            INTEGER NOT NULL,
    outcome             INTEGER NOT NULL,
    status              INTEGER NOT NULL,
    attempts            INTEGER NOT NULL,
    stream              INTEGER NOT NULL,
    requested_model     TEXT NOT NULL,
    served_model        TEXT NOT NULL,
    backend             TEXT NOT NULL,
    error_code          TEXT NOT NULL,
    peer                TEXT NOT NULL,
    input_tokens        INTEGER,          -- NULL, here and below: unknown
    output_tokens       INTEGER,
    cached_input_tokens INTEGER,
    reasoning_tokens    INTEGER,
    usage_estimated     INTEGER NOT NULL,
    bytes_in            INTEGER NOT NULL,
    bytes_out           INTEGER NOT NULL
) STRICT;

-- When each key was last used; kept by the writer, because the ledger has no index to find it by.
CREATE TABLE key_usage (
    key_id       INTEGER PRIMARY KEY,
    last_used_us INTEGER NOT NULL
) STRICT;
