//! Clerk's unmodified packages in a browser, before three nodes behind HAProxy of which one after the other is killed:
//! `tests/clients/nodes.mjs`.

use std::process::Command;

use serde_json::{Map, Value};

use super::CODES;
use super::balancers::{Balancer, found};
use super::cluster::Cluster;
use super::kept::Kept;
use crate::clients::{chromium, run, suites};
use crate::support::backend::SECRET_KEY;
use crate::support::require;

/// Fails where a page can't go on at another node than the one that began its sign-up, or where its session is known to one node
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_in_a_browser_goes_on_when_the_node_that_served_the_page_is_killed() {
    let Some(haproxy) = found("haproxy") else { return };
    let Some(suites) = suites() else { return };
    if !require("browser", chromium().exists()) {
        return;
    }
    let packages = suites.join("node_modules");
    let config = format!("{CODES}server.trusted_proxies = [\"127.0.0.1\"]\nserver.npm_dir = {packages:?}\n");
    let Some(cluster) = Cluster::start("browsers", &config) else { return };
    // The test has to know which node has answered.
    let sample = include_str!("../../../config/haproxy.cfg");
    let last = "    default_backend nodes";
    let telling = sample.replace(last, &format!("    http-response set-header X-Served-By %s\n{last}"));
    assert_ne!(telling, sample);
    let balancer = Balancer::start(&telling, &cluster.endpoints(), |file, _| {
        let mut command = Command::new(&haproxy);
        command.arg("-db").arg("-f").arg(file);
        command
    });
    let processes: Map<String, Value> =
        (1..).zip(&cluster.nodes).map(|(number, node)| (format!("node{number}"), node.process().into())).collect();
    run(Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-timeout=240000", "nodes.mjs"])
        .env("VESTIBULE_URL", format!("http://localhost:{}", balancer.endpoint.port))
        .env("VESTIBULE_SECRET_KEY", SECRET_KEY)
        .env("VESTIBULE_NODES", Value::from(processes).to_string())
        .env("CHROMIUM", chromium())
        .current_dir(&suites));
    let addresses = PEOPLE.map(|name| format!("{name}+clerk_test@example.com"));
    let kept = Kept::checked(&cluster.store().await, &addresses).await;
    assert_eq!(kept.users.len(), PEOPLE.len());
}

/// Those who sign up in `nodes.mjs`.
const PEOPLE: [&str; 2] = ["ada", "eve"];
