-- What is made in the panel. Never a plaintext key: client keys as hashes, provider keys as references.

CREATE TABLE client_keys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: the ledger refers to it
    name          TEXT NOT NULL,
    sha256        BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    prefix        TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER,                           -- NULL: never
    revoked_at_us INTEGER,                           -- NULL: in force
    disabled      INTEGER NOT NULL DEFAULT 0,
    models        TEXT NOT NULL DEFAULT '[]',        -- JSON array of patterns
    allowed_ips   TEXT NOT NULL DEFAULT '[]',        -- JSON array of subnets
    team          TEXT NOT NULL DEFAULT '',
    limits        TEXT NOT NULL DEFAULT '{}'         -- JSON object, as in the file
) STRICT;

CREATE TABLE backends (
    name          TEXT NOT NULL PRIMARY KEY,
    config        TEXT NOT NULL,                     -- JSON object, as in the file
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    key           TEXT NOT NULL PRIMARY KEY,
    value         TEXT NOT NULL                      -- JSON value in an array of one
) STRICT;
