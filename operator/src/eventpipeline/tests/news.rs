//! Events about changes of the status.

use eventpipeline_crds::EventPipelineStatus;

use super::super::status::{Observed, first_seen, news, of};
use super::applied::{NOW, all_ready, later};

#[test]
fn each_change_is_published_once() {
    let published = |previous: Option<&EventPipelineStatus>, status: &EventPipelineStatus| -> Vec<String> {
        news(previous, status)
            .into_iter()
            .map(|it| format!("{:?} {}: {}", it.type_, it.reason, it.note))
            .collect()
    };
    let observed = Observed { service_url: "http://inside".to_owned(), ..Observed::default() };
    let first = first_seen(Some(1), NOW);
    let ready = of(&all_ready("{}"), &observed, Some(&first), Some(1), NOW);
    let all = published(Some(&first), &ready);
    let reasons: Vec<_> = all.iter().map(|line| line.split(':').next().unwrap()).collect();
    let components =
        ["DatabaseReady", "SchemaReady", "ProducersReady", "ConsumersReady", "RouteAccepted", "Ready"];
    assert_eq!(reasons, components.map(|component| format!("Normal {component}")));
    assert!(all[5].ends_with("all components are ready; the API is at http://inside"), "{all:?}");
    assert_eq!(published(Some(&ready), &ready), Vec::<String>::new());

    let mut resources = all_ready("{}");
    resources.consumer_deployments[0].status = None;
    let lost = of(&resources, &observed, Some(&ready), Some(1), later(5));
    assert!(
        published(Some(&ready), &lost)[0].starts_with("Warning NotReady: "),
        "{:?}",
        published(Some(&ready), &lost)
    );
    let changed = of(&resources, &observed, Some(&ready), Some(2), later(5));
    assert!(published(Some(&ready), &changed)[0].starts_with("Normal NotReady: "));
    let back = of(&all_ready("{}"), &observed, Some(&lost), Some(1), later(9));
    assert_eq!(published(Some(&lost), &back).len(), 2);
}
