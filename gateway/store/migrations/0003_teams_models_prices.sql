-- What the file's sections hold is what the database holds: one JSON object for each entry. The typed
-- columns of a client key move into it.

ALTER TABLE client_keys ADD COLUMN config TEXT NOT NULL DEFAULT '{}'; -- JSON object, as in the file
ALTER TABLE client_keys ADD COLUMN previous_sha256 BLOB;               -- NULL: was never rotated
ALTER TABLE client_keys ADD COLUMN previous_until_us INTEGER;          -- the key before works until then

-- A member that is null is left out.
UPDATE client_keys SET config = json_patch('{}', json_object(
    'team', nullif(team, ''),
    'models', json(nullif(models, '[]')),
    'expires', strftime('%Y-%m-%dT%H:%M:%SZ', expires_at_us / 1000000, 'unixepoch'),
    'allowed_ips', json(nullif(allowed_ips, '[]')),
    'limits', json(json_extract(limits, '$.limits')),
    'budget', json(json_extract(limits, '$.budget')),
    'disabled', json(iif(disabled, 'true', NULL))));

ALTER TABLE client_keys DROP COLUMN expires_at_us;
ALTER TABLE client_keys DROP COLUMN disabled;
ALTER TABLE client_keys DROP COLUMN models;
ALTER TABLE client_keys DROP COLUMN allowed_ips;
ALTER TABLE client_keys DROP COLUMN team;
ALTER TABLE client_keys DROP COLUMN limits;

CREATE UNIQUE INDEX client_keys_previous ON client_keys (previous_sha256)
    WHERE previous_sha256 IS NOT NULL;

CREATE TABLE teams (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: the ledger refers to it
    name          TEXT NOT NULL UNIQUE,
    config        TEXT NOT NULL,                     -- JSON object, as in the file
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE models (
    name          TEXT NOT NULL PRIMARY KEY,
    config        TEXT NOT NULL,                     -- JSON object, as in the file
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE prices (
    pattern       TEXT NOT NULL PRIMARY KEY,         -- model name or glob
    config        TEXT NOT NULL,                     -- JSON object, as in the price file
    updated_at_us INTEGER NOT NULL
) STRICT;

-- The last name of every key and team there ever was, for reports on the past.
CREATE TABLE known_names (
    kind          INTEGER NOT NULL,                  -- 0: client key, 1: team
    id            INTEGER NOT NULL,                  -- negative: from file or environment
    name          TEXT NOT NULL,
    deleted       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

INSERT INTO known_names (kind, id, name) SELECT 0, id, name FROM client_keys;
