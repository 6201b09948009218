//! Every block of README.md, and of the pages of the guide that lead a reader by the hand, does what it says as it is
//! written there: a reader who pastes it is never the first to try.
//!
//! Rust is compiled and run as a documentation test (`src/lib.rs`, `src/guide`), pages and scripts run in Chromium and
//! Node (`tests/clients/readme.test.mjs`). Here are the shell and the configuration.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use vestibule::config::SAMPLES;

#[test]
fn every_block_is_of_a_kind_that_is_run() {
    let blocks = blocks();
    for block in &blocks {
        // What the other pages may hold beside these is in `guide.rs`.
        let is_run = RUN.iter().any(|(kind, _)| *kind == block.kind);
        assert!(is_run || block.page != README, "{}: no test runs blocks of the kind {:?}", block.place(), block.kind);
    }
    for (kind, whom) in RUN {
        assert!(blocks.iter().any(|block| block.kind == *kind), "{whom} run no {kind} block any more");
    }
}

#[test]
fn the_readme_leads_to_each_chapter_of_the_guide() {
    let readme = include_str!("../../README.md");
    let chapters = fs::read_dir(root().join("src/guide")).expect("the guide");
    let names = chapters.map(|entry| entry.expect("a file").file_name().into_string().expect("unicode"));
    let names: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("](src/guide/{name})")), "README.md does not lead to {name}");
        let page = fs::read_to_string(root().join("src/guide").join(&name)).expect("a page");
        assert!(!page.contains("acme.com"), "{name}: acme.com belongs to somebody; write acme.example");
    }
}

#[test]
fn the_readme_is_short_and_its_links_and_those_of_contributing_lead_somewhere() {
    let readme = include_str!("../../README.md");
    let words = readme.split_whitespace().count();
    assert!(words <= 900, "the README has {words} words: details belong in the guide");
    let mut count = 0;
    for (name, page) in [(README, readme), ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md"))] {
        for link in links(page).filter(|link| !link.contains("://")) {
            // Anchors are looked at in `guide_links.rs`.
            let path = root().join(link.split('#').next().unwrap_or_default());
            assert!(path.exists(), "{name} leads to {link}");
            count += 1;
        }
    }
    assert!(count > 30, "only {count} links were found");
    let picture = fs::metadata(root().join(".github/sign-up.png")).expect("the picture of the README");
    assert!(picture.len() < 200_000, "the picture has {} bytes", picture.len());
}

/// From top to bottom, as a reader would: servers where the page starts them, and what talks to them afterwards.
#[test]
fn the_shell_runs_as_it_is_written_and_a_second_time() {
    let mut reader = Reader::new();
    for block in blocks() {
        match block.kind.as_str() {
            "console" => block.commands().iter().for_each(|command| reader.console(&block, command)),
            "bash" => {
                for time in ["first", "second"] {
                    let output = reader.bash(&block.text);
                    assert!(output.status.success(), "{}, the {time} time: {}", block.place(), said(&output));
                    reader.look_at(&block, &output);
                }
            }
            _ => {}
        }
    }
    let checked: Vec<_> = CHECKS.iter().filter(|(mark, _)| !reader.looked_at.contains(mark)).collect();
    assert!(checked.is_empty(), "these are in no block any more: {checked:?}");
}

#[test]
fn the_configurations_are_accepted_alone_and_together() {
    let blocks: Vec<_> = blocks().into_iter().filter(|block| block.kind == "toml").collect();
    for block in &blocks {
        let output = check(&block.text);
        assert!(output.status.success(), "{}: {}", block.place(), said(&output));
    }
    // That of the README with a policy of its own, which takes the place of the sample; and what goes beside attributes
    // with those of each sample.
    let own = |page: &str| -> String {
        blocks.iter().filter(|block| block.page == page).map(|block| block.text.as_str()).collect()
    };
    let sample = "\n[settings]\nfile = \"email_code\"";
    assert!(own(README).contains(sample), "{}", own(README));
    for whole in [own(README), own(README).replace(sample, "") + &own("settings")] {
        let output = check(&whole);
        assert!(said(&output).ends_with("\nready to start as a production instance\n"), "{}", said(&output));
    }
    let blocks: Vec<_> = blocks.into_iter().filter(|block| block.page == "settings").collect();
    let beside = blocks.iter().filter(|block| !block.text.contains("[settings.attributes")).map(|block| &*block.text);
    let beside: String = beside.collect();
    assert!(beside.contains("[settings.social") && beside.contains("[settings.restrictions"), "{beside}");
    for (name, sample) in SAMPLES {
        let sample: String = sample.lines().map(|line| format!("{}\n", line.replacen('[', "[settings.", 1))).collect();
        // Only names in brackets have this prefix.
        let sample = sample.replace("= [settings.", "= [");
        let output = check(&format!("{sample}\n{beside}"));
        assert!(said(&output).ends_with("\nready to start as a development instance\n"), "{name}: {}", said(&output));
    }
}

