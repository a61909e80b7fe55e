//! An HTTP client for tests.

use reqwest::Client;

/// A client without settings of its own. It keeps its connections.
///
/// # Panics
/// When the client cannot be made, which no environment of a test is known to cause.
pub fn client() -> Client {
    // A second installation is refused, and the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().build().unwrap_or_else(|error| crate::panic_of("an HTTP client", &error))
}
