//! A program that embeds the server and has SQL of its own in the transactions that make users, as its clients see it: a row of the
//! program's is there if and only if the user is, whatever the database says and whenever the program is killed.

use std::collections::BTreeSet;
use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vestibule::hooks::Refusal;
use vestibule::storage::{NewUserSql, PostgresOptions, PostgresStore, Sealing, SqlFailure, SqlStatement};
use vestibule::token::InstanceKey;
use vestibule::users::User;
use vestibule::{Secret, SessionId};

use crate::nodes::database::sql;
use crate::nodes::eventually;
use crate::postgres::{begun, cluster};
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::server::Server;

/// The program's table: a member for each user, and no seat for some.
struct Members {
    table: String,
}

impl NewUserSql for Members {
    fn statements(&self, user: &User, session_id: Option<SessionId>) -> Vec<SqlStatement> {
        let email = user.email_addresses.first().map(|email| email.value.as_str().to_owned());
        let insert = format!("INSERT INTO {} (user_id, email, session_id) VALUES ($1, $2, $3)", self.table);
        let insert = SqlStatement::new(insert).bind(user.id.to_string()).bind(email);
        vec![insert.bind(session_id.map(|id| id.to_string()))]
    }

    fn refusal(&self, failure: &SqlFailure) -> Option<Refusal> {
        let is_known = failure.constraint.as_deref() == Some("seats");
        is_known.then(|| Refusal::new("no_seat", "Your company has no seat left for you.").expect("a refusal"))
    }
}

/// The tables of a program, and its folder.
struct Program {
    folder: PathBuf,
    url: String,
    prefix: String,
}

impl Program {
    /// A program whose tables have this prefix. They are made.
    fn new(folder: &Path, url: String, prefix: &str) -> Self {
        let program = Self { folder: folder.to_owned(), url, prefix: prefix.to_owned() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(PostgresStore::migrate(&program.options())).expect("tables");
        program.ask(&format!(
            "CREATE TABLE {prefix}_members (user_id text PRIMARY KEY REFERENCES {prefix}_user (id) ON DELETE CASCADE, \
             session_id text, email text NOT NULL CONSTRAINT seats CHECK (email NOT LIKE 'eve%'))"
        ));
        program
    }

    fn options(&self) -> PostgresOptions {
        let key = InstanceKey::load_or_create(&self.folder.join("instance.key")).expect("a key");
        PostgresOptions {
            url: Secret::new(self.url.clone()),
            prefix: self.prefix.clone(),
            sealing: Some(Sealing { key: key.store_key(), seal: true }),
            migrates: true,
            projects: true,
        }
    }

    /// Starts the server in this process.
    fn start(&self) -> Server {
        let (options, members) = (self.options(), Members { table: format!("{}_members", self.prefix) });
        let key = self.folder.join("instance.key");
        let config = format!(
            "instance.key_file = {key:?}\ninstance.secret_key = \"{SECRET_KEY}\"\nstore.kind = \"memory\"\n\
             settings.file = \"email_code\"\nverification.test_mode = true\nlimits.source = false\nlimits.address = false\n"
        );
        Server::start_with(&self.folder, &config, move |builder| {
            let open = PostgresStore::open_with(&options, Arc::new(members));
            let store = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(open));
            builder.store(Arc::new(store.expect("a store")))
        })
    }

    /// What a statement returns.
    fn ask(&self, statement: &str) -> String {
        let (_, folder) = self.url.split_once("host=").expect("a folder");
        sql(Path::new(folder), statement)
    }

    /// The ids in a column.
    fn ids(&self, column: &str, table: &str) -> BTreeSet<String> {
        let all = self.ask(&format!("SELECT {column} FROM {}_{table}", self.prefix));
        all.lines().map(str::to_owned).collect()
    }
}

