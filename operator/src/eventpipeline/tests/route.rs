//! What is reported of an HTTPRoute.

use serde_json::{Value, json};

use super::super::status::{Seen, of};
use super::status::{NOW, all_ready, shown};
use crate::gateway::HttpRouteStatus;

const SPEC: &str = "{route: {httpRoute: {parentRefs: [{name: public, namespace: edge}, {name: local}]}}}";

/// `RouteAccepted` and its message, when controllers have said this of the route in its second generation.
fn route(parents: &[Value]) -> (String, String) {
    let mut resources = all_ready(SPEC);
    let route = resources.http_route.as_mut().unwrap();
    route.metadata.generation = Some(2);
    route.status = Some(serde_json::from_value::<HttpRouteStatus>(json!({ "parents": parents })).unwrap());
    let status = of(&resources, &Seen::default(), None, Some(1), NOW);
    let condition = status.conditions.iter().find(|condition| condition.type_ == "RouteAccepted").unwrap();
    (shown(&status, "RouteAccepted"), condition.message.clone())
}

fn says(parent: &Value, generation: i64, type_: &str, status: &str) -> Value {
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
fn it_is_accepted_once_every_gateway_takes_it() {
    let local = json!({ "name": "local", "namespace": "shop" });
    let both = [says(&public(), 2, "Accepted", "True"), says(&local, 2, "Accepted", "True")];
    assert_eq!(route(&both).0, "True/AcceptedByGateways");
    let (shown, message) = route(&both[..1]);
    assert_eq!(shown, "False/GatewayPending");
    assert!(message.ends_with("by the controller of Gateway local"), "{message}");
    assert_eq!(route(&[]).0, "False/GatewayPending");
}

#[test]
fn what_was_said_of_an_earlier_generation_says_nothing() {
    let local = json!({ "name": "local" });
    let stale = [says(&public(), 1, "Accepted", "True"), says(&local, 2, "Accepted", "True")];
    let (shown, message) = route(&stale);
    assert_eq!(shown, "False/GatewayPending");
    assert!(message.ends_with("Gateway edge/public"), "{message}");
}

#[test]
fn a_gateway_that_refuses_it_says_why() {
    for type_ in ["Accepted", "ResolvedRefs"] {
        let (shown, message) = route(&[says(&public(), 2, type_, "False")]);
        assert_eq!(shown, "False/RouteRejected");
        assert!(message.contains("edge/public") && message.contains("no listener allows it"), "{message}");
    }
}
