//! A delivery beside another sender that has moved the cursor meanwhile, such as a node that was paused and lost its lease.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::actors::test_support::settings;
use crate::domain::event::Position;
use crate::domain::id::WebhookEndpointId;
use crate::domain::time::Timestamp;
use crate::domain::user::NewUser;
use crate::engine::{Engine, NewWebhookEndpoint};
use crate::password::HashOptions;
use crate::store::{
    Commit, CursorMove, Fault, FaultyStore, Housekeeping, Store, StoreCall, WebhookProgress, nodes_in_memory,
};
use crate::token::Algorithm;

#[tokio::test]
async fn where_another_sender_has_moved_the_cursor_a_delivery_goes_on_from_there() {
    overlaps([]).await;
}

#[tokio::test]
async fn where_its_results_can_not_be_written_at_first_the_cursor_of_the_other_sender_stays() {
    overlaps([Fault::Refused; 3]).await;
}

/// Two messages are on their way while another sender has delivered both. Then the first is answered, and the commits
/// after it fail like this.
async fn overlaps<const N: usize>(faults: [Fault; N]) {
    let [one, other] = nodes_in_memory();
    let store = Arc::new(FaultyStore::over(one));
    let receiver = Receiver::start().await;
    let builder = Engine::builder().store(store.clone()).settings(settings()).algorithm(Algorithm::EdDsa);
    let engine = builder.hashing(HashOptions::for_tests()).build().await.expect("an engine");
    let input = NewWebhookEndpoint::new(receiver.url.clone(), ["user.created"]);
    let endpoint = engine.webhooks().create(&input).await.expect("an endpoint").id;
    let create = async |name: &str| {
        let user = NewUser {
            skip_user_requirement: true,
            skip_password_requirement: true,
            external_id: Some(name.into()),
            ..NewUser::default()
        };
        // Some commits fail.
        eventually("the user is made", async || engine.users().create(&user).await.is_ok()).await;
        other.last_event().await.expect("a position")
    };
    let first = create("number 1").await;
    eventually("the first is told", async || cursor(&*other, endpoint).await == first).await;

    receiver.hold(&["number 2", "number 3"]);
    create("number 2").await;
    let third = create("number 3").await;
    eventually("both are on their way", async || receiver.got("number 2") && receiver.got("number 3")).await;
    let moved = CursorMove { from: first, to: third.expect("an event") };
    let progress = WebhookProgress {
        endpoint,
        cursor: Some(moved),
        health: None,
        disabled: None,
        done: Vec::new(),
        retries: Vec::new(),
    };
    let noted = Housekeeping { webhooks: vec![progress], ..Housekeeping::default() };
    let noted = other.commit(vec![Commit::of_housekeeping(Timestamp::from_millis(1), noted)]).await.remove(0);
    assert!(noted.is_ok() && cursor(&*other, endpoint).await == third);

    store.take_calls();
    store.fail(faults);
    receiver.hold(&["number 3"]);
    // Also a delivery that stays waits for a second after each failure.
    eventually("its results are written", async || {
        !store.batches(|commit| !commit.housekeeping.webhooks.is_empty()).is_empty()
    })
    .await;
    let fourth = create("number 4").await;
    eventually("the fourth is told", async || cursor(&*other, endpoint).await == fourth).await;
    assert!(receiver.got("number 4"));
    let moves = progress_of(&store, endpoint);
    assert!(moves.iter().flatten().all(|made| Some(made.to) > made.from && made.from >= third), "{moves:?}");
}

/// The stored cursor.
async fn cursor(store: &dyn Store, endpoint: WebhookEndpointId) -> Option<Position> {
    let stored = store.webhook_endpoint(endpoint).await.expect("a read").expect("an endpoint");
    stored.progress.cursor
}

/// How each commit with results of the delivery was to move the cursor.
fn progress_of(store: &FaultyStore, endpoint: WebhookEndpointId) -> Vec<Option<CursorMove>> {
    let commits = store.take_calls().into_iter().flat_map(|call| match call {
        StoreCall::Commit(batch) => batch,
        StoreCall::Read(_) => Vec::new(),
    });
    let progress = commits.flat_map(|commit| commit.housekeeping.webhooks);
    progress.filter(|made| made.endpoint == endpoint).map(|made| made.cursor).collect()
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..1500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not so that {what}");
}

/// Takes webhooks, and answers them at once or when it is told to.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<String>>>,
    held: watch::Sender<Vec<&'static str>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (got, held) = (Arc::<Mutex<Vec<String>>>::default(), watch::Sender::default());
        let (noted, seen) = (got.clone(), held.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, noted.clone(), seen.clone()));
            }
        });
        Self { url, got, held }
    }

    /// Answers those that name one of these only after it is told otherwise.
    fn hold(&self, names: &[&'static str]) {
        self.held.send_replace(names.to_vec());
    }

    /// Whether it got a message that names this.
    fn got(&self, name: &str) -> bool {
        self.got.lock().expect("no panic").iter().any(|message| message.contains(name))
    }
}

async fn answer(mut stream: TcpStream, got: Arc<Mutex<Vec<String>>>, mut held: watch::Receiver<Vec<&'static str>>) {
    let (mut message, mut buffer) = (String::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        message.push_str(&String::from_utf8_lossy(&buffer[..read]));
        // The body is the whole of it once its last brace has come; in tests it comes at once.
        if !message.ends_with('}') {
            continue;
        }
        let message = std::mem::take(&mut message);
        got.lock().expect("no panic").push(message.clone());
        if held.wait_for(|names| !names.iter().any(|name| message.contains(name))).await.is_err() {
            return;
        }
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await);
    }
}
