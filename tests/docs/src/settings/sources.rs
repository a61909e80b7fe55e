//! The fields and values that set a variable on a cluster.

use clap::Command;

/// A program with settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Producer,
    Schema,
    Consumer,
    Agent,
    Operator,
}

impl Program {
    pub(super) const ALL: [Self; 5] =
        [Self::Producer, Self::Schema, Self::Consumer, Self::Agent, Self::Operator];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Producer => "Producers: `eventpipeline-producer serve`",
            Self::Schema => "The schema Job: `eventpipeline-producer schema`",
            Self::Consumer => "Consumers: `eventpipeline-consumer serve`",
            Self::Agent => "The agent next to the database: `eventpipeline-agent serve`",
            Self::Operator => "The operator: `eventpipeline-operator serve`",
        }
    }

    /// Returns the command that has the settings.
    pub(super) fn command(self) -> Command {
        let (program, name) = match self {
            Self::Producer => (eventpipeline_producer::command(), "serve"),
            Self::Schema => (eventpipeline_producer::command(), "schema"),
            Self::Consumer => (eventpipeline_consumer::command(), "serve"),
            Self::Agent => (eventpipeline_agent::command(), "serve"),
            Self::Operator => (eventpipeline_operator::command(), "serve"),
        };
        program.find_subcommand(name).cloned().unwrap_or(program)
    }
}

/// A field or value, and a setting of it that changes the variable.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) program: Program,
    pub(super) variable: &'static str,
    pub(super) field: &'static str,
    /// The spec of a pipeline, or values of the chart, as JSON: a test checks that it changes the variable.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test"))]
    pub(super) example: &'static str,
}

const fn source(
    program: Program,
    variable: &'static str,
    field: &'static str,
    example: &'static str,
) -> Source {
    Source { program, variable, field, example }
}

const CONSUMER: Program = Program::Consumer;
const PRODUCER: Program = Program::Producer;
const SCHEMA: Program = Program::Schema;
const OPERATOR: Program = Program::Operator;
const HTTP: &str = r#"{"consumers":[{"name":"a","handler":{"http":{"url":"http://words/","timeoutSeconds":7,"headersSecretName":"s","finalStatuses":[400]}}}]}"#;

