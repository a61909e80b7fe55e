//! Types of events: the objects that assign them to lanes, and the condition about those that no group takes.

use eventpipeline_crds::EventPipelineStatus;

use super::super::is_news;
use super::super::resources::Resources;
use super::super::status::{DefaultLane, Observed, of, types_news};
use super::applied::{NOW, all_ready, assert_summary, message, shown};
use super::{prepared, with_spec};
use crate::queue_stats::{Observation, QueueStats, TypeStats, Unknown};

/// Returns the value of a variable of each group of consumers.
fn of_consumers(resources: &Resources, name: &str) -> Vec<Option<String>> {
    let pods = resources.consumer_deployments.iter().map(|group| group.spec.clone().unwrap().template.spec);
    pods.map(|pod| value(&pod.unwrap(), name)).collect()
}

fn value(pod: &k8s_openapi::api::core::v1::PodSpec, name: &str) -> Option<String> {
    let variable = pod.containers[0].env.iter().flatten().find(|variable| variable.name == name)?;
    variable.value.clone()
}

fn of_schema_job(resources: &Resources) -> Option<String> {
    value(resources.schema_job.spec.as_ref().unwrap().template.spec.as_ref().unwrap(), "LANES")
}

const SPEC: &str = r#"{consumers: [
  {name: rest},
  {name: fast, types: ["order.*", invoice.created]},
  {name: theirs, image: "other:1", types: [audit]},
  {name: more, types: [invoice.created, "order.*"]},
]}"#;

#[test]
fn a_lane_has_the_name_of_its_first_group() {
    let resources = prepared(&with_spec(SPEC));
    let expected =
        r#"[{"lane":"fast","types":["invoice.created","order.*"]},{"lane":"theirs","types":["audit"]}]"#;
    assert_eq!(of_schema_job(&resources).as_deref(), Some(expected));
    let lanes = of_consumers(&resources, "LANE");
    assert_eq!(
        lanes.iter().map(Option::as_deref).collect::<Vec<_>>(),
        [None, Some("fast"), Some("theirs"), Some("fast")]
    );
}

