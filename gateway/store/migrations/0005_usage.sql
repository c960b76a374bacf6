-- What the ledger's rows add up to, by quarter of an hour, hour and day in UTC, so that a report on years
-- reads thousands of rows and not millions; and what stands in which part of the ledger, so that a
-- search reads only the parts that can hold it. Rows up to ledger_state.rolled_up_to are in here, later
-- ones are read from `requests` itself. All of it can be made again from the rows as long as they exist.

-- Who used what: the ways in which usage can be told apart. Each request counts in one series that
-- says everything (kind 0), in that of all requests (kind 1), and in those that say only the key (2),
-- the team (3), the requested model (4) or the backend (5), so that most reports read few rows.
CREATE TABLE usage_series (
    id              INTEGER PRIMARY KEY,
    kind            INTEGER NOT NULL,
    key_id          INTEGER NOT NULL,
    team_id         INTEGER NOT NULL,
    endpoint        INTEGER NOT NULL,
    requested_model TEXT NOT NULL,    -- empty: no such model was offered
    served_model    TEXT NOT NULL,
    backend         TEXT NOT NULL,
    UNIQUE (kind, key_id, team_id, endpoint, requested_model, served_model, backend)
) STRICT;

-- A request counts where it started. `figures` holds the counts, tokens and times: see docs/ledger.md.
CREATE TABLE usage_quarter (
    series    INTEGER NOT NULL,
    start_s   INTEGER NOT NULL,       -- seconds since 1970 UTC
    requests  INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,       -- 1e-9 USD, of the requests whose price is known
    figures   BLOB NOT NULL,
    PRIMARY KEY (series, start_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_hour (
    series    INTEGER NOT NULL,
    start_s   INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    figures   BLOB NOT NULL,
    PRIMARY KEY (series, start_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_day (
    series    INTEGER NOT NULL,
    start_s   INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    figures   BLOB NOT NULL,
    PRIMARY KEY (series, start_s)
) STRICT, WITHOUT ROWID;

-- The rows that were added up together, some thousand with neighbouring ids: what stands in them.
CREATE TABLE ledger_blocks (
    first_id         INTEGER PRIMARY KEY,
    last_id          INTEGER NOT NULL,
    first_started_us INTEGER NOT NULL,
    last_started_us  INTEGER NOT NULL,
    outcomes         INTEGER NOT NULL, -- bit n: there is a row with outcome n
    statuses         BLOB NOT NULL,    -- every status there is, two bytes each, little-endian
    series           BLOB NOT NULL     -- every series of kind 0 there is, four bytes each, little-endian
) STRICT;

-- A Bloom filter of each block's request ids.
CREATE TABLE ledger_block_ids (
    first_id INTEGER PRIMARY KEY,
    filter   BLOB NOT NULL
) STRICT;

CREATE TABLE ledger_state (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_state (name, value) VALUES
    ('rolled_up_to', 0),      -- highest id that is in the tables above
    ('rows_since_us', 0),     -- rows that started before were deleted
    ('details_since_s', 0);   -- quarters and hours before were deleted, days were not
