//! Routes that lead to more than is meant, or that do not lead where they seem to.

use eventpipeline_crds::{EventPipelineSpec, IngressRoute, Route};

use super::super::pipeline::Finding;

/// Has cert-manager put the path of its challenge into an Ingress that is there, instead of making one of its own.
const EDIT_IN_PLACE: &str = "acme.cert-manager.io/http01-edit-in-place";

/// What is to be said of the route.
pub(super) fn of(spec: &EventPipelineSpec) -> Vec<Finding> {
    let Some(route) = &spec.route else { return Vec::new() };
    let mut findings = Vec::new();
    if route.operations {
        let message = "whoever reaches the route may list, show, change and remove events: put authentication in front of it";
        findings.push(Finding::warning("spec.route.operations", message));
    }
    findings.extend(route.ingress.as_ref().and_then(any_host));
    findings.extend(route.ingress.as_ref().and_then(edited_in_place));
    findings.extend(prefix_of_others(spec, route));
    findings
}

fn any_host(ingress: &IngressRoute) -> Option<Finding> {
    ingress.any_host.then(|| {
        let message = "requests for every host that no other Ingress names come here, whosever they are: on a shared ingress \
                       controller set `host`";
        Finding::warning("spec.route.ingress.anyHost", message)
    })
}

fn edited_in_place(ingress: &IngressRoute) -> Option<Finding> {
    (ingress.annotations.get(EDIT_IN_PLACE).is_some_and(|value| value == "true")).then(|| {
        let message = "the rules of an Ingress are one field with one owner, so that the operator takes cert-manager's path out \
                       again: without this annotation cert-manager makes an Ingress of its own";
        Finding::warning(format!("spec.route.ingress.annotations[{EDIT_IN_PLACE}]"), message)
    })
}

/// Only the operator's own producers know the prefix.
fn prefix_of_others(spec: &EventPipelineSpec, route: &Route) -> Option<Finding> {
    let (field, path) = match (&route.ingress, &route.http_route) {
        (Some(ingress), _) => ("spec.route.ingress.path", &ingress.path),
        (None, Some(http_route)) => ("spec.route.httpRoute.path", &http_route.path),
        (None, None) => return None,
    };
    let group = spec.producers.iter().find(|group| group.image.is_some())?;
    (!path.trim_end_matches('/').is_empty()).then(|| {
        let message = format!(
            "producers with an image of their own get paths as they were asked for, {path} and all: group {:?} must heed \
             BASE_PATH, or the ingress controller must take it away",
            group.name
        );
        Finding::warning(field, message)
    })
}
