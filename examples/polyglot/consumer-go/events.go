package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	attempts        = 10
	deadlock        = 1213
	lockWaitTimeout = 1205

	free = "valor = '' AND processing = 0"
	// An event that is still claimed, as far as the classic columns show. A finished event is not changed.
	claimed = "processing = 1 AND (valor IS NULL OR valor = '')"
)

// events implements the table contract of consumers (docs/contracts/tables.md, C1 to C12), on the classic columns alone.
type events struct{ db *sql.DB }

// connector reads the settings, and so the password, at each connect.
type connector struct{}

func (connector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

func (connector) Connect(ctx context.Context) (driver.Conn, error) {
	config, err := databaseConfig()
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return connector.Connect(ctx)
}

// claim claims up to many events and returns their ids.
func (e events) claim(ctx context.Context, many int) ([]int64, error) {
	var ids []int64
	err := e.transaction(ctx, func(tx *sql.Tx) error {
		var err error
		ids, err = lock(ctx, tx, many)
		if err != nil || len(ids) == 0 {
			return err
		}
		marks, arguments := list(ids)
		_, err = tx.ExecContext(ctx, "UPDATE Events SET processing = 1 WHERE id IN ("+marks+")", arguments...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func lock(ctx context.Context, tx *sql.Tx, many int) ([]int64, error) {
	query := "SELECT id FROM Events WHERE " + free + " ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED"
	rows, err := tx.QueryContext(ctx, query, many)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// complete stores a value and returns whether it was accepted. It is not if the claim was lost meanwhile.
func (e events) complete(ctx context.Context, id int64, valor string) (bool, error) {
	var changed int64
	err := e.transaction(ctx, func(tx *sql.Tx) error {
		query := "UPDATE Events SET valor = ?, processing = 0 WHERE id = ? AND " + claimed
		result, err := tx.ExecContext(ctx, query, valor, id)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed == 1, err
}

// release returns an event to the queue.
func (e events) release(ctx context.Context, id int64) error {
	return e.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE Events SET processing = 0 WHERE id = ? AND "+claimed, id)
		return err
	})
}

// transaction runs work in a transaction, and repeats it after a conflict with another one.
func (e events) transaction(ctx context.Context, work func(*sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := e.once(ctx, work)
		if err == nil || attempt == attempts || !temporary(err) {
			return err
		}
		time.Sleep(time.Duration(rand.Int64N(int64(attempt) * int64(10*time.Millisecond))))
	}
}

func (e events) once(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := e.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback() // This does nothing after a commit.
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func temporary(err error) bool {
	var refused *mysql.MySQLError
	return errors.As(err, &refused) && (refused.Number == deadlock || refused.Number == lockWaitTimeout)
}

// list returns the placeholders and the arguments of `IN (...)`.
func list(ids []int64) (string, []any) {
	arguments := make([]any, len(ids))
	for i, id := range ids {
		arguments[i] = id
	}
	return strings.TrimSuffix(strings.Repeat("?,", len(ids)), ","), arguments
}
