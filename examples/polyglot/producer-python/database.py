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
# Ids in one statement.
CHUNK = 1000
PASSES = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)


class Database:
    def __init__(self):
        # Places for connections: None is one that is not connected.
        self._places = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._places.put(None)

    def count(self):
        """How many events were ever created."""
        with self._cursor() as cursor:
            cursor.execute("SELECT id FROM DBStatus")
            return cursor.fetchone()[0]

    def events(self, ids):
        """The events with these ids, those that exist: {id: (valor, processing)}."""
        found = {}
        for start in range(0, len(ids), CHUNK):
            with self._cursor() as cursor:
                cursor.execute(
                    "SELECT id, valor, processing FROM Events WHERE id IN %s", [ids[start : start + CHUNK]]
                )
                found.update({id: (valor or "", processing or 0) for id, valor, processing in cursor})
        return found

    def create(self, payload):
        """Stores an event and gives its id, once it is committed. `payload` is JSON text, or None."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._insert(payload)
            except pymysql.err.IntegrityError:
                # Somebody inserted an id without counting it.
                if attempt == ATTEMPTS:
                    raise
                self._skip_taken()
            except pymysql.err.OperationalError as error:
                if attempt == ATTEMPTS or error.args[0] not in PASSES:
                    raise
            time.sleep(random.random() * 0.01 * attempt)

    def _insert(self, payload):
        with self._cursor() as cursor:
            # The counter's row is ours from here to the commit: nobody else gets this id.
            cursor.execute("UPDATE DBStatus SET id = id + 1")
            cursor.execute("SELECT id FROM DBStatus")
            (id,) = cursor.fetchone()
            cursor.execute("INSERT INTO Events (id, payload) VALUES (%s, %s)", [id, payload])
        return id

    def _skip_taken(self):
        """Moves the counter past every event there is."""
        with self._cursor() as cursor:
            cursor.execute("UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))")

    @contextlib.contextmanager
    def _cursor(self):
        """A transaction: committed where nothing fails, and gone with its connection else."""
        place = self._places.get()
        try:
            place = self._usable(place)
            with place.cursor() as cursor:
                yield cursor
            place.commit()
        except BaseException:
            if place:
                # Nothing is sent: the server rolls back.
                place._force_close()
            place = None
            raise
        finally:
            self._places.put(place)

    @staticmethod
    def _usable(place):
        """The connection, or a new one where the server has closed it meanwhile."""
        if place:
            try:
                place.ping(reconnect=False)
                return place
            except pymysql.err.Error:
                place._force_close()
        return connection.connect()
