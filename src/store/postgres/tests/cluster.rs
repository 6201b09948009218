//! A server of the tests' own: in a folder of its own, on a Unix socket, without a port. It ends with the process that began it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// The URL of the server; `None` where there is none and none is required.
pub(crate) fn url() -> Option<String> {
    static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);
    let found = SERVER.as_ref().map(|server| server.url.clone());
    if found.is_none() {
        let required = std::env::var("VESTIBULE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|word| word.trim() == "postgres");
        assert!(!is_required, "postgres is missing, and VESTIBULE_REQUIRE names it");
        eprintln!("\n!!! SKIPPED: postgres is missing; VESTIBULE_REQUIRE=postgres makes this a failure !!!\n");
    }
    found
}

struct Server {
    url: String,
    /// Its standard input is a pipe that closes when this process ends, however it does.
    _child: Child,
}

impl Server {
    fn start() -> Option<Self> {
        // The server refuses to run as root.
        let is_root = user_of_this_process() == Some(0);
        let mut command = if is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh", "-c", SCRIPT]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", SCRIPT]);
            command
        };
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let folder = line.trim_end().strip_prefix("ready in ")?.to_owned();
        Some(Self { url: format!("postgres://vestibule@/postgres?host={folder}"), _child: child })
    }
}

/// The user of this process.
fn user_of_this_process() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Makes a cluster, says where it is once it answers, and removes it when its input closes.
const SCRIPT: &str = r#"
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
command -v initdb >/dev/null && command -v postgres >/dev/null || exit 1
folder=$(mktemp -d "${TMPDIR:-/tmp}/vestibule-postgres.XXXXXX") || exit 1
initdb -D "$folder/data" -A trust -U vestibule -E UTF8 --no-locale --no-sync >/dev/null 2>&1 || exit 1
postgres -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=400 \
    -c deadlock_timeout=100ms >/dev/null 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    pg_isready -q -h "$folder" -U vestibule -d postgres && break
    sleep 0.1
done
echo "ready in $folder"
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"#;
