//! The route, as the controllers of its object report it.

use eventpipeline_crds::conditions::{reasons, types};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::super::super::resources::Applied;
use super::super::component::{Component, State};
use super::super::{Observed, Withheld, url};
use crate::gateway::{HTTPRoute, ParentReference, ParentStatus};
use crate::routes::Taken;

pub(super) fn of(applied: &Applied, observed: &Observed<'_>) -> Component {
    let (state, reason, message) = match (&observed.route_withheld, &applied.ingress, &applied.http_route) {
        (Some(withheld), _, _) => not_published(withheld),
        (None, Some(ingress), _) => of_ingress(ingress),
        (None, None, Some(route)) => of_http_route(route),
        (None, None, None) => {
            let message = "the spec has no route; the API is available inside the cluster only";
            (State::Ready, reasons::NO_ROUTE, message.to_owned())
        }
    };
    Component { type_: types::ROUTE_ACCEPTED, state, reason, not_ready: reasons::ROUTE_NOT_ACCEPTED, message }
}

fn not_published(withheld: &Withheld) -> (State, &'static str, String) {
    match withheld {
        Withheld::Taken(Taken { claim, by }) => {
            let message = format!(
                "route: not published, because {by} already has {claim}; choose another `host` or `path`, or remove it \
                 from {by}"
            );
            (State::Stalled, reasons::HOST_TAKEN, message)
        }
        Withheld::NoGatewayApi => {
            let message = "route: the API server does not know HTTPRoute; install the Gateway API, which is detected within a \
                           few minutes, or use `route.ingress`";
            (State::Stalled, reasons::GATEWAY_API_MISSING, message.to_owned())
        }
    }
}

/// An Ingress is ready once it is applied, because many controllers never report an address.
fn of_ingress(ingress: &Ingress) -> (State, &'static str, String) {
    let name = ingress.name_any();
    let addresses = url::addresses(ingress);
    if addresses.is_empty() {
        let message = format!(
            "Ingress {name} is published; its controller has not reported an address, and many controllers never do"
        );
        return (State::Ready, reasons::PUBLISHED, message);
    }
    let message = format!("Ingress {name} is published; its address is {}", addresses.join(", "));
    (State::Ready, reasons::ADDRESS_ASSIGNED, message)
}

/// The controller of each Gateway must report that it accepts the route and resolves its references.
fn of_http_route(route: &HTTPRoute) -> (State, &'static str, String) {
    let name = route.name_any();
    let mut pending = Vec::new();
    for parent in &route.spec.parent_refs {
        let gateway = shown(parent);
        let Some(conditions) = conditions(route, parent) else {
            pending.push(gateway);
            continue;
        };
        if let Some(no) =
            conditions.iter().find(|it| JUDGED.contains(&it.type_.as_str()) && it.status == "False")
        {
            let Condition { reason, message, .. } = no;
            let message =
                format!("route: Gateway {gateway} does not accept HTTPRoute {name}: {reason}: {message}");
            return (State::Stalled, reasons::ROUTE_REJECTED, message);
        }
        if !conditions.iter().any(|it| it.type_ == ACCEPTED && it.status == "True") {
            pending.push(gateway);
        }
    }
    if pending.is_empty() {
        let message = format!("HTTPRoute {name} is accepted by its Gateways");
        return (State::Ready, reasons::ACCEPTED_BY_GATEWAYS, message);
    }
    let pending = pending.join(", ");
    let message =
        format!("route: HTTPRoute {name} has no status yet from the controller of Gateway {pending}");
    (State::Waiting, reasons::GATEWAY_PENDING, message)
}

const ACCEPTED: &str = "Accepted";
/// Conditions that must not be false.
const JUDGED: [&str; 2] = [ACCEPTED, "ResolvedRefs"];

/// Returns the conditions that a parent's controller reports for the current generation of the route.
fn conditions<'a>(route: &'a HTTPRoute, parent: &ParentReference) -> Option<Vec<&'a Condition>> {
    let here = route.namespace();
    let is_parent = |status: &&ParentStatus| {
        let of = &status.parent_ref;
        of.name == parent.name
            && of.section_name == parent.section_name
            && of.namespace.as_ref().or(here.as_ref()) == parent.namespace.as_ref().or(here.as_ref())
    };
    let current = |condition: &&Condition| {
        condition.observed_generation.is_none_or(|seen| Some(seen) >= route.metadata.generation)
    };
    let statuses: Vec<&ParentStatus> =
        route.status.iter().flat_map(|it| &it.parents).filter(is_parent).collect();
    (!statuses.is_empty())
        .then(|| statuses.into_iter().flat_map(|it| &it.conditions).filter(current).collect())
}

fn shown(ParentReference { name, namespace, section_name }: &ParentReference) -> String {
    let namespace = namespace.iter().map(|namespace| format!("{namespace}/"));
    let section = section_name.iter().map(|section| format!(":{section}"));
    namespace.chain([name.clone()]).chain(section).collect()
}