/// The fields and values that decide about variables. All other variables have a fixed value on a cluster, or none.
pub(super) const SOURCES: [Source; 34] = [
    source(SCHEMA, "KEYS", "`spec.keys`", r#"{"keys":{"concurrency":3}}"#),
    source(
        PRODUCER,
        "DRAIN_SECONDS",
        "`spec.producers[].terminationGracePeriodSeconds`",
        r#"{"producers":[{"name":"a","terminationGracePeriodSeconds":99}]}"#,
    ),
    source(
        PRODUCER,
        "BASE_PATH",
        "`spec.route.ingress.path`",
        r#"{"route":{"ingress":{"host":"a.example.com","path":"/orders"}}}"#,
    ),
    source(
        PRODUCER,
        "RETAIN_DONE_SECONDS",
        "`spec.retention.doneSeconds`",
        r#"{"retention":{"doneSeconds":77}}"#,
    ),
    source(
        PRODUCER,
        "RETAIN_DEAD_SECONDS",
        "`spec.retention.deadSeconds`",
        r#"{"retention":{"deadSeconds":77}}"#,
    ),
    source(
        PRODUCER,
        "DATABASE_HOST",
        "`spec.database.external.secretName`, key `host`",
        r#"{"database":{"external":{"secretName":"s"}}}"#,
    ),
    source(
        PRODUCER,
        "DATABASE_PORT",
        "`spec.database.external.secretName`, key `port`",
        r#"{"database":{"external":{"secretName":"s"}}}"#,
    ),
    source(
        PRODUCER,
        "DATABASE_NAME",
        "`spec.database.external.secretName`, key `database`",
        r#"{"database":{"external":{"secretName":"s"}}}"#,
    ),
    source(
        PRODUCER,
        "DATABASE_USER",
        "`spec.database.external.secretName`, key `username`",
        r#"{"database":{"external":{"secretName":"s"}}}"#,
    ),
    source(
        SCHEMA,
        "SCHEMA_USER",
        "`spec.database.external.secretName`, key `schema-username`",
        r#"{"database":{"external":{"secretName":"s"}}}"#,
    ),
    source(
        SCHEMA,
        "ACCOUNTS_GENERATION",
        "`spec.database.managed.passwordGeneration`",
        r#"{"database":{"managed":{"passwordGeneration":7}}}"#,
    ),
    source(
        SCHEMA,
        "CLASSIC_PRODUCERS",
        "`spec.producers[].contract`",
        r#"{"producers":[{"name":"a","image":"x","contract":"Classic"}]}"#,
    ),
    source(
        SCHEMA,
        "CLASSIC_CONSUMERS",
        "`spec.consumers[].contract`",
        r#"{"consumers":[{"name":"a","image":"x","contract":"Classic"}]}"#,
    ),
    source(
        SCHEMA,
        "LANES",
        "`spec.consumers[].types`",
        r#"{"consumers":[{"name":"a","types":["order.*"]}]}"#,
    ),
    source(
        CONSUMER,
        "LANE",
        "`spec.consumers[].types`",
        r#"{"consumers":[{"name":"a","types":["order.*"]}]}"#,
    ),
    source(
        CONSUMER,
        "DRAIN_SECONDS",
        "`spec.consumers[].terminationGracePeriodSeconds`",
        r#"{"consumers":[{"name":"a","terminationGracePeriodSeconds":99}]}"#,
    ),
    source(
        CONSUMER,
        "CONCURRENCY",
        "`spec.consumers[].concurrency`",
        r#"{"consumers":[{"name":"a","concurrency":7}]}"#,
    ),
    source(
        CONSUMER,
        "LEASE_SECONDS",
        "`spec.consumers[].leaseSeconds`",
        r#"{"consumers":[{"name":"a","leaseSeconds":77}]}"#,
    ),
    source(
        CONSUMER,
        "MAX_ATTEMPTS",
        "`spec.consumers[].maxAttempts`",
        r#"{"consumers":[{"name":"a","maxAttempts":7}]}"#,
    ),
    source(
        CONSUMER,
        "BACKOFF_SECONDS",
        "`spec.consumers[].backoff.initialSeconds`",
        r#"{"consumers":[{"name":"a","backoff":{"initialSeconds":7}}]}"#,
    ),
    source(
        CONSUMER,
        "BACKOFF_MAX_SECONDS",
        "`spec.consumers[].backoff.maxSeconds`",
        r#"{"consumers":[{"name":"a","backoff":{"maxSeconds":77}}]}"#,
    ),
    source(CONSUMER, "HANDLER", "`spec.consumers[].handler`", HTTP),
    source(
        CONSUMER,
        "WORD_API_URL",
        "`spec.consumers[].handler.wordApi.url`",
        r#"{"consumers":[{"name":"a","handler":{"wordApi":{"url":"http://words/"}}}]}"#,
    ),
    source(CONSUMER, "HANDLER_URL", "`spec.consumers[].handler.http.url`", HTTP),
    source(CONSUMER, "HANDLER_TIMEOUT_SECONDS", "`timeoutSeconds` of `spec.consumers[].handler`", HTTP),
    source(CONSUMER, "HANDLER_HEADERS_FILE", "`spec.consumers[].handler.http.headersSecretName`", HTTP),
    source(CONSUMER, "HANDLER_FINAL_STATUSES", "`spec.consumers[].handler.http.finalStatuses`", HTTP),
    source(OPERATOR, "IMAGE", "`image`", r#"{"image":{"tag":"7"}}"#),
    source(OPERATOR, "USER_IDS", "`openshift.enabled`", r#"{"openshift":{"enabled":true}}"#),
    source(OPERATOR, "WATCH_NAMESPACES", "`watchNamespaces`", r#"{"watchNamespaces":["shop"]}"#),
    source(
        OPERATOR,
        "LEASE_SECONDS",
        "`leaderElection.leaseSeconds`",
        r#"{"leaderElection":{"leaseSeconds":77}}"#,
    ),
    source(OPERATOR, "MAX_ROLLOUTS", "`maxRollouts`", r#"{"maxRollouts":7}"#),
    source(OPERATOR, "LOG_FORMAT", "`log.format`", r#"{"log":{"format":"text"}}"#),
    source(OPERATOR, "LOG_FILTER", "`log.filter`", r#"{"log":{"filter":"warn"}}"#),
];

/// Variables of a pipeline's programs to which the operator gives a value of its own.
pub(super) const FIXED: [&str; 17] = [
    "ACCOUNTS_FOLDER",
    "ADMIN_ADDRESS",
    "DATABASE_PASSWORD_FILE",
    "DATABASE_TLS",
    "DATABASE_TLS_CA_FILE",
    "DATA_FOLDER",
    "EVENTPIPELINE_NAME",
    "EVENTPIPELINE_NAMESPACE",
    "LISTEN_ADDRESS",
    "LOG_FILTER",
    "LOG_FORMAT",
    "POD_NAME",
    "PUBLIC_ADDRESS",
    "SCHEMA_PASSWORD_FILE",
    "VOLUME_URL",
    "WAKE_ADDRESS",
    "WAKE_PEERS",
];

/// Variables of the operator to which the chart gives a value of its own.
pub(super) const FIXED_BY_CHART: [&str; 5] =
    ["ADMIN_ADDRESS", "DRAIN_SECONDS", "LEASE_NAME", "LEASE_NAMESPACE", "POD_NAME"];

/// Returns what sets a variable of the program.
pub(super) fn set_by(program: Program, variable: &str) -> String {
    let is_operator = program == OPERATOR;
    let decides =
        |source: &&Source| source.variable == variable && (source.program == OPERATOR) == is_operator;
    let fields: Vec<_> = SOURCES.iter().filter(decides).map(|source| source.field).collect();
    if !fields.is_empty() {
        return fields.join(", ");
    }
    match program {
        OPERATOR if FIXED_BY_CHART.contains(&variable) => "the chart",
        OPERATOR => "`extraEnv`",
        _ if FIXED.contains(&variable) => "the operator",
        PRODUCER | CONSUMER => "`env` of the group",
        _ => "",
    }
    .to_owned()
}
