"""Computes the value of an event. Replace this part."""

import json
import os
import time
import urllib.request

WORDS = ["abacaxi", "banana", "caju", "damasco", "figo", "goiaba", "jabuticaba", "limão", "maçã", "pitanga"]
SECONDS = float(os.environ.get("WORK_SECONDS", "0"))
WORD_API_URL = os.environ.get("WORD_API_URL")


def work(id):
    """Returns a value of 1 to 8,000 characters. It may be called twice for the same event."""
    time.sleep(SECONDS)
    return word_of(WORD_API_URL) if WORD_API_URL else WORDS[id % len(WORDS)]


def word_of(url):
    """Gets a word from a service that returns `[{"word": "..."}]`."""
    with urllib.request.urlopen(url, timeout=10) as response:
        word = json.load(response)[0]["word"]
    if not word.strip():
        raise ValueError(f"{url} returned no word")
    return word
