//! Specs that the API server should have refused result in a message that names the rule.

use jiff::Timestamp;

use super::super::validate::validate;
use super::{IMAGE, MINIMAL, parse, with_spec};

#[track_caller]
fn message(spec: &str) -> String {
    let error = validate(&with_spec(spec), IMAGE, Timestamp::UNIX_EPOCH).unwrap_err();
    eventpipeline_service::error_chain(&error)
}

/// A spec and its message.
const GROUPS: &[(&str, &str)] = &[
    ("{producers: []}", "`producers` must have at least one group"),
    ("{producers: [{name: a}, {name: a}]}", "`producers` must have distinct names, and \"a\" occurs twice"),
    ("{consumers: [{name: a}, {name: a}]}", "`consumers` must have distinct names, and \"a\" occurs twice"),
    ("{consumers: [{name: ''}]}", "must have from 1 to 20 characters"),
    ("{consumers: [{name: A}]}", "must have only lower-case letters, digits and `-`"),
    ("{consumers: [{name: a, replicas: 0}]}", "`replicas` of group \"a\" is 0 and must be from 1 to 1000"),
    (
        "{producers: [{name: a, replicas: 2, autoscaling: {external: {}}}]}",
        "group \"a\" must not set both `replicas` and `autoscaling`",
    ),
    (
        "{consumers: [{name: a, replicas: 2, autoscaling: {external: {}}}]}",
        "group \"a\" must not set both `replicas` and `autoscaling`",
    ),
    (
        "{producers: [{name: a, autoscaling: {}}]}",
        "`autoscaling` must set exactly one of `cpu` and `external`",
    ),
    ("{consumers: [{name: a, autoscaling: {}}]}", "exactly one of `backlog` and `external`"),
    (
        "{producers: [{name: a, autoscaling: {cpu: {minReplicas: 3, maxReplicas: 2}}}]}",
        "has `minReplicas` 3 and `maxReplicas` 2, which must be from 1 to 1000 and in ascending order",
    ),
    (
        "{consumers: [{name: a, autoscaling: {backlog: {minReplicas: -1, maxReplicas: 2}}}]}",
        "must be from 0 to 1000 and in ascending order",
    ),
    (
        "{consumers: [{name: a, backoff: {initialSeconds: 9, maxSeconds: 8}}]}",
        "must have `initialSeconds` of at most `maxSeconds`",
    ),
    (
        "{consumers: [{name: a, leaseSeconds: 30, handler: {http: {url: \"http://a\", timeoutSeconds: 30}}}]}",
        "`timeoutSeconds` of group \"a\" must be less than `leaseSeconds`, which is 30",
    ),
    (
        "{consumers: [{name: a, handler: {}}]}",
        "`handler` must set exactly one of `words`, `wordApi` and `http`",
    ),
    ("{consumers: [{name: a, handler: {wordApi: {url: words}}}]}", "must be an absolute http or https URL"),
];

const TYPES: &[(&str, &str)] = &[
    (
        "{consumers: [{name: a, types: [order.*, b]}, {name: b, types: [order.*]}]}",
        "\"order.*\" is in `types` of the groups \"a\" and \"b\", whose lists differ: give both groups the same list, or \
         the type to one of them",
    ),
    (
        "{consumers: [{name: a, types: []}]}",
        "`types` of group \"a\" must have at least one type, or be omitted",
    ),
    (
        "{consumers: [{name: a, types: [a, 'order*']}]}",
        "`types` of group \"a\" has \"order*\", which must be a type such as `order.created`",
    ),
    (
        "{consumers: [{name: a, image: x, contract: Classic, types: [b]}]}",
        "`types` of group \"a\" must not be set, because its `contract` is `Classic`",
    ),
    ("{keys: {concurrency: 0}}", "`concurrency` of `keys` is 0 and must be from 1 to 65535"),
];

const AMOUNTS: &[(&str, &str)] = &[
    (
        "{database: {managed: {resources: {limits: {memory: 1000Mi}}}}}",
        "`limits.memory` of the database must be at least 1Gi",
    ),
    (
        "{database: {managed: {config: {innodb_flush_method: nosync}}}}",
        "sets \"innodb_flush_method\", which is not one of the supported tuning options",
    ),
    (
        "{schemaJob: {resources: {requests: {memory: 1.5Gi}, limits: {memory: 1Gi}}}}",
        "`resources` of the schema Job are invalid: `requests.memory` must be at most `limits.memory`",
    ),
    (
        "{database: {managed: {resources: {requests: {memory: 3Gi}, limits: {memory: 2Gi}}}}}",
        "`resources` of the database are invalid: `requests.memory` must be at most `limits.memory`",
    ),
    (
        "{producers: [{name: a, resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}}]}",
        "`resources` of group \"a\" are invalid: `requests.cpu` must be at most `limits.cpu`",
    ),
    (
        "{producers: [{name: a, resources: {requests: {cpu: many}}}]}",
        "`cpu` is \"many\" and must be a quantity",
    ),
];

