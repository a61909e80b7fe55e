//! The route, as its object's controllers show it.

use eventpipeline_crds::conditions::{reasons, types};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::{Part, State};
use crate::gateway::{HTTPRoute, ParentReference, ParentStatus};

pub(super) fn of(ingress: Option<&Ingress>, http_route: Option<&HTTPRoute>) -> Part {
    let (state, reason, message) = match (ingress, http_route) {
        (Some(ingress), _) => of_ingress(ingress),
        (None, Some(route)) => of_http_route(route),
        (None, None) => (State::Ready, reasons::NO_ROUTE, "the spec asks for no route".to_owned()),
    };
    Part { type_: types::ROUTE_ACCEPTED, state, reason, not_ready: reasons::ROUTE_NOT_ACCEPTED, message }
}

/// Once it is applied nothing waits for it: many controllers never give an Ingress an address.
fn of_ingress(ingress: &Ingress) -> (State, &'static str, String) {
    let name = ingress.name_any();
    let status = ingress.status.clone().unwrap_or_default();
    let entries = status.load_balancer.unwrap_or_default().ingress.unwrap_or_default();
    let addresses: Vec<String> =
        entries.into_iter().filter_map(|entry| entry.hostname.or(entry.ip)).collect();
    if addresses.is_empty() {
        let message = format!("Ingress {name} stands; its controller has given it no address");
        return (State::Ready, reasons::ADDRESS_PENDING, message);
    }
    let message = format!("Ingress {name} stands; its address is {}", addresses.join(", "));
    (State::Ready, reasons::ADDRESS_ASSIGNED, message)
}

/// The controller of each Gateway has to say that it takes the route and finds what it leads to.
fn of_http_route(route: &HTTPRoute) -> (State, &'static str, String) {
    let name = route.name_any();
    let mut silent = Vec::new();
    for parent in &route.spec.parent_refs {
        let gateway = shown(parent);
        let Some(conditions) = conditions(route, parent) else {
            silent.push(gateway);
            continue;
        };
        if let Some(no) =
            conditions.iter().find(|it| JUDGED.contains(&it.type_.as_str()) && it.status == "False")
        {
            let Condition { reason, message, .. } = no;
            let message =
                format!("route: Gateway {gateway} does not take HTTPRoute {name}: {reason}: {message}");
            return (State::Stalled, reasons::ROUTE_REJECTED, message);
        }
        if !conditions.iter().any(|it| it.type_ == ACCEPTED && it.status == "True") {
            silent.push(gateway);
        }
    }
    if silent.is_empty() {
        let message = format!("HTTPRoute {name} is taken by its Gateways");
        return (State::Ready, reasons::ACCEPTED_BY_GATEWAYS, message);
    }
    let silent = silent.join(", ");
    let message = format!("route: nothing is said of HTTPRoute {name} by the controller of Gateway {silent}");
    (State::Waiting, reasons::GATEWAY_PENDING, message)
}

const ACCEPTED: &str = "Accepted";
/// Conditions that must not be false.
const JUDGED: [&str; 2] = [ACCEPTED, "ResolvedRefs"];

/// What is said of the route as it stands.
fn conditions<'a>(route: &'a HTTPRoute, parent: &ParentReference) -> Option<Vec<&'a Condition>> {
    let here = route.namespace();
    let is_parent = |said: &&ParentStatus| {
        let of = &said.parent_ref;
        of.name == parent.name
            && of.section_name == parent.section_name
            && of.namespace.as_ref().or(here.as_ref()) == parent.namespace.as_ref().or(here.as_ref())
    };
    let current = |condition: &&Condition| {
        condition.observed_generation.is_none_or(|seen| Some(seen) >= route.metadata.generation)
    };
    let said: Vec<&ParentStatus> = route.status.iter().flat_map(|it| &it.parents).filter(is_parent).collect();
    (!said.is_empty()).then(|| said.into_iter().flat_map(|it| &it.conditions).filter(current).collect())
}

fn shown(ParentReference { name, namespace, section_name }: &ParentReference) -> String {
    let namespace = namespace.iter().map(|namespace| format!("{namespace}/"));
    let section = section_name.iter().map(|section| format!(":{section}"));
    namespace.chain([name.clone()]).chain(section).collect()
}
