//! The way to a server: directly, or through the proxy that the environment names.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

/// How requests reach an address, by `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. Shown after a server's name:
/// nothing, or ` through the proxy http://proxy:3128`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Without a proxy.
    Direct,
    /// Through the proxy at this address, which is shown without user and password.
    Proxy(String),
}

impl Way {
    /// The way to this address. A proxy is never asked for the machine's own addresses: `localhost` is another host there.
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

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => Ok(()),
            Self::Proxy(proxy) => write!(formatter, " through the proxy {proxy}"),
        }
    }
}

/// Whether an address is on this machine.
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
    fn way(url: &str) -> String {
        let environment =
            Matcher::builder().all("http://me:S3CRET@proxy:3128").no("internal.example,10.0.0.0/8").build();
        Way::by(&environment, &url.parse().unwrap()).to_string()
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        assert_eq!(way("http://handler.example/"), " through the proxy http://proxy:3128");
        assert_eq!(way("https://handler.example/"), " through the proxy http://proxy:3128");
    }

    #[test]
    fn what_is_excluded_or_on_this_machine_is_asked_directly() {
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
            assert_eq!(way(direct), "", "{direct}");
        }
    }
}