/// The result of `vestibule check` for a configuration block. The password file and the key folder that it names are
/// created, the port is free, and placeholder names and values are replaced, as a reader would do.
pub(super) fn check(text: &str) -> Output {
    let folder = TempDir::new().expect("a folder");
    let key_folder = folder.path().to_str().expect("unicode");
    let text = text.replace("/etc/vestibule", key_folder).replace("\"…\"", "\"x\"");
    let text = text.replace("whsec_…", "whsec_Wm9yYmFuIHdhbGtzIG9uIDEyIGJyaWRnZXM=");
    let text = text.replace("acme.example", "acme.com").replace("smtp.example.com", "smtp.acme.com");
    let file = folder.path().join("vestibule.toml");
    fs::write(&file, &text).expect("a file");
    let mut check = Command::new(BINARY);
    check.arg("check").arg("--config").arg(&file).current_dir(folder.path());
    check.env("VESTIBULE_SERVER__LISTEN", "127.0.0.1:0");
    if text.contains(PASSWORD_FILE) {
        let secret = folder.path().join("secret");
        fs::write(&secret, "wanders under elms").expect("a file");
        check.env(PASSWORD_FILE, secret);
    }
    check.output().expect("the binary runs")
}

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// The page that it is on.
    page: &'static str,
    /// The word after the fence.
    pub(super) kind: String,
    /// Where it begins, counted from 1.
    line: usize,
    pub(super) text: String,
}

impl Block {
    /// Where it is, for a person who has to mend it.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.page, self.line)
    }

    /// The commands after the prompts of a console, each with the lines it goes on in.
    fn commands(&self) -> Vec<String> {
        let commands = self.text.split("$ ").map(str::trim).filter(|command| !command.is_empty());
        commands.map(str::to_owned).collect()
    }
}

fn blocks() -> Vec<Block> {
    PAGES.iter().flat_map(|(name, text)| blocks_of(name, text)).collect()
}

/// The fenced blocks of a page.
pub(super) fn blocks_of(page: &'static str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Block { page, kind: kind.trim().to_owned(), line: at + 1, text: String::new() })
            }
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

/// Where the links and pictures of a page lead.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let after = |mark: &'static str, end: char| {
        page.split(mark).skip(1).map(move |rest| rest.split(end).next().unwrap_or_default())
    };
    // A script's `src` begins with a slash.
    after("](", ')').chain(after("<img src=\"", '"'))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A person who pastes the pages into a shell. Cargo is stood in for by the binary that it would build; the place of
/// the server comes by the environment, for which the pages leave room.
struct Reader {
    folder: TempDir,
    port: u16,
    server: Option<Running>,
    looked_at: Vec<&'static str>,
}

