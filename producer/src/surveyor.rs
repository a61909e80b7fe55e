//! The task for questions that read many rows. Its session is its own: nobody who asks for one event waits for them.

use eventpipeline_database::{Cursor, Event, Listing, Session, Stats, Value};

use crate::mailbox::{Answer, Inbox, Mailbox, mailbox};
use crate::memory::{Held, Memory};
use crate::reader::{answer_all, unavailable};

/// How many requests of a kind may wait.
const CAPACITY: usize = 64;
/// How many bytes of text a page has, more or less: lists of large payloads come in shorter pages.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Surveys {
    pub(crate) page: Mailbox<Listing, Page>,
    pub(crate) stats: Mailbox<(), Stats>,
    /// The same, quickly, for who asks again and again.
    pub(crate) queue: Mailbox<(), Stats>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    /// Where the next page begins, unless this was the last.
    pub(crate) next: Option<Cursor>,
    /// The memory that it takes, roughly.
    pub(crate) held: Held,
}

/// The task.
#[derive(Debug)]
pub(crate) struct Surveyor {
    session: Session,
    pages: Inbox<Listing, Page>,
    stats: Inbox<(), Stats>,
    queue: Inbox<(), Stats>,
    /// How many events are read at once, so that they stay within [`PAGE_BYTES`].
    step: usize,
    /// What is left for answers.
    memory: Memory,
}

impl Surveyor {
    /// `payload_bytes`: the longest payload; `memory`: what answers may take.
    pub(crate) fn new(session: Session, payload_bytes: usize, memory: Memory) -> (Self, Surveys) {
        let (page, pages) = mailbox(CAPACITY);
        let (stats, all_stats) = mailbox(CAPACITY);
        let (queue, all_queue) = mailbox(CAPACITY);
        let step = (PAGE_BYTES / (payload_bytes + Value::MAX_BYTES)).clamp(1, Listing::LARGEST);
        let surveyor = Self { session, pages, stats: all_stats, queue: all_queue, step, memory };
        (surveyor, Surveys { page, stats, queue })
    }

    /// Answers until the last mailbox of each kind is dropped.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                Some(batch) = self.pages.next_batch(1) => {
                    for request in batch {
                        let page = self.page(request.input).await;
                        let _ = request.answer.send(page);
                    }
                }
                Some(batch) = self.stats.next_batch(CAPACITY) => {
                    let stats = unavailable(self.session.stats().await);
                    answer_all(batch, stats);
                }
                Some(batch) = self.queue.next_batch(CAPACITY) => {
                    let stats = unavailable(self.session.queue_stats().await);
                    answer_all(batch, stats);
                }
                else => break,
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// A page of up to as many events as were asked for, shorter where they are large; none while those of others take all
    /// the memory that answers may take.
    async fn page(&mut self, Listing { state, mut after, limit }: Listing) -> Answer<Page> {
        let (mut events, mut bytes, mut held) = (Vec::new(), 0, Held::default());
        self.memory.take(&mut held, PAGE_BYTES)?;
        loop {
            let asked = self.step.min(limit - events.len());
            let more = unavailable(self.session.list(&Listing { state, after, limit: asked }).await)?;
            let last = more.len() < asked;
            bytes += more.iter().map(text_bytes).sum::<usize>();
            self.memory.fit(&mut held, bytes.max(PAGE_BYTES))?;
            events.extend(more);
            after = events.last().map(Cursor::from);
            if last {
                return Ok(Page { events, next: None, held });
            }
            if events.len() == limit || bytes >= PAGE_BYTES {
                return Ok(Page { events, next: after, held });
            }
        }
    }
}

fn text_bytes(event: &Event) -> usize {
    event.valor.len() + event.payload.as_ref().map_or(0, String::len)
}
