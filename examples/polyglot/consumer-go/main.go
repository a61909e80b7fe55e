// A consumer in Go.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	idle    = 100 * time.Millisecond
	trouble = time.Second

	metrics = `# HELP eventpipeline_events_completed_total Events completed with a value.
# TYPE eventpipeline_events_completed_total counter
eventpipeline_events_completed_total %d
`
)

// consumer claims events as fast as its workers take them.
type consumer struct {
	settings  settings
	events    events
	ready     atomic.Bool
	completed atomic.Int64
}

func main() {
	settings, err := readSettings()
	if err == nil {
		_, err = databaseConfig()
	}
	if err != nil {
		slog.Error(err.Error())
		os.Exit(2)
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	db := sql.OpenDB(connector{})
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	defer db.Close()
	consumer := &consumer{settings: settings, events: events{db}}
	go consumer.serveAdmin(stop)
	consumer.run(stop)
	slog.Info("drained")
}

// run claims events until stop, and then finishes those in flight.
func (c *consumer) run(stop context.Context) {
	claims := make(chan int64)
	var workers sync.WaitGroup
	for range c.settings.concurrency {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for id := range claims {
				c.handle(stop, id)
			}
		}()
	}
	for stop.Err() == nil {
		// stop does not cancel a claim: a claim with an unknown commit could be ours.
		ids, err := c.events.claim(context.Background(), c.settings.concurrency)
		if err != nil {
			slog.Error("failed to claim", "error", err)
			pause(stop, trouble)
			continue
		}
		c.ready.Store(true)
		for _, id := range ids {
			claims <- id
		}
		if len(ids) == 0 {
			pause(stop, idle)
		}
	}
	close(claims)
	workers.Wait()
}

// handle stores the value of an event, or releases the event.
func (c *consumer) handle(stop context.Context, id int64) {
	if stop.Err() != nil {
		c.keepTrying(stop, id, func() error { return c.events.release(context.Background(), id) })
		return
	}
	valor, err := work(id, c.settings)
	if err != nil {
		slog.Error("failed to work on an event", "id", id, "error", err)
		pause(stop, trouble)
		c.keepTrying(stop, id, func() error { return c.events.release(context.Background(), id) })
		return
	}
	c.keepTrying(stop, id, func() error {
		accepted, err := c.events.complete(context.Background(), id, valor)
		switch {
		case accepted:
			c.completed.Add(1)
		case err == nil:
			slog.Warn("an event was lost to another consumer", "id", id)
		}
		return err
	})
}

// keepTrying repeats a write until it succeeds. Otherwise the work would be done twice. While draining it tries a few
// times; then the lease frees the event.
func (c *consumer) keepTrying(stop context.Context, id int64, write func() error) {
	for left := 5; left > 0; {
		err := write()
		if err == nil {
			return
		}
		slog.Error("failed to write", "id", id, "error", err)
		time.Sleep(trouble)
		if stop.Err() != nil {
			left--
		}
	}
}

func (c *consumer) serveAdmin(stop context.Context) {
	http.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !c.ready.Load() || stop.Err() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/plain; version=0.0.4; charset=utf-8")
		fmt.Fprintf(w, metrics, c.completed.Load())
	})
	if err := http.ListenAndServe(c.settings.admin, nil); err != nil {
		slog.Error("failed to serve probes and metrics", "error", err)
		os.Exit(1)
	}
}

func pause(stop context.Context, duration time.Duration) {
	select {
	case <-stop.Done():
	case <-time.After(duration):
	}
}
