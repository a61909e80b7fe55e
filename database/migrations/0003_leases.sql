-- What decides about a claim stands with the claim, so that any consumer can judge it; and the time before which an event
-- is not to be claimed outlives its place in line.
--
-- Added at once, without a copy of the table, and unknown to programs of the version before: their statements name the
-- columns that they know, and NULL or 0 means "not known" to those that read these. All columns come with one statement,
-- so that one of them tells whether the others are there. MySQL has no `ADD COLUMN IF NOT EXISTS`.

SET @add_columns = IF(
  EXISTS (SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = 'Events' AND column_name = 'lost_claims'),
  'DO 0',
  'ALTER TABLE Events
     ADD COLUMN not_before DATETIME(6) NULL INVISIBLE
       COMMENT ''UTC; not to be claimed before; NULL: created without such a time'',
     ADD COLUMN freed_at DATETIME(6) NULL INVISIBLE
       COMMENT ''UTC; when it was last given back, freed or retried by hand'',
     ADD COLUMN lease_milliseconds INT NULL INVISIBLE
       COMMENT ''how long its last claim holds; NULL: not known'',
     ADD COLUMN max_attempts INT NULL INVISIBLE
       COMMENT ''after how many attempts whoever claimed it last gives it up; NULL: not known'',
     ADD COLUMN lost_claims INT NOT NULL DEFAULT 0 INVISIBLE
       COMMENT ''how many claims in a row were not settled; such an event is handled alone'',
     ALGORITHM = INSTANT'
);
PREPARE add_columns FROM @add_columns;
EXECUTE add_columns;
DEALLOCATE PREPARE add_columns;

-- When a keeper last saw this database. A gap means that nobody could extend a lease meanwhile, or that the clock stepped.
CREATE TABLE IF NOT EXISTS KeeperPulse (
  seen_at                DATETIME(6) NOT NULL COMMENT 'UTC; when a keeper last looked',
  tolerance_milliseconds INT         NOT NULL COMMENT 'the longest pause between looks that endangers no lease',
  singleton              TINYINT     NOT NULL DEFAULT 1,
  PRIMARY KEY (singleton),
  CONSTRAINT KeeperPulse_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
