//! People who sign up at nodes that come and go, and clients that go on at another node where one does not answer.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::endpoint::{Answer, Endpoint};

/// Nodes as a client behind a careless balancer meets them: each request goes to any of them, and one without an answer is
/// made again at any.
pub(super) struct Spread {
    nodes: Vec<Endpoint>,
    random: u64,
    /// How often a request had to be made again.
    pub(super) again: usize,
}

impl Spread {
    /// Over these nodes; `seed` decides which request goes where.
    pub(super) fn over(nodes: &[Endpoint], seed: usize) -> Self {
        Self { nodes: nodes.to_vec(), random: (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), again: 0 }
    }

    /// One node alone.
    pub(super) fn to(node: Endpoint) -> Self {
        Self::over(&[node], 0)
    }

    /// The answer of the first node that has one. 503 asks the client to try again; 502 and 504 are what a balancer says of
    /// a node that is gone.
    pub(super) fn ask(&mut self, method: &str, path: &str, token: &str, form: &str) -> Answer {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.any().native(method, path, token, form) {
                Ok(answer) if !(502..=504).contains(&answer.status) => return answer,
                Ok(answer) => last = answer.body,
                Err(error) => last = error.to_string(),
            }
            self.again += 1;
            thread::sleep(PAUSE);
        }
        panic!("no node answers {method} {path}: {last}")
    }

    /// Any of them.
    pub(super) fn any(&mut self) -> Endpoint {
        let index = self.below(self.nodes.len() as u64);
        self.nodes[index as usize]
    }

    /// Any number below this one.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // Xorshift: enough to choose a node.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }
}

/// Somebody who signs up, and what the nodes have told them so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    /// As it is written in a form.
    pub(super) address: String,
    pub(super) id: String,
    pub(super) token: String,
    pub(super) wrong: u64,
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
}

impl Person {
    /// Somebody with a test address of this name.
    pub(super) fn named(name: &str) -> Self {
        Self { address: format!("{name}%2Bclerk_test@example.com"), ..Self::default() }
    }

    /// The address as the store knows it.
    pub(super) fn plain_address(&self) -> String {
        self.address.replace("%2B", "+")
    }

    /// Begins a sign-up.
    pub(super) fn begin(&mut self, nodes: &mut Spread) {
        let made = nodes.ask("POST", SIGN_UPS, "", &format!("email_address={}", self.address));
        assert_eq!(made.status, 200, "{}", made.body);
        self.id = text(&made.json()["response"]["id"]);
        self.token = made.header("authorization").expect("a token").to_owned();
    }

    /// Has a code sent.
    pub(super) fn prepare(&self, nodes: &mut Spread) {
        let sent = self.post(nodes, "prepare_verification", "strategy=email_code");
        assert_eq!(sent.status, 200, "{}", sent.body);
    }

    /// Begins, and has a code sent.
    pub(super) fn opened(name: &str, nodes: &mut Spread) -> Self {
        let mut person = Self::named(name);
        person.begin(nodes);
        person.prepare(nodes);
        person
    }

    /// Tries a code.
    pub(super) fn attempt(&self, nodes: &mut Spread, code: &str) -> Answer {
        self.post(nodes, "attempt_verification", &format!("strategy=email_code&code={code}"))
    }

    /// Tries a wrong code.
    pub(super) fn guess(&mut self, nodes: &mut Spread) {
        assert_eq!(self.attempt(nodes, WRONG).error_codes(), ["form_code_incorrect"]);
        self.wrong += 1;
    }

    /// Tries the right code, which makes a user.
    pub(super) fn finish(&mut self, nodes: &mut Spread) {
        let done = self.attempt(nodes, RIGHT);
        self.note_completion(&done);
    }

    /// Notes what the answer to the right code says.
    pub(super) fn note_completion(&mut self, done: &Answer) {
        assert_eq!(done.status, 200, "{}", done.body);
        let sign_up = &done.json()["response"];
        assert_eq!(sign_up["status"], "complete", "{sign_up}");
        let user = text(&sign_up["created_user_id"]);
        assert!(self.user.as_ref().is_none_or(|known| *known == user), "{:?} and {user}", self.user);
        (self.user, self.session) = (Some(user), Some(text(&sign_up["created_session_id"])));
        self.token = done.header("authorization").unwrap_or(&self.token).to_owned();
    }

    /// The sign-up as a node shows it.
    pub(super) fn sign_up(&self, nodes: &mut Spread) -> Value {
        let shown = nodes.ask("GET", &format!("{SIGN_UPS}/{}", self.id), &self.token, "");
        assert_eq!(shown.status, 200, "{}", shown.body);
        shown.json()["response"].clone()
    }

    /// All that was acknowledged is there, seen by any of these nodes.
    pub(super) fn check(&self, nodes: &mut Spread) {
        if self.id.is_empty() {
            return;
        }
        let Some(user) = &self.user else {
            let tried = &self.sign_up(nodes)["verifications"]["email_address"]["attempts"];
            assert!(tried.as_u64().unwrap_or_default() >= self.wrong, "{self:?}: {tried}");
            return;
        };
        let me = nodes.ask("GET", "/v1/me", &self.token, "").json();
        assert_eq!(me["response"]["id"].as_str(), Some(user.as_str()), "{me}");
        let client = nodes.ask("GET", "/v1/client", &self.token, "").json();
        let sessions = client["response"]["sessions"].as_array().expect("sessions").iter();
        let found: Vec<_> = sessions.map(|session| (text(&session["id"]), text(&session["status"]))).collect();
        assert_eq!(found, [(self.session.clone().expect("one"), "active".to_owned())], "{client}");
    }

    fn post(&self, nodes: &mut Spread, verb: &str, form: &str) -> Answer {
        nodes.ask("POST", &format!("{SIGN_UPS}/{}/{verb}", self.id), &self.token, form)
    }
}

/// Does all of these at the same moment, each on a thread of its own.
pub(super) fn at_once<T: Send, W: FnOnce() -> T + Send>(works: Vec<W>) -> Vec<T> {
    let barrier = &Barrier::new(works.len());
    thread::scope(|scope| {
        let begin = |work: W| {
            scope.spawn(move || {
                barrier.wait();
                work()
            })
        };
        let begun: Vec<_> = works.into_iter().map(begin).collect();
        begun.into_iter().map(|work| work.join().expect("no panic")).collect()
    })
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The code of test addresses, and another one.
pub(super) const RIGHT: &str = "424242";
pub(super) const WRONG: &str = "111111";
pub(super) const SIGN_UPS: &str = "/v1/client/sign_ups";
/// A client tries for half a minute.
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_millis(50);
