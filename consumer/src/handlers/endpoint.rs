//! A URL whose secrets are not displayed.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The URL of a handler, displayed without user, path and query.
#[derive(Clone)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Returns the whole URL, for requests only.
    pub(super) fn into_url(self) -> Url {
        self.0
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url: Url = text.parse().map_err(|error| format!("must be a URL: {error}"))?;
        match url.scheme() {
            "http" | "https" => Ok(Self(url)),
            other => Err(format!("must begin with http:// or https://, not {other}:")),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_no_secret() {
        let endpoint: Endpoint = "https://me:S3CRET@words.example:8443/S3CRET?key=S3CRET".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://words.example:8443");
        assert_eq!(format!("{endpoint:?}"), "https://words.example:8443");
    }

    #[test]
    fn an_endpoint_is_an_http_address() {
        for wrong in ["words.example", "ftp://words.example/", "http://", ""] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong:?}");
        }
    }
}
