//! Database users: their privileges, and the succession of generations.

mod grants;
mod managed;

use std::time::Duration;

use eventpipeline_database::{Classic, Error, Role};
use eventpipeline_testkit::{Engine, Options, eventually};

use crate::support::create;
use managed::Managed;

/// A period longer than a program needs to reconnect.
const QUIET: Duration = Duration::from_millis(200);

#[tokio::test]
async fn the_password_in_the_init_file_is_the_valid_one() {
    for engine in Engine::all() {
        let managed = Managed::start(engine).await;
        managed.schema("first").migrate().await.unwrap();
        assert!(matches!(managed.schema("second").migrate().await, Err(Error::Connect { .. })));

        managed.write_init_file("second");
        managed.server.restart().await;
        managed.schema("second").migrate().await.unwrap();
        assert!(matches!(managed.schema("first").migrate().await, Err(Error::Connect { .. })));
    }
}

#[tokio::test]
async fn another_generation_is_dropped_once_it_is_unused() {
    for engine in Engine::all() {
        let managed = Managed::start(engine).await;
        let schema = managed.with_schema().await;
        schema.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
        let mut old = managed.program(Role::Producer, 1).session();
        assert_eq!(create(&mut old, 1).await, [1]);

        schema.grant(&Managed::accounts(2), Classic::default()).await.unwrap();
        schema.grant(&Managed::accounts(3), Classic::default()).await.unwrap();
        let retiring = tokio::spawn({
            let schema = schema.clone();
            async move { schema.retire(2, QUIET).await }
        });
        // Both generations coexist while the old one is connected.
        let mut new = managed.program(Role::Producer, 2).session();
        let begun = std::time::Instant::now();
        while begun.elapsed() < 3 * QUIET {
            create(&mut old, 1).await;
            create(&mut new, 1).await;
        }
        managed.program(Role::Producer, 1).session().ping().await.unwrap();
        assert!(!retiring.is_finished());

        old.close().await;
        assert_eq!(retiring.await.unwrap().unwrap(), 4);
        for role in Role::ALL {
            // A later generation belongs to a pipeline that used this volume before.
            for gone in [1, 3] {
                let refused = managed.program(role, gone).session().ping().await;
                assert!(matches!(refused, Err(Error::Connect { .. })), "{refused:?}");
            }
            managed.program(role, 2).session().ping().await.unwrap();
        }
        create(&mut new, 1).await;
        assert_eq!(schema.retire(2, QUIET).await.unwrap(), 0);
    }
}

/// Before each kind of program had its own user, all programs shared one, which the image created.
#[tokio::test]
async fn the_former_shared_user_is_also_dropped() {
    let managed = Managed::start(Engine::MySql).await;
    let schema = managed.with_schema().await;
    managed.sql("CREATE USER eventpipeline@'%' IDENTIFIED BY 'secret'").await.unwrap();
    managed.sql("GRANT ALL ON eventpipeline.* TO eventpipeline@'%'").await.unwrap();
    let former = managed.database("eventpipeline", "secret");
    former.session().ping().await.unwrap();
    schema.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
    assert_eq!(schema.retire(1, QUIET).await.unwrap(), 1);
    assert!(former.session().ping().await.is_err());
}

#[tokio::test]
async fn a_repeated_grant_does_not_disturb_connected_programs() {
    let managed = Managed::start(Engine::MySql).await;
    let schema = managed.with_schema().await;
    schema.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
    let mut producer = managed.program(Role::Producer, 1).session();
    let granting = tokio::spawn({
        let (schema, accounts) = (schema.clone(), Managed::accounts(1));
        async move { schema.grant(&accounts, Classic::default()).await }
    });
    while !granting.is_finished() {
        create(&mut producer, 1).await;
    }
    granting.await.unwrap().unwrap();
    create(&mut producer, 1).await;
    eventually(async || managed.program(Role::Producer, 1).session().ping().await.ok()).await;
}

/// The schema's user has no SUPER privilege, and the managed server has a binary log.
#[tokio::test]
async fn the_counters_trigger_requires_a_server_that_trusts_it_and_does_not_disturb_producers() {
    let start = async |trusts: &str| {
        let arguments = vec![format!("--log-bin-trust-function-creators={trusts}")];
        Managed::start_with(Engine::MySql, Options { durable: true, arguments, ..Options::default() }).await
    };
    let classic = Classic { producers: true, consumers: false };
    let wary = start("OFF").await;
    let refused = wary.with_schema().await.apply_classic_support(classic).await.unwrap_err();
    assert!(refused.to_string().contains("log_bin_trust_function_creators = 1"), "{refused}");

    let managed = start("ON").await;
    let schema = managed.with_schema().await;
    schema.apply_classic_support(classic).await.unwrap();
    schema.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
    let mut producer = managed.program(Role::Producer, 1).session();
    create(&mut producer, 3).await;
    managed.sql("UPDATE DBStatus SET id = 1").await.unwrap();
    assert_eq!(producer.count().await.unwrap(), 3);
    assert_eq!(create(&mut producer, 1).await, [4]);
}
