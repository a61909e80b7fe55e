//! The phases of a drain. Connections are accepted for a fifth of the time, while load balancers learn of it. Waiting clients
//! are answered without a value after nine tenths. The rest of the time is for sending the last responses.

use eventpipeline_service::Lifecycle;
use tokio_util::sync::CancellationToken;

/// Returns a future that completes when no more connections are accepted.
pub(super) fn end_of_accepting(lifecycle: &Lifecycle) -> impl Future<Output = ()> + Send + 'static {
    let (draining, time) = (lifecycle.draining(), lifecycle.deadline() / 5);
    async move {
        draining.cancelled().await;
        tokio::time::sleep(time).await;
    }
}

/// Returns a token that is cancelled when waiting clients must be answered without a value.
pub(super) fn end_of_waiting(lifecycle: &mut Lifecycle, api_ended: CancellationToken) -> CancellationToken {
    let (draining, time) = (lifecycle.draining(), lifecycle.deadline() * 9 / 10);
    let end = CancellationToken::new();
    let over = end.clone();
    lifecycle.spawn("end of waiting", async move {
        draining.cancelled().await;
        tokio::select! {
            () = api_ended.cancelled() => {}
            () = tokio::time::sleep(time) => over.cancel(),
        }
        Ok(())
    });
    end
}
