//! The W3C `traceparent` of an event's creation.

use std::fmt;

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// A position in a trace: `00-`, 32 digits of the trace id, 16 of the span id, and two of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent([u8; LENGTH]);

impl TraceParent {
    /// Parses a text. Returns `None` if it is malformed or of a version that contains more than this one.
    pub fn new(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let well_formed = bytes.iter().enumerate().all(|(place, byte)| match place {
            0 | 1 => *byte == b'0',
            2 | 35 | 52 => *byte == b'-',
            _ => hex(byte),
        });
        let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
        (well_formed && !is_zero(&bytes[3..35]) && !is_zero(&bytes[36..52])).then_some(Self(bytes))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // The constructor accepts only ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the trace id alone, for log lines.
    pub fn trace_id(&self) -> &str {
        self.as_str().get(3..35).unwrap_or_default()
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_follows_the_w3c_format() {
        let parent = TraceParent::new(EXAMPLE).unwrap();
        assert_eq!((parent.as_str(), parent.trace_id()), (EXAMPLE, "4bf92f3577b34da6a3ce929d0e0e4736"));
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-çbf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::new(wrong), None, "{wrong}");
        }
    }
}
