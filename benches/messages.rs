//! Messages: what one costs to render, beside the plain text that a format string makes of the same values (`render`); and
//! what messages cost that can't be sent, beside an engine that has sent them (`backlog`): memory, the delay of the other
//! channel, and the rate of sign-ups.
//!
//! `VESTIBULE_BENCH_MESSAGES` is how many messages wait. The targets are about a million.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vestibule::actors::ActorOptions;
use vestibule::delivery::{
    BoxFuture, Envelope, Failure, FailureClass, Message, MessageStyle, MessageTemplates, Outcome, Receipt, Transport,
};
use vestibule::domain::id::MessageId;
use vestibule::domain::identifier::{Identifier, IdentifierKind};
use vestibule::domain::message::Template;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::Attribute;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{AttemptVerification, Caller, Engine, PrepareVerification, RequestContext};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedOptions, EmbeddedStore};

const MESSAGES: usize = 5_000;
const ROUNDS: usize = 7;
const WAITING: usize = 20_000;
const CALLERS: usize = 64;
const BURST: Duration = Duration::from_secs(3);
/// Text messages of one measurement.
const TEXTS: usize = 500;
/// Says to the process that measures itself whether its mail provider is dead.
const IS_DEAD: &str = "VESTIBULE_BENCH_IS_DEAD";

fn main() {
    if let Ok(is_dead) = std::env::var(IS_DEAD) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(measure_itself(is_dead == "true"));
    }
    if support::wanted("render") {
        render();
    }
    if support::wanted("backlog") {
        backlog();
    }
}

fn render() {
    let words = MessageTemplates {
        application: "Acme".into(),
        verify_url: "https://clerk.acme.example/v1/verify".into(),
        accept_url: "https://clerk.acme.example/v1/tickets/accept".into(),
        home_url: Some("https://acme.example".into()),
        support_email: Some("help@acme.example".into()),
        page_host: Some("acme.example".into()),
        style: MessageStyle::default(),
    };
    let mail = Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() };
    let phone = Identifier { kind: IdentifierKind::PhoneNumber, value: "+12025550143".into() };
    let (code, token) = (Secret::new("424242".to_owned()), Secret::new("t".repeat(200)));
    for (what, locale, to, has_link) in [
        ("e-mail with a code, English", "en", &mail, false),
        ("e-mail with a link and a code, Arabic", "ar", &mail, true),
        ("text message", "en", &phone, false),
    ] {
        let (mut rates, mut plain, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let elapsed = support::timed(|| {
                for _ in 0..MESSAGES {
                    let began = Instant::now();
                    let envelope = envelope(to, locale);
                    black_box(match has_link {
                        true => words.link_message(envelope, &token, Some(&code)),
                        false => words.code_message(envelope, &code),
                    });
                    latencies.push(began.elapsed());
                }
            });
            rates.push(support::rate(MESSAGES, elapsed));
            let elapsed = support::timed(|| {
                for _ in 0..MESSAGES {
                    black_box(text(&words, &code));
                }
            });
            plain.push(support::rate(MESSAGES, elapsed));
        }
        support::compare(
            what,
            support::median(rates),
            "a format string of the text alone",
            support::median(plain),
            0.01,
        );
        support::percentiles(&format!("{what} (target 100 µs)"), &mut latencies);
    }
}

/// The text of a code as a program without templates would make it.
fn text(words: &MessageTemplates, code: &Secret<String>) -> String {
    let MessageTemplates { application, home_url, support_email, .. } = words;
    let (home, support) = (home_url.as_deref().unwrap_or_default(), support_email.as_deref().unwrap_or_default());
    let code = code.expose();
    format!(
        "Your verification code for {application} is\n\n    {code}\n\nIt is good for 10 minutes. Do not tell it to anybody. If \
         you did not ask for it, you can ignore this message; without the code nothing happens.\n\n{application}\n{home}\n\
         Questions? Write to {support}\n"
    )
}

