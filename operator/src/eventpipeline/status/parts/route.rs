//! The route, as its object's controllers show it.

use eventpipeline_crds::conditions::{reasons, types};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::super::super::resources::{Applied, Resources};
use super::super::{Seen, Withheld, url};
use super::{Part, State};
use crate::gateway::{HTTPRoute, ParentReference, ParentStatus};
use crate::routes::Taken;

pub(super) fn of(applied: &Resources<Applied>, seen: &Seen<'_>) -> Part {
    let (state, reason, message) = match (&seen.route_withheld, &applied.ingress, &applied.http_route) {
        (Some(withheld), _, _) => not_published(withheld),
        (None, Some(ingress), _) => of_ingress(ingress),
        (None, None, Some(route)) => of_http_route(route),
        (None, None, None) => {
            let message = "the spec asks for no route: the API is reached from inside the cluster";
            (State::Ready, reasons::NO_ROUTE, message.to_owned())
        }
    };
    Part { type_: types::ROUTE_ACCEPTED, state, reason, not_ready: reasons::ROUTE_NOT_ACCEPTED, message }
}

fn not_published(withheld: &Withheld) -> (State, &'static str, String) {
    match withheld {
        Withheld::Taken(Taken { claim, by }) => {
            let message = format!(
                "route: {by} has {claim} already, and the route is not published; choose another `host` or `path`, or \
                 remove that of {by}"
            );
            (State::Stalled, reasons::HOST_TAKEN, message)
        }
        Withheld::NoGatewayApi => {
            let message = "route: the API server knows no HTTPRoute: install the Gateway API, or use `route.ingress`; it is \
                           looked for every few minutes";
            (State::Stalled, reasons::GATEWAY_API_MISSING, message.to_owned())
        }
    }
}

/// Once it is applied nothing waits for it: many controllers never give an Ingress an address.
fn of_ingress(ingress: &Ingress) -> (State, &'static str, String) {
    let name = ingress.name_any();
    let addresses = url::addresses(ingress);
    if addresses.is_empty() {
        let message =
            format!("Ingress {name} is published; its controller reports no address, as many never do");
        return (State::Ready, reasons::PUBLISHED, message);
    }
    let message = format!("Ingress {name} is published; its address is {}", addresses.join(", "));
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
