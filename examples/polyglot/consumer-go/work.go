package main

import "time"

var words = []string{"abacaxi", "banana", "caju", "damasco", "figo", "goiaba", "jabuticaba", "limão", "maçã", "pitanga"}

// work returns the value of an event, 1 to 8,000 characters. Replace this part. It may be called twice for the same event.
func work(id int64, takes time.Duration) (string, error) {
	time.Sleep(takes)
	return words[id%int64(len(words))], nil
}