fn envelope<'a>(to: &'a Identifier, locale: &'a str) -> Envelope<'a> {
    Envelope {
        phone_channel: None,
        id: MessageId::from_bytes([7; 16]),
        to,
        display_to: &to.value,
        template: Template::VerificationCode,
        origin: None,
        locale: Some(locale),
        created_at: Timestamp::from_millis(1_800_000_000_000),
        expire_at: Timestamp::from_millis(1_800_000_600_000),
    }
}

/// An engine with a dead provider of mails, beside one whose provider took the same mails: both measured in turn.
fn backlog() {
    let mut measured = [false, true].map(Measured::start);
    let waiting = waiting();
    let idle: Vec<Vec<f64>> = measured.iter_mut().map(Measured::next).collect();
    let more = idle[1][0] - idle[0][0];
    println!(
        "{:<44} {:>8.1} MB   beside {:>8.1} MB   {more:>6.1} MB more (target 100)",
        format!("{waiting} mails wait, memory"),
        idle[1][0],
        idle[0][0]
    );
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for dead in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            figures[dead].push(measured[dead].next());
        }
    }
    let column = |dead: usize, at: usize| support::median(figures[dead].iter().map(|round| round[at]).collect());
    for (what, at) in [("p50", 0), ("p99", 1)] {
        let (subject, baseline) = (column(1, at), column(0, at));
        println!(
            "{:<44} {subject:>8.2} ms   beside {baseline:>8.2} ms",
            format!("{waiting} mails wait, text messages, {what}")
        );
    }
    support::compare(
        &format!("{waiting} mails wait, durable sign-ups"),
        column(1, 2),
        "sign-ups/s where none waits",
        column(0, 2),
        0.9,
    );
}

fn waiting() -> usize {
    std::env::var("VESTIBULE_BENCH_MESSAGES").map_or(WAITING, |number| number.parse().expect("a number"))
}

/// A process that measures itself as often as it is asked.
struct Measured {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Measured {
    fn start(is_dead: bool) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let command = command.env(IS_DEAD, is_dead.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program again");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, answers }
    }

