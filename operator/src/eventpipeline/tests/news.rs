//! What becomes an Event.

use eventpipeline_crds::EventPipelineStatus;

use super::super::status::{Seen, first_seen, news, of};
use super::status::{NOW, all_ready, later};

#[test]
fn what_becomes_so_is_news_once() {
    let told = |previous: Option<&EventPipelineStatus>, status: &EventPipelineStatus| -> Vec<String> {
        news(previous, status)
            .into_iter()
            .map(|it| format!("{:?} {}: {}", it.type_, it.reason, it.note))
            .collect()
    };
    let seen = Seen { service_url: "http://inside".to_owned(), ..Seen::default() };
    let first = first_seen(Some(1), NOW);
    let ready = of(&all_ready("{}"), &seen, Some(&first), Some(1), NOW);
    let all = told(Some(&first), &ready);
    let reasons: Vec<_> = all.iter().map(|line| line.split(':').next().unwrap()).collect();
    let parts =
        ["DatabaseReady", "SchemaReady", "ProducersReady", "ConsumersReady", "RouteAccepted", "Ready"];
    assert_eq!(reasons, parts.map(|part| format!("Normal {part}")));
    assert!(
        all[5].ends_with("everything that the spec asks for is there; the API is at http://inside"),
        "{all:?}"
    );
    assert_eq!(told(Some(&ready), &ready), Vec::<String>::new());

    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].status = None;
    let lost = of(&resources, &seen, Some(&ready), Some(1), later(5));
    assert!(
        told(Some(&ready), &lost)[0].starts_with("Warning NotReady: "),
        "{:?}",
        told(Some(&ready), &lost)
    );
    let changed = of(&resources, &seen, Some(&ready), Some(2), later(5));
    assert!(told(Some(&ready), &changed)[0].starts_with("Normal NotReady: "));
    let back = of(&all_ready("{}"), &seen, Some(&lost), Some(1), later(9));
    assert_eq!(told(Some(&lost), &back).len(), 2);
}
