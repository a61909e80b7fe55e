-- The classic tables, as every producer and consumer in any language knows them, with what the queue adds.
--
-- Added columns are INVISIBLE: programs that write `INSERT INTO Events VALUES (1, '', 0)` or read `SELECT *` go on
-- seeing the three classic ones.

CREATE TABLE IF NOT EXISTS DBStatus (
  id        BIGINT  NOT NULL DEFAULT 0 COMMENT 'how many events were ever created; also the last id',
  singleton TINYINT NOT NULL DEFAULT 1 INVISIBLE COMMENT 'the key that keeps this table at one row',
  PRIMARY KEY (singleton),
  CONSTRAINT DBStatus_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO DBStatus (id) VALUES (0);

-- `processing` beyond the classic 0 and 1, all of which classic consumers leave alone: 2 pending, but not before `due`;
-- 3 dead; 4 cancelled. Any other value is somebody's claim.
--
-- `state` is what the classic columns say, in a form that an index can serve: 0 pending, 1 claimed, 2 done, 3 dead,
-- 4 cancelled. It is computed by the database, so that it is right whoever wrote the row. LENGTH and not a comparison:
-- `' ' = ''` is true under collations that pad.
--
-- `due` says when a row is to be looked at next, whatever its state, so that one index serves the claim, the reclaim,
-- the removal and the lists, each in its order.
CREATE TABLE IF NOT EXISTS Events (
  id          BIGINT        NOT NULL,
  valor       VARCHAR(8000) NULL DEFAULT '' COMMENT 'the answer; empty while there is none',
  processing  INT           NULL DEFAULT 0  COMMENT '1 while a consumer works on it',
  payload     LONGTEXT      NULL     INVISIBLE COMMENT 'JSON text as it was posted',
  priority    TINYINT       NOT NULL DEFAULT 0 INVISIBLE COMMENT '0 to 9; a point is worth a minute of waiting',
  due         DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)) INVISIBLE
    COMMENT 'UTC; pending: its place in line, or when it may be claimed; claimed: end of the lease; else when it ended',
  token       BIGINT        NOT NULL DEFAULT 0 INVISIBLE COMMENT 'fence token: grows with every claim and give-back',
  attempts    INT           NOT NULL DEFAULT 0 INVISIBLE COMMENT 'how often it was claimed and not given back unbegun',
  owner       VARCHAR(255)  NULL     INVISIBLE COMMENT 'who claimed it last',
  lease_until DATETIME(6)   NULL     INVISIBLE COMMENT 'UTC; NULL: not claimed, or by a program without leases',
  error       VARCHAR(1000) NULL     INVISIBLE COMMENT 'why the last attempt failed',
  created_at  DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)) INVISIBLE,
  done_at     DATETIME(6)   NULL     INVISIBLE COMMENT 'UTC; when it was done, dead or cancelled',
  state       TINYINT GENERATED ALWAYS AS
    (CASE WHEN LENGTH(valor) > 0 THEN 2
          WHEN COALESCE(processing, 0) IN (0, 2) THEN 0
          WHEN processing IN (3, 4) THEN processing
          ELSE 1 END) STORED INVISIBLE,
  PRIMARY KEY (id),
  KEY state_due (state, due, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A creation that a client may repeat, remembered as long as its first event.
CREATE TABLE IF NOT EXISTS IdempotencyKeys (
  name        VARBINARY(255) NOT NULL,
  fingerprint BINARY(32)     NOT NULL COMMENT 'SHA-256 of what was to be created',
  first_id    BIGINT         NOT NULL,
  events      INT            NOT NULL COMMENT 'how many events it created, with consecutive ids',
  PRIMARY KEY (name),
  KEY first_id (first_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What is no longer in `Events` but was counted, so that created = rows + removed.
CREATE TABLE IF NOT EXISTS Ledger (
  removed   BIGINT  NOT NULL DEFAULT 0,
  singleton TINYINT NOT NULL DEFAULT 1,
  PRIMARY KEY (singleton),
  CONSTRAINT Ledger_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO Ledger (removed) VALUES (0);

-- The oldest program that may use this schema, as the version of the newest migration that it knows. A migration that
-- only adds leaves it as it is: programs of the version before go on while it runs, and after it.
CREATE TABLE IF NOT EXISTS SchemaCompatibility (
  oldest_program BIGINT  NOT NULL,
  singleton      TINYINT NOT NULL DEFAULT 1,
  PRIMARY KEY (singleton),
  CONSTRAINT SchemaCompatibility_has_one_row CHECK (singleton = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO SchemaCompatibility (oldest_program) VALUES (1);
