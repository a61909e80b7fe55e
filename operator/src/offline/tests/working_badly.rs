//! Warnings, and specs without any.

use super::super::pipeline::{errors, warnings};
use super::{lines, pipeline, schema};

/// A spec without warnings.
const SOUND: &str = "{
  database: {managed: {storage: {size: 20Gi}}},
  consumers: [{name: a, leaseSeconds: 60, terminationGracePeriodSeconds: 90,
    handler: {http: {url: 'https://handler.example', timeoutSeconds: 40, headersSecretName: token}}}],
}";

#[track_caller]
fn warned(spec: &str) -> String {
    let (schema, object) = (schema(), pipeline(spec));
    assert_eq!(errors(&schema, &object, None), [], "{spec}");
    lines(&warnings(&schema, &object))
}

#[test]
fn a_sound_pipeline_has_no_warnings() {
    assert_eq!(warned(SOUND), "");
    assert_eq!(warned("{database: {external: {secretName: cloud}}}"), "");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_warning_names_its_field() {
    for (spec, field, said) in [
        (
            "{}",
            "spec.database.managed.storage.size: ",
            "default size of 10Gi, and done events are kept for 604800 s",
        ),
        ("{}", "spec.database.managed.storage.size: ", "room for 28086 per hour"),
        (
            "{retention: {doneSeconds: 0}, database: {managed: {storage: {size: 1Gi}}}}",
            "spec.database.managed.storage.size: ",
            "kept forever (`retention.doneSeconds: 0`): the volume has room for",
        ),
        (
            "{retention: {doneSeconds: 31536000}, database: {managed: {storage: {size: 20Gi}}}}",
            "spec.database.managed.storage.size: ",
            "kept for 31536000 s",
        ),
        (
            "{database: {managed: {resources: {requests: {memory: 2Gi}}}}}",
            "spec.database.managed.resources.limits.memory: ",
            "256Mi",
        ),
        ("{producers: [{name: a, replicas: 1}]}", "spec.producers[0]: ", "one producer"),
        (
            "{route: {operations: true, ingress: {host: a}}}",
            "spec.route.operations: ",
            "put authentication in front",
        ),
        ("{route: {ingress: {anyHost: true}}}", "spec.route.ingress.anyHost: ", "no other Ingress names"),
        (
            "{route: {ingress: {host: a, annotations: {acme.cert-manager.io/http01-edit-in-place: 'true'}}}}",
            "spec.route.ingress.annotations[acme.cert-manager.io/http01-edit-in-place]: ",
            "cert-manager creates an Ingress of its own",
        ),
        (
            "{producers: [{name: a}, {name: b, image: other}], route: {ingress: {host: a, path: /x}}}",
            "spec.route.ingress.path: ",
            "group \"b\" must read BASE_PATH",
        ),
        (
            "{producers: [{name: a, autoscaling: {cpu: {minReplicas: 1, maxReplicas: 9}}}]}",
            "spec.producers[0]: ",
            "one producer",
        ),
        (
            "{producers: [{name: b}, {name: a, autoscaling: {cpu: {maxReplicas: 9}}, resources: {limits: {memory: 1Gi}}}]}",
            "spec.producers[1].resources.requests.cpu: ",
            "needs a CPU request",
        ),
        (
            "{consumers: [{name: a, handler: {http: {url: 'https://a', timeoutSeconds: 49}}}]}",
            "spec.consumers[0].handler.http.timeoutSeconds: ",
            "49 s of a lease of 60 s",
        ),
        (
            "{consumers: [{name: a, terminationGracePeriodSeconds: 44, handler: {wordApi: {url: 'https://a'}}}]}",
            "spec.consumers[0].terminationGracePeriodSeconds: ",
            "46 s are sufficient",
        ),
        (
            "{consumers: [{name: a, image: a, contract: Classic}]}",
            "spec.consumers: ",
            "no program reclaims the events of a crashed consumer",
        ),
        (
            "{consumers: [{name: a, types: [a]}, {name: b, types: [b]}]}",
            "spec.consumers: ",
            "every group has `types`: events without a type",
        ),
        (
            "{consumers: [{name: a, types: [a]}, {name: b, image: b, contract: Classic}]}",
            "spec.consumers: ",
            "`Classic` and take only events without a type",
        ),
        (
            "{keys: {}, consumers: [{name: a, image: a, contract: Classic}]}",
            "spec.keys: ",
            "`Classic` and take only events without a key",
        ),
        (
            "{consumers: [{name: a}, {name: b, types: [a, order.*, order.line.*]}]}",
            "spec.consumers[1].types[2]: ",
            "\"order.line.*\" is redundant: \"order.*\" of the same list covers it",
        ),
        (
            "{consumers: [{name: a, handler: {http: {url: 'http://a', headersSecretName: token}}}]}",
            "spec.consumers[0].handler.http.url: ",
            "without encryption",
        ),
    ] {
        let found = warned(spec);
        let line = found.lines().find(|line| line.starts_with(field));
        assert!(line.is_some_and(|line| line.contains(said)), "{spec}:\n{found}");
    }
}

#[test]
fn a_type_that_another_group_would_take_is_not_redundant() {
    let list = |other: &str| {
        let own = "[order, orders, order.*, order.line.added]";
        let database = "{managed: {storage: {size: 20Gi}}}";
        let groups = format!("[{{name: a}}, {{name: b, types: {own}}}, {{name: c, types: [{other}]}}]");
        warned(&format!("{{database: {database}, consumers: {groups}}}"))
    };
    let warned = list("invoice.*");
    assert!(warned.starts_with("spec.consumers[1].types[3]: ") && warned.lines().count() == 1, "{warned}");
    // Without its own item, the group of the longer beginning would take it.
    assert_eq!(list("order.line.*"), "");
}

/// The maximum during a rollout: 31 producers with 8 connections each, 50 consumers with 6 each, and 10
/// others.
#[test]
fn connections_of_all_pods_are_added_up() {
    let of = |most: u32, consumers: &str| {
        warned(&format!(
            "{{database: {{managed: {{storage: {{size: 9Gi}}, config: {{max_connections: \"{most}\"}}}}}},
               producers: [{{name: a, autoscaling: {{cpu: {{maxReplicas: 30}}}}}}], consumers: [{{name: a, {consumers}}}]}}"
        ))
    };
    assert_eq!(of(558, "replicas: 40"), "");
    let short = of(557, "replicas: 40");
    assert!(short.contains("max_connections: ") && short.contains("need 558:"), "{short}");
    assert_ne!(of(557, "autoscaling: {backlog: {maxReplicas: 40}}"), "");
    assert_eq!(of(258, "autoscaling: {external: {}}"), "");
    // The operator's default.
    let default = "{database: {managed: {storage: {size: 9Gi}}}, consumers: [{name: a, replicas: 400}]}";
    assert!(warned(default).contains("accepts 500 connections"));
}
