//! Hostile connections: it stays up, answers others, and closes them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::binary::{Binary, log_of};
use crate::support::endpoint::Endpoint;
use crate::support::server::Server;

#[test]
fn heads_that_drip_are_cut_while_others_are_answered() {
    const DRIPPING: usize = 64;
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), "[server]\nheader_timeout_ms = 1000\n");
    thread::scope(|scope| {
        let dripping: Vec<_> = (0..DRIPPING).map(|_| connect(&server)).map(|s| scope.spawn(|| drip(s))).collect();
        let mut answered = 0;
        while dripping.iter().any(|one| !one.is_finished()) {
            let live = server.request("GET", "/health/live", &[], "").expect("an answer beside them");
            assert_eq!(live.status, 200);
            answered += 1;
        }
        assert!(answered > 0);
        for one in dripping {
            let sent = one.join().expect("a connection");
            assert!(sent > 1, "it was cut after {sent} bytes, before it could drip");
        }
    });
    assert_alive(&server, &folder);
}

#[test]
fn silent_connections_that_take_all_places_make_room_for_a_request() {
    const PLACES: usize = 8;
    let folder = TempDir::new().expect("a folder");
    let config = format!("[server]\nmax_connections = {PLACES}\nheader_timeout_ms = 20000\n");
    let server = Server::start(folder.path(), &config);
    let held: Vec<TcpStream> = (0..PLACES).map(|_| kept(&server)).collect();
    assert_eq!(server.request("GET", "/health/live", &[], "").expect("an answer").status, 200);
    let flood: Vec<TcpStream> = (0..4 * PLACES).map(|_| connect(&server)).collect();
    assert_eq!(server.request("GET", "/health/live", &[], "").expect("an answer").status, 200);
    drop((held, flood));
    assert_alive(&server, &folder);
}

#[test]
fn a_connection_without_a_byte_is_closed_after_the_header_timeout() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), "[server]\nheader_timeout_ms = 300\n");
    assert_eq!(read(&mut connect(&server)), "", "a silent one");
    assert!(read(&mut kept(&server)).contains("live"), "a kept one, after its answer");
    assert_alive(&server, &folder);
}

#[test]
fn more_connections_than_descriptors_neither_end_the_process_nor_keep_others_out() {
    const DESCRIPTORS: usize = 256;
    let folder = TempDir::new().expect("a folder");
    // The soft limit is raised to the hard one at the start.
    let limit = format!("ulimit -Sn {} && ulimit -Hn {DESCRIPTORS}", DESCRIPTORS / 2);
    let server = Binary::start_after(&limit, folder.path(), "[server]\nheader_timeout_ms = 60000\n");
    let mut flood = Vec::new();
    for _ in 0..6 {
        flood.extend((0..DESCRIPTORS / 2).map(|_| connect(&server)));
        assert_eq!(server.request("GET", "/health/ready", &[], "").expect("an answer in the flood").status, 200);
        let made = server.native("POST", "/v1/client", "", "").expect("an answer in the flood");
        assert_eq!(made.status, 200, "{}", made.body);
    }
    drop(flood);
    assert_alive(&server, &folder);
    let log = log_of(folder.path());
    assert!(log.contains("connections=160") && !log.contains("Too many open files"), "{log}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn one_source_gets_its_share_of_connections_and_others_theirs() {
    const SHARE: usize = 4;
    let folder = TempDir::new().expect("a folder");
    let config = format!("[server]\nconnections_per_source = {SHARE}\nheader_timeout_ms = 20000\n");
    let server = Server::start(folder.path(), &config);
    let mut held: Vec<TcpStream> = (0..2 * SHARE).map(|_| kept(&server)).collect();
    let open = held.iter_mut().map(is_open_past_its_answer).filter(|open| *open).count();
    assert_eq!(open, SHARE, "the most silent ones left for the later ones");
    assert_eq!(server.request("GET", "/health/live", &[], "").expect("an answer").status, 200);
    assert_alive(&server, &folder);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a server ends in real time")]
fn the_end_waits_for_begun_answers_and_for_nobody_who_is_stuck() {
    const DRAIN: Duration = Duration::from_secs(8);
    let folder = TempDir::new().expect("a folder");
    let config =
        "[server]\ndrain_timeout_s = 8\nheader_timeout_ms = 60000\nbody_timeout_ms = 60000\nwrite_timeout_ms = 60000\n";
    let server = Server::start(folder.path(), config);
    let stuck: Vec<TcpStream> = thread::scope(|scope| {
        let stuck: Vec<_> = (0..20).map(|_| scope.spawn(|| stuck_reader(&server))).collect();
        stuck.into_iter().map(|one| one.join().expect("a connection")).collect()
    });
    let idle: Vec<TcpStream> = (0..5).map(|_| kept(&server)).chain((0..5).map(|_| connect(&server))).collect();
    let mut half = connect(&server);
    half.write_all(b"POST /v1/client HTTP/1.1\r\nhost: local").expect("bytes are taken");
    let mut begun = connect(&server);
    let form = "email_address=ada%40example.com";
    let head = format!(
        "POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n",
        form.len()
    );
    let (first, rest) = form.split_at(10);
    thread::sleep(Duration::from_millis(1500));
    begun.write_all(format!("{head}{first}").as_bytes()).expect("bytes are taken");
    thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    server.ask_to_end();
    thread::sleep(Duration::from_millis(100));
    begun.write_all(rest.as_bytes()).expect("bytes are taken");
    let answer = read(&mut begun);
    assert_eq!(server.terminate(), Some(0));
    let took = asked.elapsed();
    assert!(took < DRAIN, "{took:?}: {}", log_of(folder.path()));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop((stuck, idle, half));
}

#[test]
fn a_body_that_never_ends_is_answered_408() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), "[server]\nbody_timeout_ms = 500\n");
    for framing in ["content-length: 1000", "transfer-encoding: chunked"] {
        let mut stream = connect(&server);
        let head = format!(
            "POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head is taken");
        let mut dripping = stream.try_clone().expect("a second handle");
        let byte: &[u8] = if framing.contains("chunked") { b"1\r\na\r\n" } else { b"a" };
        let answer = thread::scope(|scope| {
            scope.spawn(move || while dripping.write_all(byte).is_ok() && pause() {});
            let answer = read(&mut stream);
            drop(stream.shutdown(std::net::Shutdown::Both));
            answer
        });
        assert!(answer.starts_with("HTTP/1.1 408 "), "{framing}: {answer}");
        assert!(answer.contains("\"request_timeout\""), "{framing}: {answer}");
    }
    assert_alive(&server, &folder);
}

