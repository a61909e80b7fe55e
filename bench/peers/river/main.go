// Program river measures River on the PostgreSQL server of DATABASE_URL, and prints one line of JSON.
//
//	river insert     inserts single jobs from 64 goroutines for SECONDS
//	river drain      processes JOBS jobs that were inserted before
//	river latency    inserts RATE jobs per second for SECONDS, and processes them
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const inserters = 64

type client = river.Client[pgx.Tx]

// args are the arguments of a job: its position in the load.
type args struct {
	Number int `json:"number"`
}

func (args) Kind() string { return "empty" }

type worker struct {
	river.WorkerDefaults[args]
}

func (*worker) Work(context.Context, *river.Job[args]) error { return nil }

// result is a measurement. Rates are per second, times in milliseconds.
type result struct {
	Measurement string   `json:"measurement"`
	Jobs        int      `json:"jobs"`
	Rate        *float64 `json:"jobs_per_second,omitempty"`
	P50         *float64 `json:"p50_ms,omitempty"`
	P99         *float64 `json:"p99_ms,omitempty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	measurements := map[string]func(context.Context, *pgxpool.Pool) (*result, error){
		"insert": insert, "drain": drain, "latency": latency,
	}
	if len(os.Args) != 2 || measurements[os.Args[1]] == nil {
		return errors.New("usage: river insert|drain|latency")
	}
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	// The default is one connection per core, for which 64 inserters would wait. PostgreSQL allows 100 by default.
	config.MaxConns = inserters + 16
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: logger()})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	measured, err := measurements[os.Args[1]](ctx, pool)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured)
}

// logger writes to standard error: standard output is for the result.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// connect returns a client that only inserts.
func connect(pool *pgxpool.Pool) (*client, error) {
	return river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: logger()})
}

// connectWorker returns a client that also processes jobs once it is started. The settings are those of River's own
// benchmark (cmd/river/riverbench), which are much faster than the defaults: 2,000 workers, and pauses of 2 and 20 ms between
// fetches instead of 100 ms and 1 s.
func connectWorker(pool *pgxpool.Pool) (*client, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{})
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 20 * time.Millisecond,
		Logger:            logger(),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2000}},
		Workers:           workers,
	})
}

// completions returns the client's events of stored completions. An event that does not fit into the channel is lost.
func completions(client *client, jobs int) (<-chan *river.Event, func()) {
	kinds := []river.EventKind{river.EventKindJobCompleted}
	return client.SubscribeConfig(&river.SubscribeConfig{ChanSize: jobs, Kinds: kinds})
}

func number(name string) (int, error) {
	value, err := strconv.Atoi(os.Getenv(name))
	if err != nil || value <= 0 {
		return 0, fmt.Errorf("%s is not a positive number: %q", name, os.Getenv(name))
	}
	return value, nil
}

// quantile returns a quantile of sorted times in milliseconds.
func quantile(times []time.Duration, quantile float64) *float64 {
	index := min(int(float64(len(times))*quantile), len(times)-1)
	milliseconds := times[index].Seconds() * 1000
	return &milliseconds
}

// timed returns a result with the quantiles of these times.
func timed(measurement string, times []time.Duration) (*result, error) {
	if len(times) == 0 {
		return nil, errors.New("no job was measured")
	}
	slices.Sort(times)
	return &result{
		Measurement: measurement, Jobs: len(times), P50: quantile(times, 0.5), P99: quantile(times, 0.99),
	}, nil
}
