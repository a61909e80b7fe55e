-- mysqld runs this file at each start (`--init-file`), before it accepts connections. It creates the database, and the user that
-- manages the schema and the other users. The operator replaces `{schema-password}` in its copy, which is a Secret.
--
-- Because it runs at each start, the password in the Secret is valid, regardless of the data directory's origin and of earlier
-- Secrets. MySQL requires one statement per line.

CREATE DATABASE IF NOT EXISTS `eventpipeline`;
CREATE USER IF NOT EXISTS 'eventpipeline_schema'@'%' IDENTIFIED BY '{schema-password}' REQUIRE SSL;
ALTER USER 'eventpipeline_schema'@'%' IDENTIFIED BY '{schema-password}' REQUIRE SSL;
-- PROCESS shows whether a retired user is still connected.
GRANT CREATE USER, PROCESS ON *.* TO 'eventpipeline_schema'@'%';
GRANT SELECT (User, Host) ON `mysql`.`user` TO 'eventpipeline_schema'@'%';
-- The server purges the binary log only when it starts a new file. Without this event, a burst that fills the volume would never
-- be purged, because no later write would start one. FLUSH itself is not logged.
CREATE DEFINER = 'root'@'localhost' EVENT IF NOT EXISTS `eventpipeline`.`rotate_binary_log` ON SCHEDULE EVERY 1 MINUTE DO FLUSH NO_WRITE_TO_BINLOG BINARY LOGS;
-- These tables show the holder of a lock. The schema Job and the producers report it; producers may read a few columns only.
GRANT SELECT ON `performance_schema`.* TO 'eventpipeline_schema'@'%' WITH GRANT OPTION;
GRANT ALL ON `eventpipeline`.* TO 'eventpipeline_schema'@'%' WITH GRANT OPTION;
-- Ends transactions that classic programs leave open (database/src/classic/idle.rs). This statement is the last one, because
-- MariaDB lacks the privilege and stops here.
GRANT CONNECTION_ADMIN ON *.* TO 'eventpipeline_schema'@'%';
