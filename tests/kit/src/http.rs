//! An HTTP client for tests.

use reqwest::Client;

/// Returns a client with default settings, which reuses connections.
///
/// # Panics
/// If the client cannot be created.
pub fn client() -> Client {
    // A second installation fails, and the first one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().build().unwrap_or_else(|error| crate::panic_of("an HTTP client", &error))
}
