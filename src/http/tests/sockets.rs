//! What a client may take its time with, on a real socket. The clock is tokio's, paused: waiting costs nothing.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::shutdown::bound;

/// Sends `bytes`, then waits for the end of the connection.
async fn until_closed(bytes: &[&[u8]]) -> (Duration, String) {
    let (_app, address, _ended) = bound(&["--header-read-timeout", "10s", "--keep-alive-timeout", "75s"]).await;
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    for part in bytes {
        stream.write_all(part).await.unwrap();
    }
    let mut answer = Vec::new();
    timeout(Duration::from_secs(3600), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    (start.elapsed(), String::from_utf8(answer).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_whole_request_is_closed() {
    let starts: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET /healthz HTTP/1.1\r\nhost: loc"];
    for start in starts {
        let (time, answer) = until_closed(&[start]).await;
        assert_eq!((time.as_secs(), answer.as_str()), (10, ""), "{start:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_longer_than_load_balancers_do() {
    let (time, answer) = until_closed(&[b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!((75..=76).contains(&time.as_secs()), "{time:?}");
}
