//! Routes that publish more than intended, or do not work as they seem to.

use eventpipeline_crds::{EventPipelineSpec, IngressRoute, Route};

use super::super::finding::Finding;

/// Annotation by which cert-manager adds its challenge's path to this Ingress instead of creating another
/// one.
const EDIT_IN_PLACE: &str = "acme.cert-manager.io/http01-edit-in-place";

/// Returns the warnings about the route.
pub(super) fn of(spec: &EventPipelineSpec) -> Vec<Finding> {
    let Some(route) = &spec.route else { return Vec::new() };
    let mut findings = Vec::new();
    if route.operations {
        let message = "anyone who reaches the route can list, show, change and remove events: put authentication in front of it";
        findings.push(Finding::warning("spec.route.operations", message));
    }
    findings.extend(route.ingress.as_ref().and_then(any_host));
    findings.extend(route.ingress.as_ref().and_then(edited_in_place));
    findings.extend(prefix_of_others(spec, route));
    findings
}

fn any_host(ingress: &IngressRoute) -> Option<Finding> {
    ingress.any_host.then(|| {
        let message = "the route receives the requests for every host that no other Ingress names: set `host` if the ingress \
                       controller is shared";
        Finding::warning("spec.route.ingress.anyHost", message)
    })
}

fn edited_in_place(ingress: &IngressRoute) -> Option<Finding> {
    (ingress.annotations.get(EDIT_IN_PLACE).is_some_and(|value| value == "true")).then(|| {
        let message = "the operator owns the rules of the Ingress and removes cert-manager's path: without this annotation \
                       cert-manager creates an Ingress of its own";
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
            "producers with an image of their own receive paths including {path}: group {:?} must read BASE_PATH, or the \
             ingress controller must strip the prefix",
            group.name
        );
        Finding::warning(field, message)
    })
}
