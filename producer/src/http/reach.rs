//! The set of operations that a port serves.

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi as Document;

use super::problem::Problem;
use super::state::Shared;
use super::trace::Trust;

/// The set of operations that a port serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All operations, for clients inside the cluster.
    Everything,
    /// The operations that create events and read their values, for less trusted clients.
    Public,
}

impl Reach {
    /// Returns whose trace contexts a port accepts, given the producer's setting. The public port accepts none.
    pub(super) fn trust(self, trust: Trust) -> Trust {
        match self {
            Self::Everything => trust,
            Self::Public => Trust::NoOne,
        }
    }
}

/// Returns routes that refuse the operations of a description, and tell clients where these are served.
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
