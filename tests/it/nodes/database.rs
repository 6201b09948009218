//! A server of PostgreSQL of one test's own, which can be killed, started again, copied while it runs, and promoted. It listens
//! on a Unix socket in a folder of its own, and has a port only where a test needs one. It ends with the process that began it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running server.
pub(crate) struct Database {
    folder: PathBuf,
    port: u16,
    /// Its standard input is a pipe that closes when this process ends, however it does.
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Database {
    /// A new server with these settings beside the usual ones; `None` where there is no PostgreSQL.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Self::begin("", PORT, settings)
    }

    /// A new server that also listens on a port of 127.0.0.1, for what Unix sockets do not have: TLS. It can't choose a free port
    /// by itself: where another program has taken the one that was free a moment ago, it is started once more with another one.
    pub(crate) fn with_port() -> Option<(Self, u16)> {
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        (0..STARTS_MAX).find_map(|_| {
            let port = free().expect("a free port").port();
            Some((Self::begin("", port, &["listen_addresses=127.0.0.1"])?, port))
        })
    }

    /// A server that follows `primary`, under the name `standby`.
    pub(crate) fn follow(primary: &Self, settings: &[&str]) -> Option<Self> {
        Self::begin(&primary.folder.to_string_lossy(), PORT, settings)
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
        sql_at(&self.folder, self.port, statement)
    }

    /// Copies a file to its folder, for nobody but the server to read.
    pub(crate) fn put(&self, file: &Path) -> PathBuf {
        let copy = self.folder.join(file.file_name().expect("a file"));
        let user = std::fs::metadata(&self.folder).expect("a folder").uid();
        std::fs::copy(file, &copy).expect("a copy");
        std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o600)).expect("a file");
        chown(&copy, Some(user), None).expect("the server's user");
        copy
    }

    fn begin(primary: &str, port: u16, settings: &[&str]) -> Option<Self> {
        let mut command = command_as_user();
        // The server and the programs of PostgreSQL read it.
        command.arg(primary).args(settings).env("PGPORT", port.to_string());
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let mut answers = BufReader::new(child.stdout.take()?);
        let folder = line_of(&mut answers)?.strip_prefix("ready in ")?.into();
        Some(Self { folder, port, child, answers })
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

/// What a statement returns at the server whose socket is in `folder`.
pub(crate) fn sql(folder: &Path, statement: &str) -> String {
    sql_at(folder, PORT, statement)
}

fn sql_at(folder: &Path, port: u16, statement: &str) -> String {
    let script = format!("{PATH}exec psql -qAtX -h \"$1\" -U vestibule -d postgres -c \"$2\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(folder).arg(statement).env("PGPORT", port.to_string());
    let done = command.output().expect("psql runs");
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

/// The socket of a server in its folder.
pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
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

/// The port by which the socket is named where none is needed.
const PORT: u16 = 5432;
const STARTS_MAX: usize = 5;
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
        [ -d /proc/$server ] || break
        sleep 0.1
    done
    [ -d /proc/$server ] && echo "ready in $folder" || echo "it has ended"
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
