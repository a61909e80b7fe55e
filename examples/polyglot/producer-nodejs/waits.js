// One poll every 100 ms for all waiting clients.

const PAUSE_MILLISECONDS = 100;
/** The values of `processing` of an event that will get no value. */
const DEAD = 3;
const CANCELLED = 4;

export class WaitPoller {
  #database;
  #byId = new Map();
  #timer;

  constructor(database) {
    this.#database = database;
  }

  /** Waits for the end of the event: { valor }, { dead }, { cancelled } or { removed }; undefined if `signal` fires first. */
  outcome(id, signal) {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined);
      const leave = () => {
        this.#byId.delete(id);
        resolve(undefined);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#byId.set(id, (outcome) => {
        signal.removeEventListener("abort", leave);
        this.#byId.delete(id);
        resolve(outcome);
      });
      this.#pollLater();
    });
  }

  #pollLater() {
    this.#timer ??= setTimeout(() => this.#poll(), PAUSE_MILLISECONDS);
  }

  async #poll() {
    const ids = [...this.#byId.keys()];
    try {
      const events = await this.#database.events(ids);
      for (const id of ids) {
        const outcome = outcomeOf(events.get(id));
        if (outcome) this.#byId.get(id)?.(outcome);
      }
    } catch (error) {
      console.error(`failed to poll for finished events: ${error.message}`);
    }
    this.#timer = undefined;
    if (this.#byId.size > 0) this.#pollLater();
  }
}

function outcomeOf(event) {
  if (!event) return { removed: true };
  if (event.valor !== "") return { valor: event.valor };
  if (event.processing === DEAD) return { dead: true };
  if (event.processing === CANCELLED) return { cancelled: true };
  return undefined;
}
