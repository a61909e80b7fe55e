//! Texts for fuzzing.

/// Returns a text of the bytes that a fuzzer chose: below 128 they are ASCII, from there on each is one of the words.
/// Words of a grammar make valid texts likely.
///
/// # Panics
/// Without words.
pub fn text_of(bytes: &[u8], words: &[&str]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte.checked_sub(128) {
            None => text.push(char::from(byte)),
            Some(word) => text.push_str(words[usize::from(word) % words.len()]),
        }
    }
    text
}
