"""The table contract of producers (docs/contracts/tables.md, T1 to T9)."""

import contextlib
import queue
import random
import time

import pymysql
from pymysql.constants import ER

import connection

ATTEMPTS = 10
CONNECTIONS = 10
# Maximum number of ids in one statement.
CHUNK = 1000
TEMPORARY = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)


class Database:
    def __init__(self):
        # A slot per connection: None is a slot that is not connected.
        self._slots = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._slots.put(None)

    def count(self):
        """Returns the number of events ever created."""
        with self._cursor() as cursor:
            cursor.execute("SELECT id FROM DBStatus")
            return cursor.fetchone()[0]

    def events(self, ids):
        """Returns the events with these ids that exist: {id: (valor, processing)}."""
        found = {}
        for start in range(0, len(ids), CHUNK):
            with self._cursor() as cursor:
                cursor.execute(
                    "SELECT id, valor, processing FROM Events WHERE id IN %s", [ids[start : start + CHUNK]]
                )
                found.update({id: (valor or "", processing or 0) for id, valor, processing in cursor})
        return found

    def create(self, payload):
        """Stores an event and returns its id after the commit. `payload` is JSON text, or None."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._insert(payload)
            except pymysql.err.IntegrityError:
                # Another program inserted an id without counting it.
                if attempt == ATTEMPTS:
                    raise
                self._skip_taken()
            except pymysql.err.OperationalError as error:
                if attempt == ATTEMPTS or error.args[0] not in TEMPORARY:
                    raise
            time.sleep(random.random() * 0.01 * attempt)

    def _insert(self, payload):
        with self._cursor() as cursor:
            # The counter's row is locked from here to the commit: no other producer gets this id.
            cursor.execute("UPDATE DBStatus SET id = id + 1")
            cursor.execute("SELECT id FROM DBStatus")
            (id,) = cursor.fetchone()
            cursor.execute("INSERT INTO Events (id, payload) VALUES (%s, %s)", [id, payload])
        return id

    def _skip_taken(self):
        """Advances the counter past all events."""
        with self._cursor() as cursor:
            cursor.execute("UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))")

    @contextlib.contextmanager
    def _cursor(self):
        """Runs a transaction: it is committed, or ended with its connection if an operation fails."""
        slot = self._slots.get()
        try:
            slot = self._usable(slot)
            with slot.cursor() as cursor:
                yield cursor
            slot.commit()
        except BaseException:
            if slot:
                # Sends nothing: the server rolls back.
                slot._force_close()
            slot = None
            raise
        finally:
            self._slots.put(slot)

    @staticmethod
    def _usable(slot):
        """Returns the connection, or a new one if the server has closed it."""
        if slot:
            try:
                slot.ping(reconnect=False)
                return slot
            except pymysql.err.Error:
                slot._force_close()
        return connection.connect()
