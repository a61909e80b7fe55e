"""The table contract of consumers (docs/contracts/tables.md, C1 to C12), on the classic columns alone."""

import random
import time

import pymysql
from pymysql.constants import ER

from connection import connect

ATTEMPTS = 10
TEMPORARY = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)
FREE = "valor = '' AND processing = 0"
# An event that is still claimed, as far as the classic columns show. A finished event is not changed.
CLAIMED = "processing = 1 AND (valor IS NULL OR valor = '')"


class Events:
    """A connection that is opened on demand and dropped when in doubt."""

    def __init__(self):
        self._connection = None

    def claim(self, many):
        """Claims up to `many` events and returns their ids."""
        return self._transaction(lambda cursor: claim(cursor, many))

    def complete(self, id, valor):
        """Returns whether the value was accepted. It is not if the claim was lost meanwhile."""
        sql = f"UPDATE Events SET valor = %s, processing = 0 WHERE id = %s AND {CLAIMED}"
        return self._transaction(lambda cursor: cursor.execute(sql, [valor, id])) == 1

    def release(self, ids):
        """Returns the events to the queue."""
        sql = f"UPDATE Events SET processing = 0 WHERE id IN %s AND {CLAIMED}"
        if ids:
            self._transaction(lambda cursor: cursor.execute(sql, [ids]))

    def close(self):
        if self._connection:
            self._connection._force_close()
            self._connection = None

    def _transaction(self, work):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._connection = self._connection or connect()
                with self._connection.cursor() as cursor:
                    result = work(cursor)
                self._connection.commit()
                return result
            except pymysql.err.Error as error:
                # The server rolls back.
                self.close()
                if attempt == ATTEMPTS or error.args[0] not in TEMPORARY:
                    raise
                time.sleep(random.random() * 0.01 * attempt)


def claim(cursor, many):
    cursor.execute(f"SELECT id FROM Events WHERE {FREE} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED", [many])
    ids = [id for (id,) in cursor]
    if ids:
        cursor.execute("UPDATE Events SET processing = 1 WHERE id IN %s", [ids])
    return ids
