// A handler in Go: it returns the value of each event (docs/contracts/handlers.md).
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

type event struct {
	ID      int64           `json:"id"`
	Payload json.RawMessage `json:"payload"`
}

// valueOf returns the value, up to 8,000 characters. The same event may come twice.
func valueOf(e event) string {
	text := []rune(fmt.Sprintf("event %d says %s", e.ID, e.Payload))
	return string(text[:min(len(text), 8000)])
}

func handle(w http.ResponseWriter, r *http.Request) {
	var e event
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		// No retry can fix it: 400 ends the event.
		http.Error(w, "not an event: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("content-type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"valor": valueOf(e)})
}

func main() {
	http.HandleFunc("POST /", handle)
	http.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "9000")}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() { log.Println(server.ListenAndServe()) }()
	<-stop.Done()
	server.Shutdown(context.Background())
}