impl Reader {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let cargo = folder.path().join("cargo");
        let script = format!(
            "#!/bin/sh\n[ \"$1 $2\" = 'run --release' ] || {{ echo \"not stood in for: $*\" >&2; exit 64; }}\n\
             shift 2\n[ \"$1\" != -- ] || shift\nexec '{BINARY}' \"$@\"\n"
        );
        fs::write(&cargo, script).expect("a script");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("permissions");
        Self { folder, port: 0, server: None, looked_at: Vec::new() }
    }

    /// Runs a command at a prompt; a server runs until the next one is started.
    fn console(&mut self, block: &Block, command: &str) {
        if NOT_AT_THE_PROMPT.iter().any(|(prefix, _)| command.starts_with(prefix)) {
            return;
        }
        assert!(command.contains("cargo run --release"), "{}: no test runs {command:?}", block.place());
        // Two servers can't have the same data.
        self.server = None;
        self.port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let log = fs::File::create(self.log()).expect("a log");
        let mut shell = self.shell(command);
        // The shell is replaced by its last simple command, so its process is the server.
        shell.env("VESTIBULE_SERVER__LISTEN", format!("127.0.0.1:{}", self.port));
        shell.stdout(log.try_clone().expect("a log")).stderr(log);
        self.server = Some(Running(shell.spawn().expect("a shell")));
        for _ in 0..600 {
            let listen = format!("127.0.0.1:{}", self.port);
            let asked =
                Command::new(BINARY).args(["healthcheck", "--listen", &listen]).output().expect("the binary runs");
            if asked.status.success() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{}: the server is not ready: {}", block.place(), fs::read_to_string(self.log()).unwrap_or_default());
    }

    fn bash(&self, text: &str) -> Output {
        assert!(self.server.is_some(), "a server is started before it is talked to");
        let mut shell = self.shell(text);
        shell.env("api", format!("http://localhost:{}", self.port)).env("SECRET_KEY", self.secret_key());
        shell.output().expect("bash runs")
    }

    /// Checks that a block had its intended result.
    fn look_at(&mut self, block: &Block, output: &Output) {
        for (mark, sentence) in CHECKS.iter().filter(|(mark, _)| block.text.contains(mark)) {
            assert!(said(output).contains(sentence), "{}: {sentence:?} in {}", block.place(), said(output));
            self.looked_at.push(mark);
        }
    }

    fn shell(&self, text: &str) -> Command {
        let mut shell = Command::new("timeout");
        shell.args(["--foreground", "300", "bash", "-euo", "pipefail", "-c", text]);
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", self.folder.path().display()));
        shell.current_dir(self.folder.path()).stdin(Stdio::null());
        shell
    }

    /// The secret key in the server's output.
    fn secret_key(&self) -> String {
        let log = fs::read_to_string(self.log()).expect("a log");
        let line = log.lines().find_map(|line| line.trim().strip_prefix("secret key"));
        line.unwrap_or_else(|| panic!("no secret key in {log}")).trim().to_owned()
    }

    fn log(&self) -> PathBuf {
        Path::new(self.folder.path()).join("log")
    }
}

/// A process that is ended on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        // `timeout` forwards the signal to its command.
        if Command::new("kill").args(["-TERM", &id]).status().is_ok() {
            drop(self.0.wait());
        }
    }
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

const PASSWORD_FILE: &str = "VESTIBULE_EMAIL__PASSWORD_FILE";

const BINARY: &str = env!("CARGO_BIN_EXE_vestibule");

const README: &str = "README.md";

/// The pages, in the order in which a newcomer reads them.
const PAGES: [(&str, &str); 4] = [
    (README, include_str!("../../README.md")),
    ("getting_started", include_str!("../../src/guide/getting_started.md")),
    ("settings", include_str!("../../src/guide/settings.md")),
    ("operating", include_str!("../../src/guide/operating.md")),
];

/// The kinds of blocks, and who runs them.
pub(super) const RUN: &[(&str, &str)] = &[
    ("bash", "these tests"),
    ("console", "these tests"),
    ("toml", "these tests"),
    ("rust", "documentation tests"),
    ("html", "tests/clients/readme.test.mjs"),
    ("jsx", "tests/clients/readme.test.mjs"),
    ("js", "tests/clients/readme.test.mjs"),
];

/// Commands at a prompt that a test can't run, and why.
const NOT_AT_THE_PROMPT: &[(&str, &str)] = &[("cargo test", "it is what runs this test")];

/// The expected output of each block, by a mark in the block.
const CHECKS: &[(&str, &str)] = &[
    ("attempt_verification", "\"missing_fields\":[],\"unverified_fields\":[\"email_address\"]"),
    ("/v1/me", "\"email_address\":\"ada+"),
    ("/tokens?", "\neyJ"),
    ("/v1/invitations", "\"status\":\"pending\""),
    ("--html report.html", "attempt"),
    ("--json report.json", "attempt"),
];
