-- Ids in blocks, so that creations of several producers need not wait for each other's commits.
--
-- A block is a range of ids that the counter has passed and that only its slot's row guards. The ids of a block after `used`
-- have no event yet, and those that were skipped never will. Therefore the number of events ever created is DBStatus.id minus
-- these. A pipeline with programs that know only the classic columns has no blocks: DBStatus.id is its number of events.
--
-- Programs of the version before would count too many events while a block is in use, so they must not run after this migration.

SET @add_blocks = IF(
  EXISTS (SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = 'DBStatus' AND column_name = 'blocks'),
  'DO 0',
  'ALTER TABLE DBStatus ADD COLUMN blocks TINYINT NOT NULL DEFAULT 0 INVISIBLE
     COMMENT ''1: producers may take ids in blocks'''
);
PREPARE add_blocks FROM @add_blocks;
EXECUTE add_blocks;
DEALLOCATE PREPARE add_blocks;

CREATE TABLE IF NOT EXISTS IdBlocks (
  slot    SMALLINT NOT NULL,
  used    BIGINT   NOT NULL DEFAULT 0 COMMENT 'the last id of the block that has an event',
  last    BIGINT   NOT NULL DEFAULT 0 COMMENT 'the last id of the block',
  skipped BIGINT   NOT NULL DEFAULT 0 COMMENT 'ids of earlier blocks of this slot that have no event and never will',
  PRIMARY KEY (slot)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO IdBlocks (slot)
  SELECT ones.digit + 8 * eights.digit FROM
    (SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
     UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7) AS ones,
    (SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
     UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7) AS eights;

UPDATE SchemaCompatibility SET oldest_program = GREATEST(oldest_program, 4);
