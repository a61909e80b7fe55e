// Posts an event and prints its value: EP=http://127.0.0.1:8080 go run . '{"order": 17}'
package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	random "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// limit is the time limit of a request with all its tries.
const limit = time.Minute

var (
	ep = strings.TrimRight(cmp.Or(os.Getenv("EP"), "http://127.0.0.1:8080"), "/")
	// The API server is busy or restarts (429, 503), its volume is full (507), or a proxy does not reach it (502, 504).
	temporary = []int{429, 502, 503, 504, 507}
)

type event struct {
	ID                  int64
	State, Valor, Error string
}

// call sends a request until its response is final.
func call(method, path string, header http.Header, body []byte, wait time.Duration) (answer event, err error) {
	client := http.Client{Timeout: wait + 10*time.Second}
	deadline := time.Now().Add(limit)
	for backoff := 250 * time.Millisecond; ; backoff = min(2*backoff, 10*time.Second) {
		status, headers, text, err := send(&client, method, path, header, body)
		if err == nil && status < 300 {
			return answer, parse("the response", text, &answer)
		}
		// Without a response the event may exist or not. The key makes a repetition safe.
		final, retryAfter := false, 0
		if err == nil {
			err = problem(status, headers, text)
			final = !slices.Contains(temporary, status)
			retryAfter, _ = strconv.Atoi(headers.Get("retry-after"))
		}
		pause := time.Duration(retryAfter)*time.Second + random.N(backoff)
		if final || time.Now().Add(pause).After(deadline) {
			return answer, err
		}
		log.Printf("retrying in %.1f s: %s", pause.Seconds(), err)
		time.Sleep(pause)
	}
}

// parse reads JSON. The error names the text.
func parse(name string, text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s is not JSON: %w", name, err)
	}
	return nil
}

func send(client *http.Client, method, path string, header http.Header, body []byte) (int, http.Header, []byte, error) {
	request, err := http.NewRequest(method, ep+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, text, err
}

// problem returns the error of a response. Those of the API are problem documents (RFC 9457); a proxy may send anything.
func problem(status int, headers http.Header, text []byte) error {
	document := struct{ Message string }{string(text)}
	if strings.HasPrefix(headers.Get("content-type"), "application/problem+json") {
		if err := parse("the problem document", text, &document); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d %s: %s", status, http.StatusText(status), document.Message)
}

// post creates an event. It returns its value, or its id if it has no value after wait. All tries have the same key, so they
// create one event. Use a key of your own, such as `order-17`, if the caller may crash and repeat the request.
func post(payload any, key string, wait time.Duration) (event, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return event{}, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}, "Prefer": {"respond-async"}}
	if wait > 0 {
		header.Set("prefer", fmt.Sprintf("wait=%.0f", wait.Seconds()))
	}
	return call(http.MethodPost, "/create-sync", header, body, wait)
}

// valueOf waits for the value of an event.
func valueOf(id int64) (string, error) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(time.Second) {
		event, err := call(http.MethodGet, fmt.Sprintf("/v1/events/%d", id), nil, nil, 0)
		if err != nil || event.State == "done" {
			return event.Valor, err
		}
		if event.State != "pending" && event.State != "processing" {
			return "", fmt.Errorf("event %d is %s: %s", id, event.State, event.Error)
		}
	}
	return "", fmt.Errorf("event %d has no value yet; read it later", id)
}

func main() {
	log.SetFlags(0)
	address, err := url.Parse(ep)
	if err != nil || address.Host == "" || !slices.Contains([]string{"http", "https"}, address.Scheme) {
		log.Fatalf("EP must be like http://127.0.0.1:8080; it is %s", ep)
	}
	if len(os.Args) != 2 {
		log.Fatal(`usage: go run . '{"order": 17}'`)
	}
	var payload json.RawMessage
	if err = parse("the argument", []byte(os.Args[1]), &payload); err != nil {
		log.Fatal(err)
	}
	seconds, err := strconv.Atoi(cmp.Or(os.Getenv("WAIT_SECONDS"), "10"))
	if err != nil {
		log.Fatal(err)
	}
	created, err := post(payload, rand.Text(), time.Duration(seconds)*time.Second)
	valor := created.Valor
	if err == nil && valor == "" {
		valor, err = valueOf(created.ID)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(valor)
}
