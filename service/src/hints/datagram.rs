//! Hints on the wire: a magic byte, the version of the format, the kind, and ids as big-endian 64-bit numbers.

use super::Hint;

const MAGIC: u8 = 0xE1;
const VERSION: u8 = 1;
const WORK: u8 = 1;
const FINISHED: u8 = 2;
/// Ids in one datagram: some 1,200 bytes, which no network of today cuts in pieces.
const IDS: usize = 150;

/// A hint as datagrams.
pub(super) fn encode(hint: &Hint) -> Vec<Vec<u8>> {
    match hint {
        Hint::Work => vec![vec![MAGIC, VERSION, WORK]],
        Hint::Finished(ids) => ids
            .chunks(IDS)
            .map(|ids| {
                let mut datagram = vec![MAGIC, VERSION, FINISHED];
                datagram.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
                datagram
            })
            .collect(),
    }
}

/// What a datagram says; `None` where it is no hint, or one of a later version.
pub(super) fn decode(datagram: &[u8]) -> Option<Hint> {
    match datagram {
        [MAGIC, VERSION, WORK] => Some(Hint::Work),
        [MAGIC, VERSION, FINISHED, ids @ ..] => {
            let (ids, rest) = ids.as_chunks::<8>();
            rest.is_empty().then(|| Hint::Finished(ids.iter().copied().map(i64::from_be_bytes).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_written_and_read_alike() {
        let finished = Hint::Finished((-1..=400).collect());
        assert_eq!(encode(&finished).len(), 3);
        assert!(encode(&finished).iter().all(|datagram| datagram.len() <= 1203));
        let read: Vec<Hint> = encode(&finished).iter().filter_map(|datagram| decode(datagram)).collect();
        assert_eq!(read[0], Hint::Finished((-1..149).collect()));
        assert_eq!(
            encode(&Hint::Work).iter().filter_map(|datagram| decode(datagram)).collect::<Vec<_>>(),
            [Hint::Work]
        );
    }
}
