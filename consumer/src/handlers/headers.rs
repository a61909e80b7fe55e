//! Additional headers for a handler's requests, from a file, because most of them are secrets.

use reqwest::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};

/// Headers whose values are never displayed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(HeaderMap);

/// The headers that the consumer sets itself.
const RESERVED: [HeaderName; 6] =
    [ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, TRACEPARENT];

/// The W3C trace context of the event.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Headers {
    /// Reads a file with a header `Name: value` per line. Empty lines and lines that start with `#` are
    /// ignored.
    pub(super) fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("must be a readable text file: {error}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| format!("its line {} {what}", index + 1);
            let (name, value) = line.split_once(':').ok_or_else(|| wrong("must be `Name: value`"))?;
            let name: HeaderName =
                name.trim().parse().map_err(|_| wrong("must begin with a header's name"))?;
            if RESERVED.contains(&name) || name.as_str().starts_with("x-event-") {
                return Err(wrong(&format!("sets {name}, which the consumer sets itself")));
            }
            let mut value: HeaderValue =
                value.trim().parse().map_err(|_| wrong("has a character that is not allowed in headers"))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(Self(headers))
    }

    pub(super) fn into_map(self) -> HeaderMap {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_headers_that_are_not_displayed() {
        let headers =
            Headers::parse("# ours\n\nAuthorization: Bearer S3CRET\r\nX-Team: a:b\nX-Team: c\n").unwrap();
        assert_eq!(headers.0.get("authorization").unwrap(), "Bearer S3CRET");
        assert_eq!(headers.0.get_all("x-team").iter().collect::<Vec<_>>(), ["a:b", "c"]);
        assert!(!format!("{headers:?}").contains("S3CRET"), "{headers:?}");
    }

    #[test]
    fn a_wrong_line_is_named_and_not_displayed() {
        for (text, message) in [
            ("X-A: b\nS3CRET", "its line 2 must be `Name: value`"),
            ("S3 CRET: b", "its line 1 must begin with a header's name"),
            ("X-A: S3\u{7}CRET", "its line 1 has a character that is not allowed in headers"),
            ("content-type: S3CRET", "its line 1 sets content-type, which the consumer sets itself"),
            ("x-event-id: 7", "its line 1 sets x-event-id, which the consumer sets itself"),
        ] {
            assert_eq!(Headers::parse(text).unwrap_err(), message);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use eventpipeline_testkit::text_of;

    use super::*;

    /// An accepted file can be written from its headers and is read again, and its values are not shown.
    #[test]
    fn an_accepted_file_survives_being_printed_and_read() {
        let words = [
            "\n",
            "\r\n",
            ": ",
            ":",
            "#",
            "Authorization",
            "x-team",
            "Bearer S3CRET",
            "x-event-",
            "TE",
            "\t",
            "é",
            " ",
        ];
        bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
            let Ok(Headers(read)) = Headers::parse(&text_of(bytes, &words)) else {
                return;
            };
            let mut printed = Vec::new();
            for (name, value) in &read {
                printed.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
            }
            let printed = String::from_utf8(printed).unwrap();
            assert_eq!(Headers::parse(&printed).unwrap().0, read);
            assert!(!format!("{read:?}").contains("S3CRET"));
        });
    }
}
