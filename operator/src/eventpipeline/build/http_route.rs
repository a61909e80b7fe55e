//! The route from outside the cluster by the Gateway API. Load balancing is up to the implementation, because
//! the API has no field for it.

use eventpipeline_crds as crd;

use super::super::validate::{Pipeline, Way};
use super::meta::{owned, producers_name, selector};
use super::producer_service;
use crate::gateway::{
    BackendRef, HTTPRoute, HttpRouteSpec, Match, ParentReference, PathMatch, Rule, Timeouts,
};
use crate::labels::Component;

/// Builds the route if the pipeline requests one.
pub(super) fn build(pipeline: &Pipeline) -> Option<HTTPRoute> {
    let route = pipeline.published_route()?;
    let Way::Gateway(crd::GatewayRoute { parent_refs, hostnames, any_host: _, path }) = &route.way else {
        return None;
    };
    let rule = Rule {
        matches: vec![Match { path: PathMatch { type_: "PathPrefix".to_owned(), value: path.clone() } }],
        backend_refs: vec![BackendRef {
            name: producers_name(pipeline),
            port: producer_service::port_of(route).number,
        }],
        // A synchronous creation waits as long as its client does.
        timeouts: Timeouts { request: "0s".to_owned() },
    };
    Some(HTTPRoute {
        metadata: owned(pipeline, pipeline.name.to_string(), selector(pipeline, Component::Route)),
        spec: HttpRouteSpec {
            parent_refs: parent_refs.iter().map(parent).collect(),
            hostnames: Some(hostnames.clone()).filter(|hostnames| !hostnames.is_empty()),
            rules: vec![rule],
        },
        status: None,
    })
}

fn parent(parent: &crd::ParentRef) -> ParentReference {
    let crd::ParentRef { name, namespace, section_name } = parent.clone();
    ParentReference { name, namespace, section_name }
}
