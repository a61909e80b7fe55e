//! Actions of classic programs.

use eventpipeline_database::{EventId, State};

use super::event::Model;
use super::run::Run;

impl Run {
    /// A classic consumer claims an event that seems free to it.
    pub(super) async fn classic_claim(&mut self, id: EventId, which: usize) {
        let claim = "UPDATE Events SET processing = 1 WHERE id = ? AND valor = '' AND processing = 0";
        let claimed = sqlx::query(claim).bind(id.get()).execute(&mut self.fixture.other).await.unwrap();
        let claimed = claimed.rows_affected() == 1;
        self.tally.count("classic claim", claimed);
        let free =
            |event: &&mut Model| event.row.state == State::Pending && !event.hidden && event.key.is_none();
        let event = self.events[which].as_mut().filter(free);
        assert_eq!(event.is_some(), claimed);
        if let Some(event) = event {
            event.row.state = State::Processing;
        }
    }

    /// A classic consumer writes back its event, regardless of the current owner. It has no events with a key.
    pub(super) async fn classic_complete(&mut self, id: EventId, which: usize) {
        let processing = |event: &&mut Model| event.row.state == State::Processing && event.key.is_none();
        let Some(event) = self.events[which].as_mut().filter(processing) else { return };
        let done = "UPDATE Events SET valor = 'classic', processing = 0 WHERE id = ?";
        sqlx::query(done).bind(id.get()).execute(&mut self.fixture.other).await.unwrap();
        event.row.state = State::Done;
        "classic".clone_into(&mut event.row.valor);
        event.timed = false;
        self.tally.count("classic complete", true);
    }
}
