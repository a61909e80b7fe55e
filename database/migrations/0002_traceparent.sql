-- The trace that an event was created in, for who processes it to name.
--
-- Added at once, without a copy of the table, and unknown to programs of the version before: their statements name the columns
-- that they know. MySQL has no `ADD COLUMN IF NOT EXISTS`.

SET @add_traceparent = IF(
  EXISTS (SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = 'Events' AND column_name = 'traceparent'),
  'DO 0',
  'ALTER TABLE Events ADD COLUMN traceparent VARCHAR(55) CHARACTER SET ascii COLLATE ascii_bin NULL INVISIBLE
     COMMENT ''W3C traceparent of its creation; NULL: none'', ALGORITHM = INSTANT'
);
PREPARE add_traceparent FROM @add_traceparent;
EXECUTE add_traceparent;
DEALLOCATE PREPARE add_traceparent;
