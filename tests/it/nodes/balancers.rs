//! The samples of configuration for balancers, with the balancers that they are for.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::cluster::Cluster;
use super::deaths::{check_all, under_load, wait_until};
use super::kept::Kept;
use super::person::{Person, SIGN_UPS, Spread};
use super::{CODES, eventually};
use crate::support::endpoint::Endpoint;
use crate::support::require;

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_up_through_haproxy_while_a_node_dies() {
    let Some(program) = found("haproxy") else { return };
    survives_the_death_of_a_node("haproxy", include_str!("../../../config/haproxy.cfg"), |file, _| {
        let mut command = Command::new(&program);
        command.arg("-db").arg("-f").arg(file);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_up_through_nginx_while_a_node_dies() {
    let Some(program) = found("nginx") else { return };
    survives_the_death_of_a_node("nginx", include_str!("../../../config/nginx.conf"), |file, folder| {
        let globals = format!("daemon off; master_process off; pid {0}/pid; error_log {0}/errors;", folder.display());
        let mut command = Command::new(&program);
        command.arg("-p").arg(folder).arg("-c").arg(file).arg("-g").arg(globals);
        command
    })
    .await;
}

/// Fails where the balancer sends requests to a node that is gone, repeats what may not be repeated, or passes on what a client
/// says of itself.
async fn survives_the_death_of_a_node(name: &str, sample: &str, command: impl Fn(&Path, &Path) -> Command) {
    let config = format!("{CODES}server.trusted_proxies = [\"127.0.0.1\"]\n");
    let Some(mut cluster) = Cluster::start(name, &config) else { return };
    let balancer = Balancer::start(sample, &cluster.endpoints(), command);
    let (site, number) = ([balancer.endpoint], AtomicUsize::new(0));
    let (people, _) = under_load(&site, &number, |done| {
        wait_until(done, PEOPLE);
        cluster.nodes[0].kill_in_place();
        let before = done.load(Ordering::SeqCst);
        wait_until(done, before + PEOPLE);
    });
    check_all(&people, &site);
    // It knows by now that the node is gone.
    let again = |index: usize| {
        let mut spread = Spread::over(&site, index);
        Person::opened(&format!("eve{index}"), &mut spread).finish(&mut spread);
        spread.again
    };
    let mut index = 0;
    eventually("no request meets the dead node", || {
        index += 10;
        (index..index + 10).map(again).sum::<usize>() == 0
    });
    // The address of its client is seen, and not the one that the client claims to have.
    ask_from("127.0.0.7:0", balancer.endpoint).await;
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    let kept = Kept::read(&cluster.store().await).await;
    let sources = kept.events.iter().filter_map(|event| event.end_user.as_ref()?.address);
    let seen: BTreeSet<String> = sources.map(|address| address.to_string()).collect();
    assert_eq!(seen, BTreeSet::from(["127.0.0.1".to_owned(), "127.0.0.7".to_owned()]));
}

/// Begins a sign-up from this address, with headers of a client that claims to be another.
async fn ask_from(address: &str, site: Endpoint) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(address.parse().expect("an address")).expect("an address of this machine");
    let mut stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], site.port))).await.expect("a connection");
    let form = "email_address=mary@example.com";
    let request = format!(
        "POST {SIGN_UPS}?_is_native=1 HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\nx-forwarded-for: 203.0.113.9\r\n\
         forwarded: for=203.0.113.9\r\ncontent-length: {}\r\n\r\n{form}",
        site.port,
        form.len()
    );
    stream.write_all(request.as_bytes()).await.expect("a connection");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A running balancer. It ends when dropped.
pub(super) struct Balancer {
    pub(super) endpoint: Endpoint,
    process: Child,
    folder: TempDir,
}

impl Balancer {
    /// With the sample's addresses replaced by those of this machine. It can't choose a free port by itself: where another
    /// program has taken the one that was free a moment ago, it is started once more with another one.
    pub(super) fn start(sample: &str, nodes: &[Endpoint], command: impl Fn(&Path, &Path) -> Command) -> Self {
        for _ in 0..STARTS_MAX {
            let mut balancer = Self::begin(sample, nodes, &command);
            let is_ready = |endpoint: Endpoint| {
                endpoint.request("GET", "/health/ready", &[], "").is_ok_and(|answer| answer.status == 200)
            };
            for _ in 0..500 {
                if balancer.process.try_wait().expect("a process").is_some() {
                    break;
                }
                if is_ready(balancer.endpoint) {
                    return balancer;
                }
                thread::sleep(Duration::from_millis(20));
            }
            eprintln!("it passes nothing on: {}", balancer.log());
        }
        panic!("the balancer does not start")
    }

    fn begin(sample: &str, nodes: &[Endpoint], command: impl Fn(&Path, &Path) -> Command) -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut text = sample.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        for (index, node) in nodes.iter().enumerate() {
            let of_sample = format!("127.0.0.1:{}", 8081 + index);
            assert!(text.contains(&of_sample), "{text}");
            text = text.replace(&of_sample, &format!("127.0.0.1:{}", node.port));
        }
        let file = folder.path().join("config");
        std::fs::write(&file, text).expect("a file");
        let mut command = command(&file, folder.path());
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let process = command.spawn().expect("it starts");
        Self { endpoint: Endpoint { port }, process, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

/// The program of this name, if the machine has it.
pub(super) fn found(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]);
    let found = paths.map(|folder| folder.join(name)).find(|path| path.is_file());
    require("balancers", found.is_some()).then_some(found).flatten()
}

/// How many people have signed up before a node dies, and after it.
const PEOPLE: usize = 15;
const STARTS_MAX: usize = 5;
