//! Servers with responses that no real pipeline sends.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Starts a handler that rejects every event permanently.
pub(crate) async fn refusing_handler() -> String {
    server(|_| "HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n".to_owned()).await
}

/// Starts a server that answers each path with this JSON.
pub(crate) async fn answering(json: impl Fn(&str) -> &'static str + Clone + Send + 'static) -> String {
    server(move |path| {
        let body = json(path);
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    })
    .await
}

/// Answers requests by their path; each request arrives in one piece.
pub(crate) async fn server(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 65_536];
                while let Ok(length @ 1..) = stream.read(&mut request).await {
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let path = text.split(' ').nth(1).unwrap_or_default();
                    stream.write_all(answer(path).as_bytes()).await.unwrap();
                }
            });
        }
    });
    url
}
