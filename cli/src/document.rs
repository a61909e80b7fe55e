//! JSON objects of the API. Members keep their original text, so that every payload that a pipeline accepts can be printed,
//! including values that this program could not represent (numbers of any size, lone surrogates, duplicate keys).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    text: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Document {
    /// Parses an object. Returns `None` if the text is not a JSON object.
    pub(crate) fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let members = serde_json::from_str(&text).ok()?;
        Some(Self { text, members })
    }

    /// Members by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.members.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    pub(crate) fn member(&self, name: &str) -> Option<&RawValue> {
        self.members.get(name).map(|value| &**value)
    }

    /// Returns a member, if it has this type.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.member(name)?.get()).ok()
    }

    /// Returns a string member, or an empty string if it is missing.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// Returns a member that is a list of objects.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<Self>> {
        let objects: Vec<Box<RawValue>> = self.get(name)?;
        objects.into_iter().map(|object| Self::parse(object.get())).collect()
    }
}

/// Returns the original text.
impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_whatever_they_hold() {
        for payload in
            [r#""\ud83d""#, "1e999", "123456789012345678901234567890", r#"{"a":1,"a":2}"#, "-0", "1.10"]
        {
            let text = format!(r#"{{"events":[{{"id":7,"payload":{payload},"error":null}}],"next":null}}"#);
            let page = Document::parse(text.clone()).unwrap();
            assert_eq!(page.to_string(), text);
            let events = page.list("events").unwrap();
            assert_eq!(events[0].get::<u64>("id"), Some(7));
            assert_eq!(events[0].member("payload").map(RawValue::get), Some(payload));
            assert_eq!((events[0].text("error"), page.get::<String>("next")), (String::new(), None));
        }
        assert!(Document::parse("[]").is_none() && Document::parse("").is_none());
    }
}
