//! The URL of the API.

use k8s_openapi::api::networking::v1::Ingress;

use crate::gateway::HTTPRoute;

/// Returns the URL of the route if its address is known, otherwise that inside the cluster.
pub(super) fn of(ingress: Option<&Ingress>, http_route: Option<&HTTPRoute>, service: &str) -> String {
    let route = ingress.and_then(of_ingress).or_else(|| http_route.and_then(of_http_route));
    route.unwrap_or_else(|| service.to_owned())
}

fn of_ingress(ingress: &Ingress) -> Option<String> {
    let spec = ingress.spec.as_ref()?;
    let rule = spec.rules.as_ref()?.first()?;
    let path = rule.http.as_ref()?.paths.first()?.path.as_deref().unwrap_or_default();
    let scheme = if spec.tls.is_some() { "https" } else { "http" };
    let host = match &rule.host {
        Some(host) => one(host)?.to_owned(),
        None => addresses(ingress).into_iter().next()?,
    };
    Some(url(scheme, &host, path))
}

/// The scheme depends on the Gateway's listener, which is not read: it is guessed from the listener's name.
fn of_http_route(route: &HTTPRoute) -> Option<String> {
    let host = route.spec.hostnames.as_ref()?.iter().find_map(|host| one(host))?;
    let path = &route.spec.rules.first()?.matches.first()?.path.value;
    let parents = &route.spec.parent_refs;
    let tls =
        parents.iter().any(|parent| parent.section_name.as_ref().is_some_and(|it| it.contains("https")));
    Some(url(if tls { "https" } else { "http" }, host, path))
}

/// Returns the addresses that the controller reports.
pub(super) fn addresses(ingress: &Ingress) -> Vec<String> {
    let status = ingress.status.clone().unwrap_or_default();
    let entries = status.load_balancer.unwrap_or_default().ingress.unwrap_or_default();
    entries.into_iter().filter_map(|entry| entry.hostname.or(entry.ip)).collect()
}

/// Returns the host unless it is a wildcard.
fn one(host: &str) -> Option<&str> {
    (!host.starts_with('*')).then_some(host)
}

fn url(scheme: &str, host: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    if host.contains(':') { format!("{scheme}://[{host}]{path}") } else { format!("{scheme}://{host}{path}") }
}
