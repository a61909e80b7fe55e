//! The status of routes.

use serde_json::{Value, json};

use super::super::status::{Observed, Withheld, of};
use super::applied::{NOW, all_ready, assert_summary, message, shown};
use crate::gateway::HttpRouteStatus;
use crate::routes::{Claim, Holder, Taken};

const SPEC: &str =
    "{route: {httpRoute: {anyHost: true, parentRefs: [{name: public, namespace: edge}, {name: local}]}}}";

/// Returns status, reason and message of `RouteAccepted` when controllers report this about generation 2 of
/// the route.
fn route(parents: &[Value]) -> (String, String) {
    let mut resources = all_ready(SPEC);
    let route = resources.http_route.as_mut().unwrap();
    route.metadata.generation = Some(2);
    route.status = Some(serde_json::from_value::<HttpRouteStatus>(json!({ "parents": parents })).unwrap());
    let status = of(&resources, &Observed::default(), None, Some(1), NOW);
    let condition = status.conditions.iter().find(|condition| condition.type_ == "RouteAccepted").unwrap();
    (shown(&status, "RouteAccepted"), condition.message.clone())
}

fn reports(parent: &Value, generation: i64, type_: &str, status: &str) -> Value {
    let condition = json!({
        "type": type_, "status": status, "reason": "NotAllowedByListeners", "message": "no listener allows it",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation,
    });
    json!({ "parentRef": parent, "controllerName": "example.com/gateway", "conditions": [condition] })
}

fn public() -> Value {
    json!({ "name": "public", "namespace": "edge" })
}

#[test]
fn a_route_is_accepted_once_every_gateway_accepts_it() {
    let local = json!({ "name": "local", "namespace": "shop" });
    let both = [reports(&public(), 2, "Accepted", "True"), reports(&local, 2, "Accepted", "True")];
    assert_eq!(route(&both).0, "True/AcceptedByGateways");
    let (shown, message) = route(&both[..1]);
    assert_eq!(shown, "False/GatewayPending");
    assert!(message.ends_with("from the controller of Gateway local"), "{message}");
    assert_eq!(route(&[]).0, "False/GatewayPending");
}

#[test]
fn the_status_of_an_earlier_generation_does_not_count() {
    let local = json!({ "name": "local" });
    let stale = [reports(&public(), 1, "Accepted", "True"), reports(&local, 2, "Accepted", "True")];
    let (shown, message) = route(&stale);
    assert_eq!(shown, "False/GatewayPending");
    assert!(message.ends_with("Gateway edge/public"), "{message}");
}

#[test]
fn the_reason_of_a_gateway_that_refuses_the_route_is_shown() {
    for type_ in ["Accepted", "ResolvedRefs"] {
        let (shown, message) = route(&[reports(&public(), 2, type_, "False")]);
        assert_eq!(shown, "False/RouteRejected");
        assert!(message.contains("edge/public") && message.contains("no listener allows it"), "{message}");
    }
}

#[test]
fn the_url_is_that_of_the_route_if_it_has_a_host() {
    let observed = Observed { service_url: "http://inside".to_owned(), ..Observed::default() };
    for (route, url) in [
        ("ingress: {host: a.example}", "http://a.example"),
        ("ingress: {host: a.example, path: /x/y, tls: {}}", "https://a.example/x/y"),
        ("ingress: {host: '*.a.example'}", "http://inside"),
        (
            "httpRoute: {parentRefs: [{name: g}], hostnames: ['*.b.example', b.example], path: /x}",
            "http://b.example/x",
        ),
        (
            "httpRoute: {parentRefs: [{name: g, sectionName: https}], hostnames: [b.example]}",
            "https://b.example",
        ),
        ("httpRoute: {parentRefs: [{name: g}], anyHost: true}", "http://inside"),
    ] {
        let status = of(&all_ready(&format!("{{route: {{{route}}}}}")), &observed, None, None, NOW);
        assert_eq!(status.url.as_deref(), Some(url), "{route}");
    }
}

#[test]
fn the_url_of_an_ingress_for_every_host_has_the_address_that_its_controller_reports() {
    let observed = Observed { service_url: "http://inside".to_owned(), ..Observed::default() };
    let reported = |addresses: Value| {
        let mut resources = all_ready("{route: {ingress: {anyHost: true, path: /x}}}");
        let status = json!({ "loadBalancer": { "ingress": addresses } });
        resources.ingress.as_mut().unwrap().status = Some(serde_json::from_value(status).unwrap());
        of(&resources, &observed, None, None, NOW).url.unwrap()
    };
    assert_eq!(reported(json!([])), "http://inside");
    assert_eq!(reported(json!([{ "ip": "192.0.2.1" }])), "http://192.0.2.1/x");
    assert_eq!(reported(json!([{ "ip": "2001:db8::1" }])), "http://[2001:db8::1]/x");
    assert_eq!(reported(json!([{ "hostname": "lb.example" }, { "ip": "192.0.2.1" }])), "http://lb.example/x");
}

#[test]
fn a_route_that_is_not_published_has_a_reason() {
    let withheld = |withheld| {
        let observed = Observed { route_withheld: Some(withheld), ..Observed::default() };
        of(&all_ready("{}"), &observed, None, None, NOW)
    };
    let claim = Claim::of_route(
        "shop",
        Some(&serde_json::from_value(json!({"ingress": {"host": "a.example"}})).unwrap()),
    );
    let by = Holder { kind: "Ingress", namespace: "a".to_owned(), name: "minimal".to_owned() };
    let status = withheld(Withheld::Taken(Taken { claim: claim[0].clone(), by }));
    assert_eq!(shown(&status, "RouteAccepted"), "False/HostTaken");
    assert_summary(&status, "False/HostTaken", "False/Stalled", "True/HostTaken");
    let message = message(&status, "RouteAccepted");
    assert!(message.contains("Ingress a/minimal already has path / of host a.example"), "{message}");
    let status = withheld(Withheld::NoGatewayApi);
    assert_eq!(shown(&status, "RouteAccepted"), "False/GatewayApiMissing");
    assert_eq!(shown(&status, "ProducersReady"), "True/PodsReady");
}
