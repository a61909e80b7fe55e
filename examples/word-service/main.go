// A word service: `GET /api` returns a random Portuguese word as `[{"word": "..."}]`.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

//go:embed words.txt
var list string

type entry struct {
	Word string `json:"word"`
}

func main() {
	words := strings.Fields(list)
	http.HandleFunc("GET /api", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/json")
		json.NewEncoder(w).Encode([]entry{{words[rand.IntN(len(words))]}})
	})
	http.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "8000"), ReadHeaderTimeout: 10 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	<-stop.Done()
	server.Shutdown(context.Background())
}
