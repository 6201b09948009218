//! Messages and webhooks while the node that sends them dies, or stands still for longer than its turn lasts: each comes, and
//! each copy of one has the same id.

use std::collections::BTreeMap;

use serde_json::json;
use vestibule::store::Store;

use super::cluster::Cluster;
use super::eventually;
use super::person::{Person, SIGN_UPS, Spread, text};
use crate::postgres::cluster::url;
use crate::support::backend::backend;
use crate::support::receiver::{Answering, Receiver};
use crate::support::smtp::{Act, Mail, Script, SmtpServer};

/// Fails where each node sends what is in the outbox.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_by_one_node() {
    let mail_server = SmtpServer::start();
    let Some(cluster) = cluster("one_sender", &mail_server) else { return };
    let nodes = cluster.endpoints();
    for index in 0..MESSAGES {
        begin(&format!("ada{index}"), &mut Spread::over(&nodes, index));
    }
    mail_server.mail(MESSAGES).await;
    let store = cluster.store().await;
    while !store.outbox(None, 1).await.expect("a read").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(mail_server.taken().len(), MESSAGES, "{:?}", copies(&mail_server.taken()));
}

/// Fails where a message ends with the node that was sending it, or where the next node sends another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_sender_dies_before_it_noted_it_comes_again_with_its_id() {
    let mail_server = SmtpServer::start();
    let Some(mut cluster) = cluster("sender_dies", &mail_server) else { return };
    let (person, sender) = half_sent(&cluster, &mail_server, "ada").await;
    cluster.nodes[sender].kill();
    mail_server.follow(Script::new());
    let taken = mail_server.mail(2).await;
    assert_eq!(copies(&taken).len(), 1, "other messages: {taken:?}");
    let left: Vec<_> = cluster.endpoints();
    completes(&person, &taken[1], &mut Spread::over(&left, 0));
    cluster.nodes[sender].start();
}

/// Fails where a node that wakes up takes for its own what another one has done meanwhile, or where all wait for it for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_sender_stands_still_is_sent_by_another_and_no_more_when_it_goes_on() {
    let mail_server = SmtpServer::start();
    let Some(cluster) = cluster("sender_stands", &mail_server) else { return };
    let (person, sender) = half_sent(&cluster, &mail_server, "ada").await;
    cluster.nodes[sender].pause();
    mail_server.follow(Script::new());
    let taken = mail_server.mail(2).await;
    let others: Vec<_> = (0..3).filter(|index| *index != sender).map(|index| cluster.nodes[index].endpoint()).collect();
    let store = cluster.store().await;
    while !store.outbox(None, 1).await.expect("a read").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    cluster.nodes[sender].go_on();
    eventually("it goes on", || cluster.nodes[sender].is_ready());
    completes(&person, &taken[1], &mut Spread::over(&others, 0));
    // The one that went on sends what is new like any other, and nothing that is old.
    for index in 0..MESSAGES {
        begin(&format!("eve{index}"), &mut Spread::to(cluster.nodes[sender].endpoint()));
    }
    let taken = mail_server.mail(2 + MESSAGES).await;
    let copies = copies(&taken);
    assert_eq!(copies.len(), 1 + MESSAGES, "{copies:?}");
}

/// Fails where a webhook ends with the node that was sending it.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_whose_sender_dies_comes_again_with_its_id() {
    let receiver = Receiver::start(Answering::Never).await;
    let Some(mut cluster) = Cluster::start("webhooks", super::CODES) else { return };
    let body = json!({ "url": receiver.url(), "events": ["user.created"] });
    let made = backend(&cluster.nodes[0].endpoint(), "POST", "/v1/webhooks/endpoints", &body);
    assert_eq!(made.status, 200, "{}", made.body);
    let nodes = cluster.endpoints();
    let mut person = Person::opened("ada", &mut Spread::over(&nodes, 0));
    person.finish(&mut Spread::over(&nodes, 1));
    receiver.wait_for_count(1).await;
    // Two of three, of which one is most likely the sender; the third one's own attempt ends by its time.
    cluster.nodes[0].kill();
    cluster.nodes[1].kill();
    receiver.answer(Answering::Status(200));
    let got = receiver.wait_for_count(2).await;
    assert!(got.iter().all(|each| each.id() == got[0].id() && each.what() == "user.created"));
    assert_eq!(Some(text(&got[1].event()["data"]["id"])), person.user);
}

/// Nodes that send by this server, each under a name of its own.
fn cluster(name: &str, mail_server: &SmtpServer) -> Option<Cluster> {
    let port = mail_server.options().port;
    let config = |node: usize| {
        format!(
            "{}email.transport = \"smtp\"\nemail.host = \"127.0.0.1\"\nemail.port = {port}\nemail.security = \"none\"\n\
             email.from = \"Acme <no-reply@acme.example>\"\nemail.hello_name = \"{NODE}{node}.example\"\n",
            super::CODES
        )
    };
    let url = url()?;
    let (_, folder) = url.split_once("host=").expect("a folder");
    Some(Cluster::over(&super::database::socket_in(folder.as_ref()), name, config))
}

/// A person to whom a message was sent that its sender does not know to have arrived; and which node that is.
async fn half_sent(cluster: &Cluster, mail_server: &SmtpServer, name: &str) -> (Person, usize) {
    mail_server.follow(vec![("text", Act::FallSilent)]);
    let person = begin(name, &mut Spread::over(&cluster.endpoints(), 0));
    mail_server.mail(1).await;
    let commands = mail_server.commands();
    let node = commands.iter().rev().find_map(|command| command.split_once(NODE)?.1.chars().next()?.to_digit(10));
    (person, node.expect("a node has greeted") as usize)
}

/// Begins a sign-up of an address that gets mail.
fn begin(name: &str, nodes: &mut Spread) -> Person {
    let mut person = Person { address: format!("{name}@example.com"), ..Person::default() };
    let form = format!("email_address={}&strategy=email_code", person.address);
    let made = nodes.ask("POST", SIGN_UPS, "", &form);
    assert_eq!(made.status, 200, "{}", made.body);
    person.id = text(&made.json()["response"]["id"]);
    person.token = made.header("authorization").expect("a token").to_owned();
    person
}

/// The code in the mail is good.
fn completes(person: &Person, mail: &Mail, nodes: &mut Spread) {
    let subject = mail.data.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject");
    let code: String = subject.chars().take_while(char::is_ascii_digit).collect();
    let done = person.attempt(nodes, &code);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

/// How many copies came of each message, by its id.
fn copies(taken: &[Mail]) -> BTreeMap<String, usize> {
    let mut copies = BTreeMap::new();
    for mail in taken {
        let id = mail.data.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id");
        *copies.entry(id.to_owned()).or_default() += 1;
    }
    copies
}

/// What the names begin with under which nodes greet the mail server.
const NODE: &str = "node-";
const MESSAGES: usize = 12;
