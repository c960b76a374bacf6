-- What was tried for a request and why, where that was more than one lane that answered. Compact JSON; NULL:
-- nothing worth a word, as for all rows of before.

ALTER TABLE requests ADD COLUMN trace TEXT;
