//! The binary and a database that speaks TLS: it is believed under the roots that the operator chose, and nothing goes to any
//! other.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::nodes::database::Database;
use crate::nodes::eventually;
use crate::support::binary::{Binary, log_of};
use crate::support::require;

#[test]
fn a_database_is_believed_under_the_roots_of_the_system_or_of_a_file() {
    let Some(site) = Site::start() else { return };
    site.shows(&site.ours.issue("localhost"));
    let (of_system, roots) = (TempDir::new().expect("a folder"), site.ours.certificate.display());
    let command = format!("export SSL_CERT_FILE={roots}");
    let server = Binary::start_after(&command, of_system.path(), &site.config("sslmode=require"));
    site.is_encrypted();
    drop(server);
    for parameters in
        [format!("sslmode=require&sslrootcert={roots}"), format!("sslrootcert={roots}&sslmode=verify-full")]
    {
        let folder = TempDir::new().expect("a folder");
        let server = Binary::start(folder.path(), &site.config(&parameters));
        site.is_encrypted();
        let form = "email_address=ada%2Bclerk_test@example.com";
        let made = server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer");
        assert_eq!(made.status, 200, "{}", made.body);
    }
}

#[test]
fn a_database_whose_certificate_is_not_trusted_is_told_nothing() {
    let Some(site) = Site::start() else { return };
    let elsewhere = Authority::new(site.folder.path(), "elsewhere");
    let ours = format!("sslmode=require&sslrootcert={}", site.ours.certificate.display());
    let empty = site.folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").expect("a file");
    for (issuer, name, parameters, words) in [
        (&elsewhere, "localhost", &ours, "nobody whose certificate is in "),
        (&site.ours, "db.example.com", &ours, "it is not for localhost; write a name that is in it"),
        (
            &site.ours,
            "localhost",
            &"sslmode=require".to_owned(),
            "name the file of its issuer's certificate in the URL",
        ),
        // What an attacker on the way would show to a client that is content without encryption too.
        (&elsewhere, "localhost", &ours.replace("require", "prefer"), "nobody whose certificate is in "),
        (&site.ours, "localhost", &"sslmode=require&sslrootcert=/nowhere".to_owned(), "names /nowhere: No such file"),
        (&site.ours, "localhost", &format!("sslmode=require&sslrootcert={}", empty.display()), "it has no certificate"),
    ] {
        site.shows(&issuer.issue(name));
        let folder = TempDir::new().expect("a folder");
        assert_eq!(Binary::fail_to_start(folder.path(), &site.config(parameters)), Some(1));
        let log = log_of(folder.path());
        assert!(log.contains(words), "{words}: {log}");
    }
    let tables = site.database.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'vestibule%'");
    assert_eq!(tables, "0");
}

/// A node that has run for a while believes no server that comes in the place of its own.
#[test]
fn a_server_that_comes_in_the_place_of_a_trusted_one_is_not_believed() {
    let Some(site) = Site::start() else { return };
    site.shows(&site.ours.issue("localhost"));
    let folder = TempDir::new().expect("a folder");
    let parameters = format!("sslmode=require&sslrootcert={}", site.ours.certificate.display());
    let server = Binary::start(folder.path(), &site.config(&parameters));
    let answers = || {
        let form = "email_address=ada%2Bclerk_test@example.com";
        server.native("POST", "/v1/client/sign_ups", "", form).expect("an answer").status
    };
    assert_eq!(answers(), 200);
    for (issuer, status) in [(&Authority::new(site.folder.path(), "elsewhere"), 503), (&site.ours, 200)] {
        site.shows(&issuer.issue("localhost"));
        site.database.sql(&format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}"));
        eventually("the answers are as expected", || answers() == status);
    }
    assert!(
        log_of(folder.path()).contains("the certificate of the server is not trusted"),
        "{}",
        log_of(folder.path())
    );
}

/// A server with a port, and an authority that issues certificates for it.
struct Site {
    database: Database,
    port: u16,
    folder: TempDir,
    ours: Authority,
}

impl Site {
    /// `None` where there is no PostgreSQL, or no program that makes certificates.
    fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        if !require("openssl", Command::new("openssl").arg("version").output().is_ok()) {
            return None;
        }
        let ours = Authority::new(folder.path(), "ours");
        let Some((database, port)) = Database::with_port() else {
            assert!(crate::postgres::cluster::url().is_none());
            return None;
        };
        Some(Self { database, port, folder, ours })
    }

    /// From now on the server shows this certificate.
    fn shows(&self, certificate: &Issued) {
        let chosen = self.database.put(&certificate.certificate);
        let key = self.database.put(&certificate.key);
        for (name, value) in [("ssl_cert_file", chosen.as_path()), ("ssl_key_file", &key), ("ssl", Path::new("on"))] {
            self.database.sql(&format!("ALTER SYSTEM SET {name} = '{}'", value.display()));
        }
        self.database.sql("SELECT pg_reload_conf()");
        let shown = chosen.display().to_string();
        eventually("the server has taken it over", || self.database.sql("SHOW ssl_cert_file") == shown);
    }

    fn config(&self, parameters: &str) -> String {
        format!(
            "instance.key_file = {:?}\nverification.test_mode = true\nsettings.file = \"email_code\"\n\
             store = {{ kind = \"postgres\", url = \"postgres://vestibule@localhost:{}/postgres?{parameters}\" }}\n",
            self.folder.path().join("instance.key"),
            self.port
        )
    }

    /// There are connections, and each is encrypted.
    fn is_encrypted(&self) {
        let connections = format!(
            "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE {OURS}"
        );
        assert_eq!(self.database.sql(&connections), "t");
    }
}

/// Whoever issues certificates.
struct Authority {
    folder: PathBuf,
    name: &'static str,
    certificate: PathBuf,
}

/// A certificate of a server, and its key.
struct Issued {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &'static str) -> Self {
        let authority = Self { folder: folder.into(), name, certificate: folder.join(format!("{name}.pem")) };
        let extensions = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign";
        // Anybody can take this name.
        authority.make(name, "the authority", extensions, &[]);
        authority
    }

    /// A certificate for a server of this name. Each has a file of its own.
    fn issue(&self, server: &str) -> Issued {
        let name = format!("{}-{server}-{}", self.name, std::fs::read_dir(&self.folder).expect("a folder").count());
        let key = self.folder.join(format!("{}.key", self.name));
        let issuer = [Path::new("-CA"), &self.certificate, Path::new("-CAkey"), &key];
        let extensions = format!("basicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:{server}");
        self.make(&name, server, &extensions, &issuer);
        Issued { certificate: self.folder.join(format!("{name}.pem")), key: self.folder.join(format!("{name}.key")) }
    }

    fn make(&self, name: &str, subject: &str, extensions: &str, issuer: &[&Path]) {
        let file = |kind: &str| self.folder.join(format!("{name}.{kind}"));
        let config = format!(
            "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = {subject}\n\
             [extensions]\n{extensions}\n"
        );
        std::fs::write(file("conf"), config).expect("a file");
        let mut command = Command::new("openssl");
        command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config".split(' '));
        command.arg(file("conf")).arg("-keyout").arg(file("key")).arg("-out").arg(file("pem")).args(issuer);
        let done = command.output().expect("openssl runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// The connections of nodes.
const OURS: &str = "application_name = 'vestibule'";
