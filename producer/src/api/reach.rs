//! Which operations a port serves.

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi as Document;

use crate::api::problem::Problem;
use crate::api::{Shared, Trust};

/// Which operations a port serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of them: for clients inside the cluster.
    Everything,
    /// Those that create events and read their values: for clients that are not trusted with more.
    Public,
}

impl Reach {
    /// Whose trace contexts a port takes, where the producer's setting is `trust`. Strangers decide nothing.
    pub(super) fn trust(self, trust: Trust) -> Trust {
        match self {
            Self::Everything => trust,
            Self::Public => Trust::Nobody,
        }
    }
}

/// Routes that refuse the operations of a description, and say where they are served.
pub(super) fn refused(document: &Document) -> Router<Shared> {
    let refuse = async || Problem::not_public();
    document.paths.paths.iter().fold(Router::new(), |routes, (path, item)| {
        let mut methods = MethodRouter::new();
        if item.get.is_some() {
            methods = methods.get(refuse);
        }
        if item.post.is_some() {
            methods = methods.post(refuse);
        }
        if item.delete.is_some() {
            methods = methods.delete(refuse);
        }
        routes.route(path, methods)
    })
}
