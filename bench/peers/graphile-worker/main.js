// Measures Graphile Worker on the PostgreSQL server of DATABASE_URL, and prints one line of JSON.
//
//   main.js insert     inserts single jobs from 64 loops for SECONDS
//   main.js drain      processes JOBS jobs that were inserted before
//   main.js latency    inserts RATE jobs per second for SECONDS, and processes them

import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const INSERTERS = 64;
const TASK = "empty";

// By default, each completed job is logged.
const logger = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") console.error(message);
});

function number(name) {
  const value = Number(process.env[name]);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${name} is not a positive number`);
  return value;
}

/** Returns a client that only inserts, and creates the tables. */
async function connect() {
  const client = await makeWorkerUtils({
    connectionString: process.env.DATABASE_URL,
    maxPoolSize: INSERTERS,
    logger,
  });
  await client.migrate();
  return client;
}

/**
 * Starts a worker. The settings are those of the best figures on https://worker.graphile.org/docs/performance, in one process:
 * 24 concurrent jobs, up to 500 jobs per fetch, and completions in batches.
 *
 * `completed` receives the payload of each job. Graphile Worker then sends the completion to the server. It reports no stored
 * completions.
 */
function startWorker(completed) {
  const events = new EventEmitter();
  events.on("job:complete", ({ job, error }) => {
    if (!error) completed(job.payload);
  });
  return run({
    preset: {
      worker: {
        connectionString: process.env.DATABASE_URL,
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        logger,
      },
    },
    noHandleSignals: true,
    taskList: { [TASK]: async () => {} },
    events,
  });
}

/** Inserts jobs for some seconds, and returns the milliseconds of each insert. */
async function insertFor(client, seconds) {
  const times = [];
  const end = performance.now() + seconds * 1000;
  const inserter = async () => {
    for (let begun = performance.now(); begun < end; begun = performance.now()) {
      await client.addJob(TASK, {});
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: INSERTERS }, inserter));
  return times;
}

/** Measures inserts of single jobs. Each is a transaction of its own. */
async function insert(client) {
  const seconds = number("SECONDS");
  // The first jobs open the connections.
  await insertFor(client, 1);
  const begun = performance.now();
  const times = await insertFor(client, seconds);
  const took = (performance.now() - begun) / 1000;
  return { ...quantiles(times), jobs_per_second: times.length / took };
}

/** Measures the completions per second between those of the first and the last tenth. */
async function drain(client) {
  const jobs = number("JOBS");
  for (let rest = jobs; rest > 0; rest -= 5000) {
    const payloads = Array.from({ length: Math.min(rest, 5000) }, () => ({ identifier: TASK, payload: {} }));
    await client.addJobs(payloads);
  }
  const tenth = Math.floor(jobs / 10);
  const { promise, resolve } = Promise.withResolvers();
  let [done, first] = [0, 0];
  const worker = await startWorker(() => {
    done += 1;
    if (done === tenth) first = performance.now();
    if (done === jobs - tenth) resolve(performance.now() - first);
  });
  // The worker's own promise is rejected if the worker fails.
  const milliseconds = await Promise.race([promise, worker.promise]);
  await worker.stop();
  return { jobs, jobs_per_second: (jobs - 2 * tenth) / (milliseconds / 1000) };
}

/** Measures the time from when an insert was due until its job's handler has returned. */
async function latency(client) {
  const [seconds, rate] = [number("SECONDS"), number("RATE")];
  let report;
  const worker = await startWorker((payload) => report(payload.number));
  const load = async (rate, jobs) => {
    const begun = performance.now();
    const due = (number) => begun + (number * 1000) / rate;
    const { promise, resolve, reject } = Promise.withResolvers();
    const times = [];
    report = (number) => {
      times.push(performance.now() - due(number));
      if (times.length === jobs) resolve(times);
    };
    for (let next = 0; next < jobs; ) {
      await sleep(Math.max(0, due(next) - performance.now()));
      for (; next < jobs && due(next) <= performance.now(); next += 1) {
        client.addJob(TASK, { number: next }).catch(reject);
      }
    }
    return Promise.race([promise, worker.promise]);
  };
  // The first jobs open the connections.
  await load(50, 100);
  const times = await load(rate, rate * seconds);
  await worker.stop();
  return quantiles(times);
}

function quantiles(times) {
  times.sort((one, other) => one - other);
  const at = (quantile) => times[Math.min(Math.floor(times.length * quantile), times.length - 1)];
  return { jobs: times.length, p50_ms: at(0.5), p99_ms: at(0.99) };
}

const measurements = { insert, drain, latency };
const name = process.argv[2];
if (!Object.hasOwn(measurements, name)) throw new Error("usage: main.js insert|drain|latency");
const client = await connect();
const measured = await measurements[name](client);
await client.release();
console.log(JSON.stringify({ measurement: name, ...measured }));
