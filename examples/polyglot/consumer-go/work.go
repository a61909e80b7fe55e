package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var words = []string{"abacaxi", "banana", "caju", "damasco", "figo", "goiaba", "jabuticaba", "limão", "maçã", "pitanga"}

var client = &http.Client{Timeout: 10 * time.Second}

// work returns the value of an event, 1 to 8,000 characters. Replace this part. It may be called twice for the same event.
func work(id int64, settings settings) (string, error) {
	time.Sleep(settings.work)
	if settings.wordAPI != "" {
		return wordOf(settings.wordAPI)
	}
	return words[id%int64(len(words))], nil
}

// wordOf gets a word from a service that returns `[{"word": "..."}]`.
func wordOf(url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s returned %s", url, response.Status)
	}
	var words []struct{ Word string }
	if err := json.NewDecoder(response.Body).Decode(&words); err != nil {
		return "", fmt.Errorf("%s returned no list of words: %w", url, err)
	}
	if len(words) == 0 || strings.TrimSpace(words[0].Word) == "" {
		return "", fmt.Errorf("%s returned no word", url)
	}
	return words[0].Word, nil
}
