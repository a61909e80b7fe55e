//! The route from outside the cluster.

use eventpipeline_crds as crd;

use super::Error;

/// The route from outside the cluster.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct Route {
    pub(in crate::eventpipeline) way: Way,
    /// True if the route leads to all operations.
    pub(in crate::eventpipeline) operations: bool,
}

/// The kind of object that implements the route.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) enum Way {
    Ingress(crd::IngressRoute),
    Gateway(crd::GatewayRoute),
}

impl Route {
    pub(super) fn new(route: &crd::Route) -> Result<Self, Error> {
        let crd::Route { ingress, http_route, operations } = route;
        let way = match (ingress, http_route) {
            (Some(ingress), None) => Way::Ingress(ingress.clone()),
            (None, Some(route)) => Way::Gateway(route.clone()),
            _ => return Err(Error::Union { union: "route", members: "`ingress` and `httpRoute`" }),
        };
        match &way {
            Way::Ingress(ingress) if ingress.tls.is_some() && ingress.host.is_none() => {
                Err(Error::TlsWithoutHost)
            }
            Way::Ingress(ingress) if ingress.host.is_some() == ingress.any_host => {
                Err(Error::Hosts { field: "ingress.host" })
            }
            Way::Gateway(route) if route.hostnames.is_empty() != route.any_host => {
                Err(Error::Hosts { field: "httpRoute.hostnames" })
            }
            _ => Ok(Self { way, operations: *operations }),
        }
    }

    /// Returns the path prefix of the API without a trailing slash; empty for the root.
    pub(in crate::eventpipeline) fn prefix(&self) -> &str {
        match &self.way {
            Way::Ingress(crd::IngressRoute { path, .. }) | Way::Gateway(crd::GatewayRoute { path, .. }) => {
                path.trim_end_matches('/')
            }
        }
    }
}
