"""What gives an event its value: the part to replace."""

import os
import time

WORDS = ["abacaxi", "banana", "caju", "damasco", "figo", "goiaba", "jabuticaba", "limão", "maçã", "pitanga"]
SECONDS = float(os.environ.get("WORK_SECONDS", "0"))


def work(id):
    """A value of 1 to 8,000 characters. May be asked twice for the same event."""
    time.sleep(SECONDS)
    return WORDS[id % len(WORDS)]
