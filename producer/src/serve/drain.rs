//! How a drain's time is spent: a fifth for balancers to learn that this producer is going, nine tenths until clients that
//! wait are told where to find their value, the rest for the last answers to leave.

use eventpipeline_service::Lifecycle;
use tokio_util::sync::CancellationToken;

/// Ends when no more connections are to be accepted.
pub(super) fn end_of_accepting(lifecycle: &Lifecycle) -> impl Future<Output = ()> + Send + 'static {
    let (draining, time) = (lifecycle.draining(), lifecycle.deadline() / 5);
    async move {
        draining.cancelled().await;
        tokio::time::sleep(time).await;
    }
}

/// Cancelled when clients that wait must be answered without a value.
pub(super) fn end_of_waiting(lifecycle: &mut Lifecycle, api_ended: CancellationToken) -> CancellationToken {
    let (draining, time) = (lifecycle.draining(), lifecycle.deadline() * 9 / 10);
    let give_up = CancellationToken::new();
    let over = give_up.clone();
    lifecycle.spawn("end of waiting", async move {
        draining.cancelled().await;
        tokio::select! {
            () = api_ended.cancelled() => {}
            () = tokio::time::sleep(time) => over.cancel(),
        }
        Ok(())
    });
    give_up
}