    /// The figures of its next measurement.
    fn next(&mut self) -> Vec<f64> {
        let mut line = String::new();
        self.process.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it listens");
        self.answers.read_line(&mut line).expect("it answers");
        line.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// Has the mails made, tells the memory of this process in MB, and then at each line of the input the delay of text
/// messages in ms, p50 and p99, and the sign-ups per second.
async fn measure_itself(is_dead: bool) {
    let folder = tempfile::tempdir_in(".").expect("a folder");
    let options = EmbeddedOptions { durability: Durability::Synced, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(&folder.path().join("store"), &options).expect("a store");
    let (texts, mut settings) = (Arc::new(Texts::default()), support::settings());
    settings.attributes.phone_number =
        Attribute { verifications: vec![Strategy::PhoneCode], ..settings.attributes.email_address.clone() };
    settings.attributes.phone_number.required = false;
    settings.attributes.email_address.required = false;
    let mails: Arc<dyn Transport> = if is_dead { Arc::new(Dead) } else { support::nowhere() };
    // Mails that wait must not expire while it measures.
    let policy = vestibule::domain::policy::Policy { code_ttl: Span::from_secs(86_400), ..support::policy() };
    let actors = ActorOptions { passivate_after: Duration::from_secs(1), ..ActorOptions::default() };
    let builder = Engine::builder().store(Arc::new(store)).settings(settings).policy(policy).actors(actors);
    let builder = builder.email(mails).sms(texts.clone()).source_limits(None);
    let engine = builder.build().await.expect("an engine");
    let asked = engine.clone();
    many(waiting(), move |n| {
        let engine = asked.clone();
        async move {
            let fields = NewSignUp {
                email_address: Some(format!("ada{n}@example.com")),
                strategy: Some(Strategy::EmailCode),
                ..NewSignUp::default()
            };
            begin(&engine, fields).await;
        }
    })
    .await;
    while engine.awake_sign_ups().await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut asked = std::io::stdin().lines();
    let mut said = std::io::stdout();
    let (mut number, mut is_first) = (0, true);
    while asked.next().is_some() {
        let figures = if is_first {
            format!("{:.1}", support::memory("VmRSS"))
        } else {
            let (p50, p99) = texts.delays(&engine).await;
            let rate = sign_ups(&engine, &mut number).await;
            format!("{p50:.3} {p99:.3} {rate:.1}")
        };
        is_first = false;
        writeln!(said, "{figures}").expect("somebody listens");
    }
    engine.shutdown().await;
}

/// Does this many things, some at the same time.
async fn many<F: Future<Output = ()> + Send + 'static>(
    count: usize,
    thing: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) {
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (next, thing) = (next.clone(), thing.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    thing(n).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller");
    }
}

async fn begin(engine: &Engine, fields: NewSignUp) {
    let made = engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await;
    made.expect("a sign-up");
}

/// Complete sign-ups per second. They send nothing.
async fn sign_ups(engine: &Engine, number: &mut usize) -> f64 {
    let (began, first) = (Instant::now(), *number);
    let next = Arc::new(AtomicUsize::new(first));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (engine, next) = (engine.clone(), next.clone());
            tokio::spawn(async move {
                while began.elapsed() < BURST {
                    sign_up(&engine, next.fetch_add(1, Ordering::Relaxed)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller");
    }
    *number = next.load(Ordering::Relaxed);
    support::rate(*number - first, began.elapsed())
}

async fn sign_up(engine: &Engine, n: usize) {
    let context = RequestContext::default();
    let email_address = Some(format!("bob{n}+clerk_test@example.com"));
    let fields = NewSignUp { email_address, ..NewSignUp::default() };
    let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await.expect("a sign-up");
    let token = client.new_token.expect("a token");
    let caller = engine.identify(Some(token.expose())).await.expect("readable");
    let id = sign_up.value.id;
    let prepare = PrepareVerification::new(Strategy::EmailCode);
    engine.sign_ups().prepare(&caller, id, &prepare, &context).await.expect("prepared");
    let attempt = AttemptVerification::code(Strategy::EmailCode, "424242");
    let done = engine.sign_ups().attempt(&caller, id, &attempt, &context).await;
    assert_eq!(done.expect("a right code").0.status, Status::Complete);
}

/// A provider that can't be reached.
struct Dead;

impl Transport for Dead {
    fn deliver<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Outcome> {
        let failure = Failure::new(FailureClass::Unreachable, "nobody is there");
        Box::pin(std::future::ready(Outcome::Unavailable(failure)))
    }
}

/// A provider of text messages that notes how long each was on its way.
#[derive(Default)]
struct Texts {
    asked: Mutex<HashMap<String, Instant>>,
    delays: Mutex<Vec<Duration>>,
}

impl Texts {
    /// The delays of some text messages from the call that asks for them, in ms: p50 and p99.
    async fn delays(&self, engine: &Engine) -> (f64, f64) {
        self.delays.lock().expect("no panic").clear();
        for n in 0..TEXTS {
            let number = format!("+1415555{n:04}");
            self.asked.lock().expect("no panic").insert(number.clone(), Instant::now());
            let fields =
                NewSignUp { phone_number: Some(number), strategy: Some(Strategy::PhoneCode), ..NewSignUp::default() };
            begin(engine, fields).await;
        }
        while self.delays.lock().expect("no panic").len() < TEXTS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut delays = self.delays.lock().expect("no panic").clone();
        delays.sort_unstable();
        let at = |share: usize| delays[(delays.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        (at(50), at(99))
    }
}

impl Transport for Texts {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let asked = self.asked.lock().expect("no panic").remove(&message.to);
        self.delays.lock().expect("no panic").extend(asked.map(|asked| asked.elapsed()));
        Box::pin(std::future::ready(Outcome::Sent(Receipt::default())))
    }
}
