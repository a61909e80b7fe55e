"""Connects to the database, with the TLS mode of DATABASE_TLS."""

import ssl

import pymysql

import settings


def connect():
    return pymysql.connect(
        host=settings.DATABASE_HOST,
        port=settings.DATABASE_PORT,
        user=settings.DATABASE_USER,
        password=password(),
        database=settings.DATABASE_NAME,
        charset="utf8mb4",
        ssl=tls(),
        connect_timeout=5,
        read_timeout=30,
        write_timeout=30,
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


def password():
    """Reads the password. This happens at each connect, because passwords change."""
    if not settings.DATABASE_PASSWORD_FILE:
        return ""
    with open(settings.DATABASE_PASSWORD_FILE, encoding="utf-8") as file:
        return file.read().removesuffix("\n").removesuffix("\r")


def tls():
    """Returns the TLS context. None means `preferred`: PyMySQL encrypts if the server does, and verifies nothing."""
    if settings.DATABASE_TLS == "preferred":
        return None
    context = ssl.create_default_context(cafile=settings.DATABASE_TLS_CA_FILE)
    context.check_hostname = settings.DATABASE_TLS == "verify-identity"
    if settings.DATABASE_TLS == "required":
        context.verify_mode = ssl.CERT_NONE
    return context
