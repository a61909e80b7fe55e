"""The settings that the operator gives a consumer (docs/contracts/pods.md)."""

import os
import sys


def required(name):
    value = os.environ.get(name)
    if not value:
        print(f"{name} must be set", file=sys.stderr)
        sys.exit(2)
    return value


def address(name, default):
    """Parses `host:port`, with IPv6 addresses in brackets."""
    host, _, port = os.environ.get(name, default).rpartition(":")
    return host.strip("[]"), int(port)


ADMIN = address("ADMIN_ADDRESS", "[::]:9090")
CONCURRENCY = int(os.environ.get("CONCURRENCY", "16"))

DATABASE_HOST = required("DATABASE_HOST")
DATABASE_PORT = int(os.environ.get("DATABASE_PORT", "3306"))
DATABASE_NAME = os.environ.get("DATABASE_NAME", "eventpipeline")
DATABASE_USER = os.environ.get("DATABASE_USER", "eventpipeline")
DATABASE_PASSWORD_FILE = os.environ.get("DATABASE_PASSWORD_FILE")
DATABASE_TLS = os.environ.get("DATABASE_TLS", "preferred")
DATABASE_TLS_CA_FILE = os.environ.get("DATABASE_TLS_CA_FILE")
