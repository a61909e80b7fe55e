-- What mysqld runs at each start (`--init-file`), before it lets anybody in: the database, and the user that keeps the
-- schema and the other users. The operator writes `{schema-password}` into its copy, which is a Secret.
--
-- Each start, and not only the first: whatever the data directory was filled by, and whatever became of the Secret that
-- was there before, the password in the Secret is the one that is valid. One statement a line, as MySQL wants it.

CREATE DATABASE IF NOT EXISTS `eventpipeline`;
CREATE USER IF NOT EXISTS 'eventpipeline_schema'@'%' IDENTIFIED BY '{schema-password}' REQUIRE SSL;
ALTER USER 'eventpipeline_schema'@'%' IDENTIFIED BY '{schema-password}' REQUIRE SSL;
-- PROCESS: to see whether anybody still uses a user that is to go.
GRANT CREATE USER, PROCESS ON *.* TO 'eventpipeline_schema'@'%';
GRANT SELECT (User, Host) ON `mysql`.`user` TO 'eventpipeline_schema'@'%';
-- The binary log is purged when it goes on in a new file, and by nothing else: a burst that fills the volume is followed by
-- none. FLUSH is not written to the log.
CREATE DEFINER = 'root'@'localhost' EVENT IF NOT EXISTS `eventpipeline`.`rotate_binary_log` ON SCHEDULE EVERY 1 MINUTE DO FLUSH NO_WRITE_TO_BINLOG BINARY LOGS;
-- Who holds a lock that others wait for: named by the schema Job, and by producers, who are granted a few of the columns.
GRANT SELECT ON `performance_schema`.* TO 'eventpipeline_schema'@'%' WITH GRANT OPTION;
GRANT ALL ON `eventpipeline`.* TO 'eventpipeline_schema'@'%' WITH GRANT OPTION;
-- The last one, because MariaDB has no such privilege and stops here: to end transactions that classic programs leave open
-- (database/src/classic/idle.rs).
GRANT CONNECTION_ADMIN ON *.* TO 'eventpipeline_schema'@'%';
