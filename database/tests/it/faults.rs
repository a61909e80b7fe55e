//! A session whose server is killed.

use eventpipeline_database::{Creation, Error, NewEvent};
use eventpipeline_testkit::{Database as Server, Engine, Options};

use crate::support::{Fixture, create};
use eventpipeline_testkit::eventually;

#[tokio::test]
async fn a_killed_server_loses_no_acknowledged_event_and_the_session_continues() {
    for engine in Engine::all() {
        let server = Server::start_with(engine, Options { durable: true, ..Options::default() }).await;
        let fixture = Fixture::new(&server).await;
        let mut session = fixture.session();
        assert_eq!(create(&mut session, 3).await, [1, 2, 3]);

        server.kill9();
        let error = session.create(&[Creation::one(NewEvent::default())]).await.unwrap_err();
        assert!(matches!(error, Error::Query { .. } | Error::Connect { .. }), "{error:?}");
        assert!(matches!(session.count().await, Err(Error::Connect { .. })));

        server.restart().await;
        let count = eventually(async || session.count().await.ok()).await;
        assert_eq!(count, 3);
        assert_eq!(create(&mut session, 1).await, [4]);
    }
}
