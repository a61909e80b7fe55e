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
GRANT ALL ON `eventpipeline`.* TO 'eventpipeline_schema'@'%' WITH GRANT OPTION;
-- The last one, because MariaDB has no such privilege and stops here: to end transactions that classic programs leave open
-- (database/src/classic/idle.rs).
GRANT CONNECTION_ADMIN ON *.* TO 'eventpipeline_schema'@'%';
