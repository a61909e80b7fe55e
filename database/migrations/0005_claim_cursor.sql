-- The position up to which consumers have taken a backlog, so that their claims need not pass the events of each other.
--
-- It is a hint: any value is correct, and a missing row only makes claims slower. Programs of the version before ignore it.

CREATE TABLE IF NOT EXISTS ClaimCursor (
  place     BIGINT  NOT NULL DEFAULT 0 COMMENT 'the place in line of the last taken event: `due`, in microseconds since 1970',
  event     BIGINT  NOT NULL DEFAULT 0 COMMENT 'its id',
  singleton TINYINT NOT NULL DEFAULT 1,
  PRIMARY KEY (singleton),
  CONSTRAINT ClaimCursor_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO ClaimCursor (singleton) VALUES (1);