const PODS: &[(&str, &str)] = &[
    (
        "{producers: [{name: a, pod: {volumes: [{name: tmp, secret: {secretName: a}}]}}]}",
        "`volumes` of the pods of group \"a\" has \"tmp\", which occurs twice or is the name of one of the operator's",
    ),
    (
        "{database: {managed: {pod: {initContainers: [{name: b, image: b}, {name: b, image: b}]}}}}",
        "`initContainers` of the pods of the database has \"b\", which occurs twice",
    ),
    (
        "{schemaJob: {pod: {volumeMounts: [{name: b, mountPath: /b}]}}}",
        "`volumeMounts` of the pods of the schema Job names \"b\", which is not one of their `volumes`",
    ),
    (
        "{consumers: [{name: a, pod: {initContainers: [{name: b, image: b, volumeMounts: [{name: database, mountPath: /b}]}]}}]}",
        "`volumeMounts` of the pods of group \"a\" names \"database\"",
    ),
    (
        "{consumers: [{name: a, pod: {initContainers: [{name: b, image: b, resources: {limits: {cpu: many}}}]}}]}",
        "`resources` of the init container \"b\" of group \"a\" are invalid: `cpu` is \"many\"",
    ),
    (
        "{database: {external: {secretName: a, tls: VerifyCa, proxyPort: 1}}}",
        "`tls` and `proxyPort` of the external database must not be set together",
    ),
];

const REST: &[(&str, &str)] = &[
    ("{database: {managed: {storage: {size: 1Pi}}}}", "must be a quantity from 1Gi to 64Ti"),
    ("{database: {}}", "`database` must set exactly one of `managed` and `external`"),
    ("{route: {ingress: {anyHost: true, tls: {}}}}", "`host` of the Ingress must be set if `tls` is set"),
    ("{route: {}}", "`route` must set exactly one of `ingress` and `httpRoute`"),
    (
        "{route: {ingress: {anyHost: true}, httpRoute: {anyHost: true, parentRefs: [{name: a}]}}}",
        "`route` must set exactly one of `ingress` and `httpRoute`",
    ),
    ("{route: {ingress: {}}}", "exactly one of `ingress.host` and `anyHost: true` must be set"),
    (
        "{route: {ingress: {host: a, anyHost: true}}}",
        "exactly one of `ingress.host` and `anyHost: true` must be set",
    ),
    (
        "{route: {httpRoute: {parentRefs: [{name: a}]}}}",
        "exactly one of `httpRoute.hostnames` and `anyHost: true` must be set",
    ),
];

#[test]
fn every_rule_has_its_message() {
    for (spec, expected) in GROUPS.iter().chain(TYPES).chain(AMOUNTS).chain(PODS).chain(REST) {
        let message = message(spec);
        assert!(message.contains(expected), "{spec}: {message}");
    }
}

#[test]
fn names_that_can_not_be_part_of_other_names_are_refused() {
    for (name, expected) in [
        ("a-name-that-is-longer-than-thirty", "from 1 to 30 characters"),
        ("1st", "must begin with a letter"),
        ("a.b", "must have only lower-case letters"),
        ("a-producer-b", "must not contain `-producer`"),
    ] {
        let error =
            validate(&parse(&MINIMAL.replace("orders", name)), IMAGE, Timestamp::UNIX_EPOCH).unwrap_err();
        let message = eventpipeline_service::error_chain(&error);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

/// A variable of a container has a maximum size, and the database knows a limited number of types.
#[test]
fn the_types_of_all_groups_are_bounded() {
    let spec = |number: usize, length: usize| {
        let groups = (0..16).map(|group| {
            let types = (0..number).map(|type_| format!("{:0<length$}", format!("g{group}-{type_}x")));
            format!("{{name: g{group}, types: [{}]}}", types.collect::<Vec<_>>().join(", "))
        });
        format!("{{consumers: [{}]}}", groups.collect::<Vec<_>>().join(", "))
    };
    assert!(validate(&with_spec(&spec(62, 95)), IMAGE, Timestamp::UNIX_EPOCH).is_ok());
    assert!(message(&spec(62, 100)).contains("bytes and must take at most 100000"));
    assert!(message(&spec(63, 9)).contains("have 1008 different types and must have at most 1000"));
}
