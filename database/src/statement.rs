//! Statements over a list of rows, in few shapes.
//!
//! A prepared statement is cached under its text, a hundred of them a connection. A list of any length in the text would
//! push the others out and cost a round trip each time, so that lists come in powers of two only.

use sqlx::MySql;
use sqlx::query_builder::QueryBuilder;

use crate::event::EventId;

/// The longest list in one statement. 512 rows of three values stay far below the 65,535 placeholders of the protocol.
pub(crate) const LONGEST_LIST: usize = 512;

/// `rows` in pieces whose lengths are powers of two: 100 rows as 64, 32 and 4.
pub(crate) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = match rows.len() {
            0 => return None,
            length if length >= LONGEST_LIST => LONGEST_LIST,
            length => 1 << length.ilog2(),
        };
        let (piece, rest) = rows.split_at(length);
        rows = rest;
        Some(piece)
    })
}

/// `before (?, ?, ...) after` with `ids` for the list, its length rounded up to a power of two by repeating the last id.
/// `ids` must not be empty nor longer than [`LONGEST_LIST`].
pub(crate) fn push_ids(builder: &mut QueryBuilder<MySql>, ids: &[EventId]) {
    builder.push("(");
    let mut list = builder.separated(", ");
    let repeated = ids.last().into_iter().cycle().take(ids.len().next_power_of_two() - ids.len());
    for id in ids.iter().chain(repeated) {
        list.push_bind(id.get());
    }
    builder.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_powers_of_two_and_lose_nothing() {
        let rows: Vec<usize> = (0..1127).collect();
        let lengths: Vec<usize> = pieces(&rows).map(<[usize]>::len).collect();
        assert_eq!(lengths, [512, 512, 64, 32, 4, 2, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(pieces::<usize>(&[]).count(), 0);
    }

    #[test]
    fn a_list_is_filled_up_with_its_last_id() {
        let ids: Vec<EventId> = (1..=5).filter_map(EventId::new).collect();
        let mut builder = QueryBuilder::new("");
        push_ids(&mut builder, &ids);
        assert_eq!(builder.sql().as_str(), "(?, ?, ?, ?, ?, ?, ?, ?)");
    }
}
