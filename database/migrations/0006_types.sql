-- Types of events, and the lanes that they wait in.
--
-- A lane is the part of the queue from which a group of consumers claims. Lane 0 contains events without a
-- type, and those whose type no other lane has. The lane of an event is decided whenever it becomes pending.
--
-- Both columns are added at once, without a copy of the table, and unknown to programs of the version before. The column `state`
-- distinguishes lanes only once there are some (`lanes/state_column.rs`), because that change copies the table. Programs of the
-- version before must not run from then on, and the program that stores the first lanes declares so.

SET @add_columns = IF(
  EXISTS (SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = 'Events' AND column_name = 'lane'),
  'DO 0',
  'ALTER TABLE Events
     ADD COLUMN type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL INVISIBLE
       COMMENT ''kind of the event; NULL: none'',
     ADD COLUMN lane TINYINT NOT NULL DEFAULT 0 INVISIBLE
       COMMENT ''lane in which it waits, or waited last'',
     ALGORITHM = INSTANT'
);
PREPARE add_columns FROM @add_columns;
EXECUTE add_columns;
DEALLOCATE PREPARE add_columns;

-- The row of lane 0 is locked while the lanes change, and by transactions that read them.
CREATE TABLE IF NOT EXISTS Lanes (
  lane TINYINT     NOT NULL,
  name VARCHAR(63) NOT NULL COMMENT 'the name by which consumers know it; empty for lane 0',
  PRIMARY KEY (lane),
  UNIQUE KEY name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO Lanes (lane, name) VALUES (0, '');

CREATE TABLE IF NOT EXISTS LaneTypes (
  pattern VARBINARY(255) NOT NULL COMMENT 'a type, or the beginning of types before `*`; the longest that matches decides',
  lane    TINYINT        NOT NULL,
  PRIMARY KEY (pattern)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Replaces `ClaimCursor`, which has no lanes. The next version drops that table.
CREATE TABLE IF NOT EXISTS LaneCursors (
  lane  TINYINT NOT NULL,
  place BIGINT  NOT NULL DEFAULT 0 COMMENT 'the place in line of the last taken event: `due`, in microseconds since 1970',
  event BIGINT  NOT NULL DEFAULT 0 COMMENT 'its id',
  PRIMARY KEY (lane)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO LaneCursors (lane) VALUES (0);
