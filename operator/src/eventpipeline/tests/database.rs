//! Access to the database, and the Secrets that each pod can read.

use std::collections::BTreeSet;

use insta::assert_yaml_snapshot;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

use super::super::build::build;
use super::super::resources::Resources;
use super::{IMAGE, minimal, parse, prepared, validation, with_spec};

const EXTERNAL: &str = "{database: {external: {secretName: cloud}}}";

fn secret_names(resources: &Resources) -> Vec<String> {
    let secrets = resources.secrets.iter();
    secrets.map(|secret| secret.object.metadata.name.clone().unwrap()).collect()
}

/// Returns the templates of producer, consumer, schema Job and database.
fn templates(resources: &Resources) -> [PodTemplateSpec; 4] {
    [
        resources.producer_deployments[0].spec.clone().unwrap().template,
        resources.consumer_deployments[0].spec.clone().unwrap().template,
        resources.schema_job.spec.clone().unwrap().template,
        resources.mysql_stateful_set.clone().unwrap().spec.unwrap().template,
    ]
}

/// Returns each `SECRET KEY` that a pod has as a file or a variable.
fn knows(template: &PodTemplateSpec) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                let name = object.get("name").or(object.get("secretName")).and_then(Value::as_str);
                for item in object.get("items").and_then(Value::as_array).into_iter().flatten() {
                    found.insert(format!("{} {}", name.unwrap(), item["key"].as_str().unwrap()));
                }
                // No pod mounts a whole Secret.
                assert!(!object.contains_key("secretName"), "{value}");
                object.values().for_each(|value| collect(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&serde_json::to_value(template).unwrap(), &mut found);
    found
}

#[test]
fn the_schema_job_is_told_about_classic_programs() {
    let variables = |spec: &str| {
        let job = prepared(&with_spec(spec)).schema_job.spec.unwrap();
        let env = job.template.spec.unwrap().containers.remove(0).env.unwrap();
        let classic = env.into_iter().filter(|variable| variable.name.starts_with("CLASSIC_"));
        classic.map(|variable| (variable.name, variable.value.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(variables("{}"), []);
    let group = "{name: a, image: a, contract: Classic}";
    let set = |name: &str| (name.to_owned(), "true".to_owned());
    assert_eq!(variables(&format!("{{producers: [{group}]}}")), [set("CLASSIC_PRODUCERS")]);
    assert_eq!(variables(&format!("{{consumers: [{group}, {{name: b}}]}}")), [set("CLASSIC_CONSUMERS")]);
}

#[test]
fn secrets_of_a_minimal_pipeline() {
    let secrets = prepared(&minimal()).secrets;
    let objects: Vec<_> = secrets.iter().map(|secret| &secret.object).collect();
    assert_yaml_snapshot!("minimal_secrets", objects);
    let contents: Vec<_> = secrets.iter().map(|secret| format!("{:?}", secret.content)).collect();
    assert_yaml_snapshot!("minimal_secret_contents", contents);
}

#[test]
fn a_pod_can_read_what_it_needs_and_no_more() {
    let known = templates(&prepared(&minimal())).map(|template| knows(&template));
    let [producer, consumer, schema, mysql] = known.map(|known| known.into_iter().collect::<Vec<_>>());
    let (tls, users) = ("orders-mysql-tls-7f0c-0", "orders-mysql-users-1");
    assert_eq!(producer, [format!("{tls} ca.crt"), format!("{users} producer-password")]);
    assert_eq!(consumer, [format!("{tls} ca.crt"), format!("{users} consumer-password")]);
    assert_eq!(
        schema,
        [
            "orders-mysql-schema password".to_owned(),
            format!("{tls} ca.crt"),
            format!("{users} consumer-password"),
            format!("{users} producer-password"),
        ]
    );
    assert_eq!(
        mysql,
        [
            "orders-mysql root-password".to_owned(),
            "orders-mysql-schema init.sql".to_owned(),
            format!("{tls} ca.crt"),
            format!("{tls} tls.crt"),
            format!("{tls} tls.key"),
        ]
    );
}

/// New passwords replace pods and rerun the schema Job, but leave the database alone.
#[test]
fn new_passwords_do_not_restart_the_database() {
    let of = |generation: u32| {
        prepared(&with_spec(&format!("{{database: {{managed: {{passwordGeneration: {generation}}}}}}}")))
    };
    let (before, after) = (of(1), of(2));
    let changed: Vec<_> =
        templates(&before).iter().zip(&templates(&after)).map(|(before, after)| before != after).collect();
    assert_eq!(changed, [true, true, true, false]);
    assert_ne!(before.schema_job.metadata.name, after.schema_job.metadata.name);
    let (mut before, after) = (secret_names(&before), secret_names(&after));
    before[2] = "orders-mysql-users-2".to_owned();
    assert_eq!(before, after);
}

/// A certificate is replaced everywhere at once before it expires.
#[test]
fn a_new_term_has_a_new_certificate() {
    let created = "metadata: {creationTimestamp: \"2026-01-01T00:00:00Z\", ";
    let pipeline = parse(&super::MINIMAL.replace("metadata: {", created));
    let at = |years: i64| {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let now = now + SignedDuration::from_hours(years * 365 * 24);
        build(&validation::validate(&pipeline, IMAGE, now).unwrap())
    };
    assert_eq!(secret_names(&at(8)), secret_names(&at(0)));
    assert_eq!(secret_names(&at(9))[3], "orders-mysql-tls-7f0c-1");
    let (before, after) = (templates(&at(0)), templates(&at(9)));
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
}

#[test]
fn an_external_database_needs_only_its_secret() {
    let resources = prepared(&with_spec(EXTERNAL));
    assert!(resources.secrets.is_empty());
    assert!(resources.mysql_stateful_set.is_none() && resources.mysql_service.is_none());
    assert_yaml_snapshot!("external_schema_job", resources.schema_job);
    assert_yaml_snapshot!("external_producer_deployments", resources.producer_deployments);
    assert_yaml_snapshot!("external_network_policies", resources.network_policies);
    assert_eq!(resources.disruption_budgets.len(), 2);
}

/// The API server refuses any change of the template.
#[test]
fn the_claim_template_stays_and_the_claim_is_expanded() {
    let pipeline = with_spec("{database: {managed: {storage: {size: 5Gi}}}}");
    let validated = validation::validate(&pipeline, IMAGE, Timestamp::UNIX_EPOCH).unwrap();
    let resources = build(&validated.with_first_size(Some("2Gi".to_owned())));
    let templates = resources.mysql_stateful_set.unwrap().spec.unwrap().volume_claim_templates.unwrap();
    let requests = templates[0].spec.clone().unwrap().resources.unwrap().requests.unwrap();
    assert_eq!(requests["storage"].0, "2Gi");
    let volume = resources.data_volume.unwrap();
    assert_eq!((volume.claim.as_str(), volume.size.to_string().as_str()), ("data-orders-mysql-0", "5Gi"));
}
