//! The wire format of wake-ups: a magic byte, the version of the format, the kind, and ids as big-endian
//! 64-bit numbers.

use super::Wakeup;

const MAGIC: u8 = 0xE1;
const VERSION: u8 = 1;
const WORK: u8 = 1;
const FINISHED: u8 = 2;
/// Maximum number of ids in one datagram: about 1,200 bytes, which no common network fragments.
const IDS: usize = 150;

/// Returns the datagrams of a wake-up.
pub(super) fn encode(wakeup: &Wakeup) -> Vec<Vec<u8>> {
    match wakeup {
        Wakeup::Work => vec![vec![MAGIC, VERSION, WORK]],
        Wakeup::Finished(ids) => ids
            .chunks(IDS)
            .map(|ids| {
                let mut datagram = vec![MAGIC, VERSION, FINISHED];
                datagram.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
                datagram
            })
            .collect(),
    }
}

/// Returns the wake-up in a datagram; `None` if it is malformed or of a later version.
pub(super) fn decode(datagram: &[u8]) -> Option<Wakeup> {
    match datagram {
        [MAGIC, VERSION, WORK] => Some(Wakeup::Work),
        [MAGIC, VERSION, FINISHED, ids @ ..] => {
            let (ids, rest) = ids.as_chunks::<8>();
            rest.is_empty().then(|| Wakeup::Finished(ids.iter().copied().map(i64::from_be_bytes).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_round_trips() {
        let finished = Wakeup::Finished((-1..=400).collect());
        assert_eq!(encode(&finished).len(), 3);
        assert!(encode(&finished).iter().all(|datagram| datagram.len() <= 1203));
        let read: Vec<Wakeup> = encode(&finished).iter().filter_map(|datagram| decode(datagram)).collect();
        assert_eq!(read[0], Wakeup::Finished((-1..149).collect()));
        assert_eq!(
            encode(&Wakeup::Work).iter().filter_map(|datagram| decode(datagram)).collect::<Vec<_>>(),
            [Wakeup::Work]
        );
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn an_accepted_datagram_survives_being_sent_again() {
        bolero::check!().with_type::<(bool, Vec<u8>)>().for_each(|(is_finished, bytes)| {
            let mut datagram = if *is_finished { vec![MAGIC, VERSION, FINISHED] } else { Vec::new() };
            datagram.extend(bytes);
            let Some(wakeup) = decode(&datagram) else { return };
            let again: Vec<Wakeup> = encode(&wakeup).iter().filter_map(|datagram| decode(datagram)).collect();
            match wakeup {
                // Nothing is sent for no ids.
                Wakeup::Finished(ids) if ids.is_empty() => assert_eq!(again, []),
                _ => assert_eq!(again, [wakeup]),
            }
        });
    }
}
