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

-- `state` is what the classic columns say, in a form that an index can serve: 0 free, 1 claimed, 2 done. It is computed
-- by the database, so that it is right whoever wrote the row. LENGTH and not a comparison: `' ' = ''` is true under
-- collations that pad.
CREATE TABLE IF NOT EXISTS Events (
  id          BIGINT        NOT NULL,
  valor       VARCHAR(8000) NULL DEFAULT '' COMMENT 'the answer; empty while there is none',
  processing  INT           NULL DEFAULT 0  COMMENT '1 while a consumer works on it',
  payload     LONGTEXT      NULL     INVISIBLE COMMENT 'JSON text as it was posted',
  token       BIGINT        NOT NULL DEFAULT 0 INVISIBLE COMMENT 'fence token: grows with every claim',
  attempts    INT           NOT NULL DEFAULT 0 INVISIBLE COMMENT 'how often it was claimed',
  owner       VARCHAR(255)  NULL     INVISIBLE COMMENT 'who claimed it last',
  lease_until DATETIME(6)   NULL     INVISIBLE COMMENT 'UTC; a claim older than this is given up',
  created_at  DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)) INVISIBLE,
  done_at     DATETIME(6)   NULL     INVISIBLE,
  state       TINYINT GENERATED ALWAYS AS
    (CASE WHEN LENGTH(valor) > 0 THEN 2 WHEN processing <> 0 THEN 1 ELSE 0 END) STORED INVISIBLE,
  PRIMARY KEY (id),
  KEY state_id (state, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
