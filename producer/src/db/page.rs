//! Reads pages of events within a memory budget.

use eventpipeline_database::{Cursor, Event, Listing, Session, Value};

use crate::error::{Answer, answer_to_read};
use crate::memory_budget::{MemoryBudget, MemoryPermit};

/// Approximate size of a page's text, in bytes. Pages of large events are shorter.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    /// Start of the next page, unless this page is the last one.
    pub(crate) next: Option<Cursor>,
    /// Permit for the approximate memory of the page.
    pub(crate) permit: MemoryPermit,
}

/// Reads pages in steps that are small enough for the largest events.
#[derive(Debug, Clone)]
pub(super) struct PageReader {
    /// Number of events that one query reads.
    step: usize,
    memory: MemoryBudget,
}

impl PageReader {
    pub(super) fn new(payload_bytes: usize, memory: MemoryBudget) -> Self {
        let step = (PAGE_BYTES / (payload_bytes + Value::MAX_BYTES)).clamp(1, Listing::LARGEST);
        Self { step, memory }
    }

    /// Reads a page of at most `limit` events, and fewer if they are large. Fails if the memory budget is exhausted.
    pub(super) async fn read(
        &self,
        session: &mut Session,
        Listing { state, mut after, limit }: Listing,
    ) -> Answer<Page> {
        let (mut events, mut bytes, mut permit) = (Vec::new(), 0, MemoryPermit::default());
        self.memory.take(&mut permit, PAGE_BYTES)?;
        loop {
            let step = self.step.min(limit - events.len());
            let more = answer_to_read(session.list(&Listing { state, after, limit: step }).await)?;
            let last = more.len() < step;
            bytes += more.iter().map(text_bytes).sum::<usize>();
            self.memory.resize(&mut permit, bytes.max(PAGE_BYTES))?;
            events.extend(more);
            after = events.last().map(Cursor::from);
            if last {
                return Ok(Page { events, next: None, permit });
            }
            if events.len() == limit || bytes >= PAGE_BYTES {
                return Ok(Page { events, next: after, permit });
            }
        }
    }
}

fn text_bytes(event: &Event) -> usize {
    event.valor.len() + event.payload.as_ref().map_or(0, String::len)
}