/// A changed hash runs the schema Job again, and a changed template replaces all pods.
#[test]
fn a_group_without_types_and_a_pipeline_without_types_stay_as_they_are() {
    let (without, with) = (prepared(&with_spec("{consumers: [{name: rest}]}")), prepared(&with_spec(SPEC)));
    assert_eq!(of_schema_job(&without), None);
    assert_eq!(with.consumer_deployments[0], without.consumer_deployments[0]);
    assert_ne!(with.schema_job.metadata.name, without.schema_job.metadata.name);
    let reordered = SPEC.replace(r#"["order.*", invoice.created]"#, r#"[invoice.created, "order.*"]"#);
    let reordered = prepared(&with_spec(&reordered));
    assert_eq!(reordered.schema_job, with.schema_job);
    assert_eq!(reordered.consumer_deployments, with.consumer_deployments);
}

/// Every group has `types`.
const TYPED: &str = "{consumers: [{name: a, types: [order.created]}, {name: b, types: [c], suspend: true}]}";
/// Others have `types`, and the groups without are classic.
const CLASSIC: &str =
    "{consumers: [{name: a, types: [order.created]}, {name: b, image: b, contract: Classic}]}";
/// A suspended group takes all other events.
const REST: &str = "{consumers: [{name: a, types: [order.created]}, {name: b, suspend: true}]}";
const ALL_CLASSIC: &str = "{consumers: [{name: a, image: a, contract: Classic}]}";

/// Returns an observation of waiting events: their type and their lane.
fn waiting(types: &[(Option<&str>, Option<&str>)]) -> Observation {
    let types = types.iter().map(|(type_, lane)| TypeStats {
        type_: type_.map(str::to_owned),
        lane: lane.map(str::to_owned),
        pending: 1,
    });
    observation(Ok(QueueStats { types: types.collect(), ..QueueStats::default() }))
}

fn observation(queue: Result<QueueStats, Unknown>) -> Observation {
    Observation { at: NOW, queue, storage: Err(Unknown::NoProducer), schema_is_old: false }
}

fn status(
    spec: &str,
    observation: Option<&Observation>,
    previous: Option<&EventPipelineStatus>,
) -> EventPipelineStatus {
    let default_lane = DefaultLane::of(&with_spec(spec).spec.consumers);
    let observed =
        Observed { queue: observation, late_after_seconds: 60, default_lane, ..Observed::default() };
    of(&all_ready(spec), &observed, previous, Some(3), NOW)
}

fn condition(spec: &str, observation: Option<&Observation>) -> String {
    shown(&status(spec, observation, None), "TypesTaken")
}

#[test]
fn waiting_events_that_no_group_takes_are_reported_and_do_not_affect_readiness() {
    let (typed, untyped) = ((Some("order.deleted"), None), (None, None));
    let routed = [(Some("order.created"), Some("a")), (None, Some("a"))];
    for (spec, types, expected) in [
        (TYPED, &[][..], "True/EveryTypeTaken"),
        (TYPED, &routed, "True/EveryTypeTaken"),
        (TYPED, &[typed], "False/TypeNotTaken"),
        (TYPED, &[untyped], "False/TypeNotTaken"),
        (CLASSIC, &[untyped], "True/EveryTypeTaken"),
        (CLASSIC, &[untyped, typed], "False/TypeNotTaken"),
        (ALL_CLASSIC, &[untyped], "True/EveryTypeTaken"),
        (ALL_CLASSIC, &[typed], "False/TypeNotTaken"),
        (REST, &[untyped, typed], "True/EveryTypeTaken"),
        ("{}", &[untyped, typed], "True/EveryTypeTaken"),
    ] {
        assert_eq!(condition(spec, Some(&waiting(types))), expected, "{spec} {types:?}");
    }
    let mut gone = waiting(&[typed]);
    gone.queue.as_mut().unwrap().types[0].pending = 0;
    assert_eq!(condition(TYPED, Some(&gone)), "True/EveryTypeTaken");
    let ready = status(TYPED, Some(&waiting(&[typed])), None);
    assert_summary(&ready, "True/AsSpecified", "False/AsSpecified", "False/NotStalled");
}

#[test]
fn the_message_names_the_types_and_the_remedy() {
    let told = |types: &[(Option<&str>, Option<&str>)]| {
        message(&status(TYPED, Some(&waiting(types)), None), "TypesTaken")
    };
    assert_eq!(
        told(&[(Some("b"), None), (None, None), (Some("a"), None), (Some("order.created"), Some("a"))]),
        "no group takes the waiting events of the types \"a\", \"b\", and those without a type: add the types to `types` of a \
         group, or add a group without `types` whose `contract` is `Current`"
    );
    assert_eq!(
        told(&[(None, None)]),
        "no group takes the waiting events without a type: add a group without `types`"
    );
    let many = ["a", "b", "c", "d", "e", "f"].map(|type_| (Some(type_), None));
    let text = told(&many);
    assert!(text.contains("\"e\" and others: add the types") && !text.contains("\"f\""), "{text}");
    assert!(told(&many[..1]).contains("of the type \"a\": add the type to"));
}

#[test]
fn without_an_observation_the_condition_is_unknown_or_stays() {
    assert_eq!(condition(TYPED, None), "Unknown/FirstSeen");
    assert_eq!(condition(TYPED, Some(&observation(Err(Unknown::NoProducer)))), "Unknown/NoProducer");
    let silent = observation(Err(Unknown::NoAnswer("timeout".to_owned())));
    assert_eq!(condition(TYPED, Some(&silent)), "Unknown/QueueStatsNotRead");
    let before = status(TYPED, Some(&waiting(&[(None, None)])), None);
    assert_eq!(status(TYPED, None, Some(&before)), before);
    // Nothing has to be observed if no group has types.
    assert_eq!(condition("{}", None), "True/EveryTypeTaken");
    assert_eq!(condition("{}", Some(&silent)), "True/EveryTypeTaken");
}

#[test]
fn an_observation_of_an_event_that_no_group_takes_is_published_immediately_and_once() {
    let (taken, not_taken) = (waiting(&[]), waiting(&[(Some("b"), None)]));
    let calm = status(TYPED, Some(&taken), None);
    let bad = status(TYPED, Some(&not_taken), Some(&calm));
    let mut pipeline = with_spec(TYPED);
    for (shown, observation, news) in
        [(&calm, &taken, false), (&calm, &not_taken, true), (&bad, &not_taken, false), (&bad, &taken, true)]
    {
        pipeline.status = Some(shown.clone());
        assert_eq!(is_news(&pipeline, observation), news);
    }

    let published = |previous: Option<&EventPipelineStatus>, status: &EventPipelineStatus| {
        types_news(previous, status).map(|(is_bad, reason, note)| format!("{is_bad} {reason}: {note}"))
    };
    assert!(published(Some(&calm), &bad).unwrap().starts_with("true TypeNotTaken: no group takes"));
    assert!(published(None, &bad).is_some());
    assert_eq!(published(Some(&bad), &bad), None);
    assert_eq!(published(None, &calm), None);
    let back = status(TYPED, Some(&taken), Some(&bad));
    assert!(published(Some(&bad), &back).unwrap().starts_with("false EveryTypeTaken: every waiting event"));
    assert_eq!(published(Some(&calm), &back), None);
}
