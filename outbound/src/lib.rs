//! What the programs that send HTTP requests share: the way to a server, and how long a server wants to be left alone.

mod retry_after;
mod way;

pub use retry_after::retry_after;
pub use way::Way;
