"""Computes the value of an event. Replace this part."""

import os
import time

WORDS = ["abacaxi", "banana", "caju", "damasco", "figo", "goiaba", "jabuticaba", "limão", "maçã", "pitanga"]
SECONDS = float(os.environ.get("WORK_SECONDS", "0"))


def work(id):
    """Returns a value of 1 to 8,000 characters. It may be called twice for the same event."""
    time.sleep(SECONDS)
    return WORDS[id % len(WORDS)]