#[test]
fn garbage_behind_a_request_ends_the_connection_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), "[server]\nheader_timeout_ms = 1000\n");
    let good = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for garbage in [
        "\0\u{1}\u{2} nonsense\r\n\r\n",
        "GET /health/live HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nhost localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let mut stream = connect(&server);
        stream.write_all(format!("{good}{good}{garbage}").as_bytes()).expect("bytes are taken");
        let answers = read(&mut stream);
        let statuses: Vec<&str> =
            answers.split("HTTP/1.1 ").skip(1).map(|answer| answer.get(..3).unwrap_or(answer)).collect();
        assert_eq!(statuses, ["200", "200", "400"], "{garbage:?}: {answers}");
    }
    // hyper sends this answer by itself, without a body.
    for _ in 0..64 {
        connect(&server).write_all(&[0xFF; 512]).expect("bytes are taken");
    }
    assert_alive(&server, &folder);
}

/// Sends an endless request head byte by byte until the connection is closed; returns the number of bytes.
fn drip(mut stream: TcpStream) -> usize {
    let head = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-drip: ";
    let mut sent = 0;
    for byte in head.iter().chain(std::iter::repeat(&b'a')) {
        assert!(sent < 10_000, "it was never cut");
        if stream.write_all(&[*byte]).is_err() || !is_open(&mut stream) {
            break;
        }
        sent += 1;
    }
    sent
}

/// Whether no answer came within a short time, which is also the pause between bytes.
fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(25))).expect("a timeout");
    let read = stream.read(&mut [0; 256]);
    read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Whether a connection stays open after its answer.
fn is_open_past_its_answer(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    loop {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

/// Sends requests and reads no answer until the server reads no more.
fn stuck_reader(server: &Endpoint) -> TcpStream {
    let mut stream = connect(server);
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let request = b"GET /v1/environment HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(64);
    let taken = (0..10_000).take_while(|_| stream.write_all(&request).is_ok()).count();
    assert!(taken < 10_000, "somebody took all of it");
    stream
}

fn pause() -> bool {
    thread::sleep(Duration::from_millis(25));
    true
}

/// An open connection with one request answered.
fn kept(server: &Endpoint) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("a request is taken");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 200");
    stream
}

/// Reads until the server closes or resets the connection.
fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn connect(server: &Endpoint) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

fn assert_alive(server: &Endpoint, folder: &TempDir) {
    assert_eq!(server.request("GET", "/health/ready", &[], "").expect("an answer").status, 200);
    let log = log_of(folder.path());
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
