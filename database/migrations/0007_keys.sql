-- Keys of events. Events with the same key are handled in the order of their creation.
--
-- An event whose key has enough events in the queue is blocked. Its `state` is the negated number of its key, so the blocked events
-- of a key are a range of the index, in the order of their creation. The end of an event of the key unblocks the next one.
--
-- The columns are added at once, without a copy of the table, and unknown to programs of the version before. The column `state`
-- distinguishes blocked events only once the pipeline has keys (`lanes/state_column.rs`), because that change copies the table.

SET @add_columns = IF(
  EXISTS (SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = 'Events' AND column_name = 'blocked'),
  'DO 0',
  'ALTER TABLE Events
     ADD COLUMN event_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL INVISIBLE
       COMMENT ''events with the same key are handled in the order of their creation; NULL: none'',
     ADD COLUMN key_number BIGINT NULL INVISIBLE
       COMMENT ''number of the key in EventKeys while the event counts there; NULL: no key, or over'',
     ADD COLUMN blocked TINYINT NOT NULL DEFAULT 0 INVISIBLE
       COMMENT ''1: waits for earlier events of its key'',
     ALGORITHM = INSTANT'
);
PREPARE add_columns FROM @add_columns;
EXECUTE add_columns;
DEALLOCATE PREPARE add_columns;

-- Keys with unfinished events. A transaction that adds or ends events of a key locks its row.
CREATE TABLE IF NOT EXISTS EventKeys (
  number     BIGINT      NOT NULL COMMENT 'first 62 bits of the SHA-256 of the key, with bit 32 set',
  events     INT         NOT NULL COMMENT 'events of the key that are not over',
  running    INT         NOT NULL COMMENT 'those of them that are not blocked',
  free       INT         NOT NULL DEFAULT 0 COMMENT 'how many of the events that a transaction adds are not blocked',
  place      BIGINT      NOT NULL DEFAULT 0 COMMENT 'order of its last event among the blocked ones: `due`, in microseconds since 1970',
  changed_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'UTC; when an event was last added, ended, or found to be there',
  PRIMARY KEY (number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Without a row, events have no keys.
CREATE TABLE IF NOT EXISTS KeySettings (
  concurrency INT     NOT NULL COMMENT 'maximum number of events of a key that are not blocked',
  dead_blocks TINYINT NOT NULL COMMENT '1: a dead event blocks the later events of its key',
  singleton   TINYINT NOT NULL DEFAULT 1,
  PRIMARY KEY (singleton),
  CONSTRAINT KeySettings_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
