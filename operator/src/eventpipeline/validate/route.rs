//! The way in from outside the cluster.

use eventpipeline_crds as crd;

use super::Error;

/// The way in from outside the cluster.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) enum Route {
    Ingress(crd::IngressRoute),
    Gateway(crd::GatewayRoute),
    None,
}

impl Route {
    pub(super) fn new(route: Option<&crd::Route>) -> Result<Self, Error> {
        match route.cloned().unwrap_or_default() {
            crd::Route { ingress: Some(ingress), http_route: None, none: None } => {
                if ingress.tls.is_some() && ingress.host.is_none() {
                    return Err(Error::TlsWithoutHost);
                }
                Ok(Self::Ingress(ingress))
            }
            crd::Route { ingress: None, http_route: Some(route), none: None } => Ok(Self::Gateway(route)),
            crd::Route { ingress: None, http_route: None, none: Some(crd::NoRoute {}) } => Ok(Self::None),
            _ => Err(Error::Union { union: "route", members: "`ingress`, `httpRoute` and `none`" }),
        }
    }
}
