// The table contract of producers (docs/contracts/tables.md, T1 to T9).

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import mysql from "mysql2/promise";

const DEADLOCK = 1213;
const LOCK_WAIT_TIMEOUT = 1205;
const DUPLICATE_ENTRY = 1062;
const ATTEMPTS = 10;
/** Maximum number of ids in one statement. */
const CHUNK = 1000;

export class Database {
  #settings;
  #pool;
  #encrypt;

  constructor(settings) {
    this.#settings = settings;
    this.#encrypt = true;
  }

  /** Returns the number of events ever created, as text: JavaScript's numbers are exact only up to 2^53. */
  async count() {
    const [[row]] = await this.#with((connection) => connection.query("SELECT id FROM DBStatus"));
    return row.id;
  }

  /** Returns the events with these ids that exist, as a Map of id to { valor, processing }. */
  async events(ids) {
    const found = new Map();
    for (let from = 0; from < ids.length; from += CHUNK) {
      const chunk = ids.slice(from, from + CHUNK);
      const [rows] = await this.#with((connection) =>
        connection.query("SELECT id, valor, processing FROM Events WHERE id IN (?)", [chunk]),
      );
      for (const row of rows) found.set(row.id, { valor: row.valor ?? "", processing: row.processing ?? 0 });
    }
    return found;
  }

  /** Stores an event and returns its id after the commit. `payload` is JSON text, or null. */
  async create(payload) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#with((connection) => insert(connection, payload));
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        if (error.errno === DUPLICATE_ENTRY) await this.#skipTaken();
        else if (error.errno !== DEADLOCK && error.errno !== LOCK_WAIT_TIMEOUT) throw error;
        await sleep(Math.random() * 10 * attempt);
      }
    }
  }

  async close() {
    await this.#pool?.end();
  }

  /** Advances the counter past all events: another program inserted an id without counting it. */
  async #skipTaken() {
    const skip = "UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))";
    await this.#with((connection) => connection.query(skip));
  }

  async #with(work) {
    const connection = await this.#connect();
    try {
      const result = await work(connection);
      connection.release();
      return result;
    } catch (error) {
      // This also ends its transaction.
      connection.destroy();
      throw error;
    }
  }

  async #connect() {
    this.#pool ??= this.#newPool();
    try {
      return await this.#pool.getConnection();
    } catch (error) {
      if (error.code === "HANDSHAKE_NO_SSL_SUPPORT" && this.#settings.tls === "preferred") this.#encrypt = false;
      // The password may have changed: the next pool reads it again.
      const pool = this.#pool;
      this.#pool = undefined;
      pool?.end().catch(() => {});
      throw error;
    }
  }

  #newPool() {
    const { host, port, name, user, passwordFile } = this.#settings;
    return mysql.createPool({
      host,
      port,
      user,
      password: passwordFile && readFileSync(passwordFile, "utf8").replace(/\r?\n$/, ""),
      database: name,
      charset: "utf8mb4",
      ssl: this.#encrypt ? this.#tls() : undefined,
      connectTimeout: 5000,
      connectionLimit: 10,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
  }

  #tls() {
    const { tls, tlsCaFile } = this.#settings;
    const verified = tls === "verify-ca" || tls === "verify-identity";
    return {
      ca: tlsCaFile && readFileSync(tlsCaFile),
      rejectUnauthorized: verified,
      verifyIdentity: tls === "verify-identity",
    };
  }
}

async function insert(connection, payload) {
  await connection.beginTransaction();
  // The counter's row is locked from here to the commit: no other producer gets this id.
  await connection.query("UPDATE DBStatus SET id = id + 1");
  const [[{ id }]] = await connection.query("SELECT id FROM DBStatus");
  await connection.execute("INSERT INTO Events (id, payload) VALUES (?, ?)", [id, payload]);
  await connection.commit();
  return id;
}
