//! The route to a server: direct, or through the proxy in the environment.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

/// The route of requests to an address, by `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. It is
/// displayed after a server's name, as nothing or as ` through the proxy http://proxy:3128`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A direct connection.
    Direct,
    /// A connection through the proxy at this address, which is displayed without user and password.
    Proxy(String),
}

impl Route {
    /// Returns the route to this address. The machine's own addresses are always direct: for a proxy,
    /// `localhost` is another host.
    pub fn to(url: &Url) -> Self {
        Self::by(&Matcher::from_env(), url)
    }

    fn by(environment: &Matcher, url: &Url) -> Self {
        if is_own(url) {
            return Self::Direct;
        }
        let proxy = url.as_str().parse::<Uri>().ok().and_then(|uri| environment.intercept(&uri));
        proxy.map_or(Self::Direct, |proxy| Self::Proxy(shown(proxy.uri())))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => Ok(()),
            Self::Proxy(proxy) => write!(formatter, " through the proxy {proxy}"),
        }
    }
}

/// Returns whether an address is on this machine.
fn is_own(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn shown(proxy: &Uri) -> String {
    let host = proxy.host().unwrap_or_default();
    let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", proxy.scheme_str().unwrap_or("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn route(url: &str) -> String {
        let environment =
            Matcher::builder().all("http://me:S3CRET@proxy:3128").no("internal.example,10.0.0.0/8").build();
        Route::by(&environment, &url.parse().unwrap()).to_string()
    }

    #[test]
    fn a_proxy_is_displayed_without_its_password() {
        assert_eq!(route("http://handler.example/"), " through the proxy http://proxy:3128");
        assert_eq!(route("https://handler.example/"), " through the proxy http://proxy:3128");
    }

    #[test]
    fn excluded_hosts_and_this_machine_are_direct() {
        for direct in [
            "http://a.internal.example/",
            "http://10.1.2.3/",
            "http://localhost:8080/",
            "http://demo.localhost/",
            "http://127.0.0.1/",
            "http://127.8.9.10/",
            "http://[::1]:9/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(route(direct), "", "{direct}");
        }
    }
}
