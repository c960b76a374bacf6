-- What a request cost, whom it is charged to, and the kinds of tokens that have prices of their own.
-- Added columns cost old rows nothing: they read as the default.

ALTER TABLE requests ADD COLUMN team_id INTEGER NOT NULL DEFAULT 0;  -- 0: none; negative: from the file
ALTER TABLE requests ADD COLUMN cost_nano INTEGER;                   -- 1e-9 USD; NULL: price unknown
ALTER TABLE requests ADD COLUMN hold_id INTEGER NOT NULL DEFAULT 0;  -- of the budget hold it ends; 0: none
ALTER TABLE requests ADD COLUMN cache_write_tokens INTEGER;          -- NULL, here and below: unknown
ALTER TABLE requests ADD COLUMN cache_write_1h_tokens INTEGER;
ALTER TABLE requests ADD COLUMN audio_input_tokens INTEGER;
ALTER TABLE requests ADD COLUMN audio_output_tokens INTEGER;
