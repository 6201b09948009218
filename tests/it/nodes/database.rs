//! A server of PostgreSQL of one test's own, which can be killed, started again, copied while it runs, and promoted. It has no
//! port: it listens on a Unix socket in a folder of its own. It ends with the process that began it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running server.
pub(crate) struct Database {
    folder: PathBuf,
    /// Its standard input is a pipe that closes when this process ends, however it does.
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Database {
    /// A new server with these settings beside the usual ones; `None` where there is no PostgreSQL.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Self::begin("", settings)
    }

    /// A server that follows `primary`, under the name `standby`.
    pub(crate) fn follow(primary: &Self, settings: &[&str]) -> Option<Self> {
        Self::begin(&primary.folder.to_string_lossy(), settings)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }

    /// The URL by which programs of this machine reach it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://vestibule@/postgres?host={}", self.folder.display())
    }

    /// Kills all its processes at once, like a loss of power that leaves the disk whole.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.order("kill"), "killed");
    }

    /// Starts it again with what is on the disk.
    pub(crate) fn start_again(&mut self) {
        assert!(self.order("start").starts_with("ready in "), "it does not start again");
    }

    /// Makes a primary of a server that follows another one.
    pub(crate) fn promote(&mut self) {
        assert_eq!(self.order("promote"), "promoted");
    }

    /// What a statement returns, one row in a line.
    pub(crate) fn sql(&self, statement: &str) -> String {
        sql(&self.folder, statement)
    }

    fn begin(primary: &str, settings: &[&str]) -> Option<Self> {
        let mut command = command_as_user();
        command.arg(primary).args(settings);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let mut answers = BufReader::new(child.stdout.take()?);
        let folder = line_of(&mut answers)?.strip_prefix("ready in ")?.into();
        Some(Self { folder, child, answers })
    }

    fn order(&mut self, order: &str) -> String {
        let input = self.child.stdin.as_mut().expect("a pipe");
        writeln!(input, "{order}").expect("the script listens");
        line_of(&mut self.answers).expect("an answer of the script")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// The socket of a server in its folder.
pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

/// What a statement returns at the server whose socket is in `folder`.
pub(crate) fn sql(folder: &Path, statement: &str) -> String {
    let script = format!("{PATH}exec psql -qAtX -h \"$1\" -U vestibule -d postgres -c \"$2\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(folder).arg(statement);
    let done = command.output().expect("psql runs");
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

fn line_of(answers: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    answers.read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// The script, as a user under whom the server runs: it refuses to be root.
fn command_as_user() -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    let script = format!("{PATH}{SCRIPT}");
    let mut command = Command::new(if user == Some("0") { "runuser" } else { "sh" });
    if user == Some("0") {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    command.args(["-c", &script, "sh"]);
    command
}

const PATH: &str = "PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)\n";

/// Makes a cluster, or a copy of the one in `$1`, says where it is once it answers, follows orders, and removes it when its
/// input closes. What the processes of a killed server held is gone with them, and the lock of the folder names a dead one.
const SCRIPT: &str = r#"
command -v initdb >/dev/null && command -v postgres >/dev/null || exit 1
folder=$(mktemp -d "${TMPDIR:-/tmp}/vestibule-postgres.XXXXXX") || exit 1
primary=$1
shift
if [ -z "$primary" ]; then
    initdb -D "$folder/data" -A trust -U vestibule -E UTF8 --no-locale --no-sync >/dev/null 2>&1 || exit 1
    echo "local replication all trust" >>"$folder/data/pg_hba.conf"
else
    pg_basebackup -D "$folder/data" -X stream -c fast --no-sync -R \
        -d "host=$primary user=vestibule application_name=standby" >/dev/null 2>&1 || exit 1
fi
settings=
for setting in "$@"; do settings="$settings -c $setting"; done
start() {
    postgres -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=200 -c deadlock_timeout=100ms \
        $settings >>"$folder/log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 300); do
        pg_isready -q -h "$folder" -U vestibule -d postgres && break
        sleep 0.1
    done
    echo "ready in $folder"
}
start
while read -r order; do
    case $order in
    start) start ;;
    kill)
        kill -STOP $server
        children=$(cat /proc/$server/task/$server/children)
        kill -KILL $server $children
        wait $server
        for child in $children; do while [ -d /proc/$child ]; do sleep 0.01; done; done
        echo killed
        ;;
    promote)
        psql -qAtX -h "$folder" -U vestibule -d postgres -c 'SELECT pg_promote()' >/dev/null
        echo promoted
        ;;
    esac
done
kill -INT $server
wait $server
rm -rf "$folder"
"#;
