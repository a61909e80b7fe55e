//! Shared code of the programs that send HTTP requests: proxies and `Retry-After`.

mod retry_after;
mod route;

pub use retry_after::retry_after;
pub use route::Route;
