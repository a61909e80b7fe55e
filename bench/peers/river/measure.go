package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"
)

// insert measures inserts of single jobs. Each is a transaction of its own.
func insert(ctx context.Context, pool *pgxpool.Pool) (*result, error) {
	seconds, err := number("SECONDS")
	if err != nil {
		return nil, err
	}
	client, err := connect(pool)
	if err != nil {
		return nil, err
	}
	// The first jobs open the connections.
	if _, err := insertUntil(ctx, client, time.Now().Add(time.Second)); err != nil {
		return nil, err
	}
	begun := time.Now()
	times, err := insertUntil(ctx, client, begun.Add(time.Duration(seconds)*time.Second))
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	measured, err := timed("insert", times)
	if err != nil {
		return nil, err
	}
	rate := float64(len(times)) / took.Seconds()
	measured.Rate = &rate
	return measured, nil
}

// insertUntil inserts jobs from 64 goroutines, and returns the time of each insert.
func insertUntil(ctx context.Context, client *client, end time.Time) ([]time.Duration, error) {
	var lock sync.Mutex
	var all []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range inserters {
		group.Go(func() error {
			var times []time.Duration
			for time.Now().Before(end) {
				begun := time.Now()
				if _, err := client.Insert(ctx, args{}, nil); err != nil {
					return err
				}
				times = append(times, time.Since(begun))
			}
			lock.Lock()
			defer lock.Unlock()
			all = append(all, times...)
			return nil
		})
	}
	err := group.Wait()
	return all, err
}

// drain measures the completions per second between those of the first and the last tenth.
func drain(ctx context.Context, pool *pgxpool.Pool) (*result, error) {
	jobs, err := number("JOBS")
	if err != nil {
		return nil, err
	}
	client, err := connectWorker(pool)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, client, jobs); err != nil {
		return nil, err
	}
	events, cancel := completions(client, jobs)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	tenth := jobs / 10
	var first, last time.Time
	for done := 1; done <= jobs; done++ {
		if event := <-events; event == nil {
			return nil, fmt.Errorf("the client stopped after %d jobs", done-1)
		}
		switch done {
		case tenth:
			first = time.Now()
		case jobs - tenth:
			last = time.Now()
		}
	}
	rate := float64(jobs-2*tenth) / last.Sub(first).Seconds()
	return &result{Measurement: "drain", Jobs: jobs, Rate: &rate}, client.Stop(ctx)
}

// fill inserts jobs, 5,000 at a time.
func fill(ctx context.Context, client *client, jobs int) error {
	for rest := jobs; rest > 0; {
		batch := make([]river.InsertManyParams, min(rest, 5000))
		for index := range batch {
			batch[index].Args = args{}
		}
		if _, err := client.InsertManyFast(ctx, batch); err != nil {
			return err
		}
		rest -= len(batch)
	}
	return nil
}

// latency measures the time from when an insert was due until its job's completion is stored.
func latency(ctx context.Context, pool *pgxpool.Pool) (*result, error) {
	seconds, err := number("SECONDS")
	if err != nil {
		return nil, err
	}
	rate, err := number("RATE")
	if err != nil {
		return nil, err
	}
	client, err := connectWorker(pool)
	if err != nil {
		return nil, err
	}
	events, cancel := completions(client, rate*seconds)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	// The first jobs open the connections.
	if _, err := load(ctx, client, events, 50, 100); err != nil {
		return nil, err
	}
	times, err := load(ctx, client, events, rate, rate*seconds)
	if err != nil {
		return nil, err
	}
	measured, err := timed("latency", times)
	if err != nil {
		return nil, err
	}
	return measured, client.Stop(ctx)
}

// load inserts jobs at a fixed rate, and returns the times until their completions.
func load(ctx context.Context, client *client, events <-chan *river.Event, rate, jobs int) ([]time.Duration, error) {
	begun := time.Now()
	due := func(number int) time.Time {
		return begun.Add(time.Duration(number) * time.Second / time.Duration(rate))
	}
	numbers := make(chan int, jobs)
	group, ctx := errgroup.WithContext(ctx)
	for range inserters {
		group.Go(func() error {
			for number := range numbers {
				if _, err := client.Insert(ctx, args{Number: number}, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	times := make([]time.Duration, 0, jobs)
	group.Go(func() error {
		for range jobs {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case event := <-events:
				var job args
				if err := json.Unmarshal(event.Job.EncodedArgs, &job); err != nil {
					return err
				}
				times = append(times, time.Since(due(job.Number)))
			}
		}
		return nil
	})
	for number := range jobs {
		time.Sleep(time.Until(due(number)))
		numbers <- number
	}
	close(numbers)
	err := group.Wait()
	return times, err
}
