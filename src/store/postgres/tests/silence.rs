//! Connections that fall silent: the other side is gone, and no packet says so.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

use super::*;

#[tokio::test]
async fn where_one_connection_for_reads_falls_silent_no_read_is_given_to_the_others() {
    let Some(mut options) = fresh() else { return };
    PostgresStore::migrate(&options).await.expect("tables");
    let (silence, port) = proxy(options.url.expose()).await;
    options.url = Secret::new(format!("postgres://vestibule@127.0.0.1:{port}/postgres?sslmode=disable"));
    let config = options.url.expose().parse().expect("a URL");
    let map = Postgres::over(Pool::new(config, None, Names::of(&options.prefix).expect("a word"), true), None);
    let read = async || map.get_many(&[Bytes::from_static(b"a")]).await;
    for _ in 0..READERS {
        assert_eq!(read().await, Ok(vec![None]), "each place has a connection");
    }
    silence.send_replace(true);
    assert!(read().await.is_err(), "it is slow");
    silence.send_replace(false);
    for _ in 0..READERS {
        assert_eq!(read().await, Ok(vec![None]), "and has another one");
    }
}

/// Passes connections on to the server, on a port of this machine. Those that are open when it is told so pass nothing
/// from then on, and stay open.
async fn proxy(url: &str) -> (watch::Sender<bool>, u16) {
    let (_, folder) = url.split_once("host=").expect("a folder");
    let socket = format!("{folder}/.s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let silence = watch::Sender::new(false);
    let told = silence.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (socket, mut is_silent) = (socket.clone(), told.subscribe());
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket).await.expect("a server");
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    () = async { drop(is_silent.wait_for(|is_silent| *is_silent).await) } => std::future::pending().await,
                }
            });
        }
    });
    (silence, port)
}