/// Gives the code of a sign-up.
fn attempt(server: &Endpoint, (id, token): &(String, String)) -> std::io::Result<Answer> {
    let path = format!("/v1/client/sign_ups/{id}/attempt_verification");
    server.native("POST", &path, token, "strategy=email_code&code=424242")
}

fn shown(server: &Endpoint, (id, token): &(String, String)) -> Value {
    let path = format!("/v1/client/sign_ups/{id}");
    server.native("GET", &path, token, "").expect("an answer").json()["response"].clone()
}

#[test]
fn a_row_is_there_if_and_only_if_the_user_is_and_a_refusal_is_told_in_the_envelope() {
    let (Some(url), folder) = (cluster::url(), TempDir::new().expect("a folder")) else { return };
    let program = Program::new(folder.path(), url, "sql_http");
    let server = program.start();
    let (ada, eve) = (begun(&server, "ada"), begun(&server, "eve"));
    let done = attempt(&server, &ada).expect("an answer").json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let user = done["response"]["created_user_id"].as_str().expect("an id").to_owned();
    assert_eq!(program.ids("user_id", "members"), [user.clone()].into());
    let session = done["response"]["created_session_id"].as_str().expect("an id").to_owned();
    assert_eq!(program.ids("session_id", "members"), [session].into());

    let refused = attempt(&server, &eve).expect("an answer");
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["no_seat".to_owned()]));
    let told = refused.json();
    assert_eq!(told["errors"][0]["long_message"], "Your company has no seat left for you.", "{told}");
    let open = shown(&server, &eve);
    assert_eq!((&open["status"], &open["created_user_id"]), (&json!("missing_requirements"), &Value::Null));
    let body = json!({"email_address": ["eve2@example.com"]});
    let of_backend = backend(&server, "POST", "/v1/users", &body);
    assert_eq!((of_backend.status, of_backend.error_codes()), (422, vec!["no_seat".to_owned()]));
    assert_eq!(program.ids("id", "user"), [user.clone()].into());
    // Nothing of what the person has done is used up.
    program.ask("ALTER TABLE sql_http_members DROP CONSTRAINT seats");
    let done = attempt(&server, &eve).expect("an answer").json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(backend(&server, "DELETE", &format!("/v1/users/{user}"), &Value::Null).status, 200);
    let left = program.ids("id", "user");
    assert_eq!((left.len(), left.contains(&user)), (1, false));
    assert_eq!(program.ids("user_id", "members"), left);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn while_the_programs_table_is_locked_sign_ups_may_be_tried_again_and_all_else_goes_on() {
    let (Some(url), folder) = (cluster::url(), TempDir::new().expect("a folder")) else { return };
    let program = Program::new(folder.path(), url, "sql_locked");
    let server = program.start();
    let people: Vec<_> = (0..8).map(|n| begun(&server, &format!("ada{n}"))).collect();
    std::thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE sql_locked_members; SELECT pg_sleep(600)";
        let locking = scope.spawn(|| std::panic::catch_unwind(|| program.ask(lock)).is_err());
        let is_locked = "SELECT count(*) FROM pg_locks WHERE relation = 'sql_locked_members'::regclass \
                         AND mode = 'AccessExclusiveLock' AND granted";
        eventually("the table is locked", || program.ask(is_locked) == "1");
        let attempts: Vec<_> = people.iter().map(|person| scope.spawn(|| attempt(&server, person))).collect();
        for attempted in attempts {
            let refused = attempted.join().expect("no panic").expect("an answer");
            assert_eq!((refused.status, refused.error_codes()), (503, vec!["service_unavailable".to_owned()]));
        }
        begun(&server, "bob");
        assert_eq!(server.request("GET", "/health/ready", &[], "").expect("an answer").status, 200);
        program.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE sql_locked%' \
                     AND pid <> pg_backend_pid()",
        );
        assert!(locking.join().expect("no panic"), "it has ended");
    });
    for person in &people {
        let done = attempt(&server, person).expect("an answer").json();
        assert_eq!(done["response"]["status"], "complete", "{done}");
    }
    let users = program.ids("id", "user");
    assert_eq!((users.len(), program.ids("user_id", "members")), (people.len(), users));
}

