//! Groups of consumers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A group of consumers that run the same image with the same handler.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerGroup {
    /// Name of the group, a DNS label that is distinct among the consumers.
    #[schemars(length(min = 1, max = 20), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// How many consumers run while the group is not suspended.
    #[serde(default = "ConsumerGroup::default_replicas")]
    #[schemars(range(min = 1, max = 1000))]
    #[x_kube(validation = Rule::new("self >= 1")
        .message("`replicas` must be at least 1; use `suspend: true` to stop a group"))]
    pub replicas: i32,

    /// Stops the group: its consumers finish what they have claimed and go. Events wait until it is `false` again.
    #[serde(default)]
    pub suspend: bool,

    /// Image that runs, in any language that keeps the contract of consumers. Its own entrypoint runs unless `command`
    /// is set. Default: the consumer that comes with the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$")
    )]
    pub image: Option<String>,

    /// Command that runs in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Option<Vec<String>>,

    /// What gives an event its value.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub handler: Handler,
}

impl ConsumerGroup {
    /// The groups of a pipeline that names none.
    pub(crate) fn defaults() -> Vec<Self> {
        vec![Self {
            name: "default".to_owned(),
            replicas: Self::default_replicas(),
            suspend: false,
            image: None,
            command: None,
            handler: Handler::default(),
        }]
    }

    fn default_replicas() -> i32 {
        2
    }
}

/// What gives an event its value: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.words) != has(self.wordApi)")
    .message("`handler` must set exactly one of `words` and `wordApi`"))]
pub struct Handler {
    /// A word of a list that the consumer carries, the same at each attempt: needs nothing from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordsHandler")]
    pub words: Option<WordsHandler>,

    /// A word of an HTTP API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordApiHandler")]
    pub word_api: Option<WordApiHandler>,
}

impl Default for Handler {
    fn default() -> Self {
        Self { words: Some(WordsHandler {}), word_api: None }
    }
}

/// A word of a list that the consumer carries, the same at each attempt.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordsHandler {}

/// A word of an HTTP API.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordApiHandler {
    /// URL whose `GET` answers `[{"word": "..."}]`.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''")
        .message("`url` must be an absolute http or https URL"))]
    pub url: String,
}
