//! Answers of `/health/ready` while the store refuses commits, and afterwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use url::Url;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::engine::{Caller, Engine, NotReady, RequestContext};
use vestibule::http::{App, HttpOptions, bind};
use vestibule::store::{CommitError, KeyValue, KvStore, Memory, StoreError, Write};

#[tokio::test]
async fn an_instance_that_cant_commit_says_so_until_it_can() {
    let full = Arc::new(AtomicBool::new(false));
    let engine = engine(&full).await;
    let site = Site::of(&engine).await;
    assert_eq!(site.get("/health/ready").await.0, 200);
    full.store(true, Ordering::SeqCst);
    create(&engine).await.expect_err("no room");
    let (status, body) = site.get("/health/ready").await;
    let error = &body["errors"][0];
    assert_eq!((status, error["code"].as_str()), (503, Some("service_unavailable")), "{body}");
    assert!(error["long_message"].as_str().is_some_and(|m| m.contains("commits fail")), "{body}");
    assert_eq!(site.get("/health/live").await.0, 200);
    assert_eq!(engine.readiness(), Err(NotReady::CommitsFail));
    assert!(!engine.has_failed(), "that is no reason to end the process");
    // No more commits are made: the engine must recover by itself.
    full.store(false, Ordering::SeqCst);
    let ready = async {
        while !engine.is_ready() {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ready).await.expect("it is ready again");
    assert_eq!(site.get("/health/ready").await.0, 200);
    create(&engine).await.expect("room");
    site.end().await;
    engine.shutdown().await;
}

async fn engine(full: &Arc<AtomicBool>) -> Engine {
    let mut settings = Settings::default();
    settings.attributes.email_address = Attribute { enabled: true, ..Attribute::default() };
    let store = KvStore::over(Filling { memory: Memory::default(), full: full.clone() });
    Engine::builder().store(Arc::new(store)).settings(settings).build().await.expect("an engine")
}

async fn create(engine: &Engine) -> Result<(), vestibule::engine::EngineError> {
    let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
    engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await.map(drop)
}

/// A store on a simulated disk that can be full.
struct Filling {
    memory: Memory,
    full: Arc<AtomicBool>,
}

impl KeyValue for Filling {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.memory.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.memory.scan(prefix, from, limit)
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.memory.scan_back(prefix, below, limit)
    }

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(CommitError::Unavailable);
        }
        self.memory.append(groups, relaxed)
    }

    fn close(&self) {}

    fn blocks(&self) -> bool {
        false
    }
}

/// The engine over HTTP.
struct Site {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

impl Site {
    async fn of(engine: &Engine) -> Self {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let mut options = HttpOptions::new(url, engine.publishable_key(), false);
        options.listen = vec![([127, 0, 0, 1], 0).into()];
        let server = bind(&options).await.expect("a port");
        let address = server.local_addrs()[0];
        let app = Arc::new(App::new(engine.clone(), options, None));
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(server.serve(app, async { drop(ended.await) }));
        Self { address, end, serving }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head[9..12].parse().expect("a status"), serde_json::from_str(body).expect("JSON"))
    }

    async fn end(self) {
        self.end.send(()).expect("it serves");
        self.serving.await.expect("no panic");
    }
}