/// The program in a process of its own, for [`a_program_that_is_killed_at_any_point_leaves_no_half_a_user`].
#[test]
fn the_program_in_a_process_of_its_own() {
    let (Ok(folder), Ok(url)) = (env::var("VESTIBULE_TEST_FOLDER"), env::var("VESTIBULE_TEST_URL")) else { return };
    let program = Program { folder: folder.into(), url, prefix: "sql_killed".into() };
    let server = program.start();
    let port = program.folder.join("port");
    std::fs::write(port.with_extension("new"), server.port.to_string()).expect("a file");
    std::fs::rename(port.with_extension("new"), port).expect("a file");
    // Until whoever started it is gone.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

/// Such a process. It is killed when dropped.
struct Process(Child, Endpoint);

impl Process {
    fn start(program: &Program) -> Self {
        let port = program.folder.join("port");
        drop(std::fs::remove_file(&port));
        let name = "postgres_sql::the_program_in_a_process_of_its_own";
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args([name, "--exact", "--nocapture"]);
        command.env("VESTIBULE_TEST_FOLDER", &program.folder).env("VESTIBULE_TEST_URL", &program.url);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("a process");
        let mut process = Self(child, Endpoint { port: 0 });
        eventually("the program listens", || {
            let found = std::fs::read_to_string(&port).ok().and_then(|port| port.parse().ok());
            process.1.port = found.unwrap_or_default();
            found.is_some()
        });
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_program_that_is_killed_at_any_point_leaves_no_half_a_user() {
    let (Some(url), folder) = (cluster::url(), TempDir::new().expect("a folder")) else { return };
    let program = Program::new(folder.path(), url, "sql_killed");
    let mut told = BTreeSet::new();
    for round in 0..6_u64 {
        let process = Process::start(&program);
        let server = process.1;
        let begun: Vec<_> = (0..4).map(|n| begun(&server, &format!("ada{round}x{n}"))).collect();
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for (n, person) in begun.iter().enumerate() {
                threads.push(scope.spawn(move || {
                    let mut made = Vec::new();
                    let done = attempt(&server, person).ok().filter(|done| done.status == 200);
                    made.extend(
                        done.and_then(|done| done.json()["response"]["created_user_id"].as_str().map(str::to_owned)),
                    );
                    for next in 0.. {
                        // Some are refused, so that the others of their transaction are written in another one.
                        let name = if next % 3 == 2 { "eve" } else { "bob" };
                        let body = json!({"email_address": [format!("{name}{round}x{n}x{next}@example.com")]});
                        let headers =
                            [("authorization", &*format!("Bearer {SECRET_KEY}")), ("content-type", "application/json")];
                        let Ok(done) = server.request("POST", "/v1/users", &headers, &body.to_string()) else { break };
                        if done.status == 200 {
                            made.push(done.json()["id"].as_str().expect("an id").to_owned());
                        }
                    }
                    made
                }));
            }
            std::thread::sleep(Duration::from_millis(20 + 70 * round));
            drop(process);
            for thread in threads {
                told.extend(thread.join().expect("no panic"));
            }
        });
        let of_database =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sql_killed%' AND pid <> pg_backend_pid()";
        eventually("its transactions have ended", || program.ask(of_database) == "0");
        let (users, members) = (program.ids("id", "user"), program.ids("user_id", "members"));
        assert_eq!(users, members, "round {round}");
        assert!(told.is_subset(&users), "round {round}");
    }
    let server = program.start();
    let users = backend(&server, "GET", "/v1/users/count", &Value::Null).json();
    assert_eq!(users["total_count"], program.ids("user_id", "members").len(), "{users}");
    assert!(!told.is_empty());
}
