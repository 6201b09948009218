//! Risks of data storage and password hashing.

use crate::store::Durability;

use super::Risks;
use crate::config::load::Config;
use crate::config::values::{Mode, StoreKind};

pub(super) fn data(config: &Config) -> Risks {
    let (store, production) = (&config.store, config.instance.mode == Mode::Production);
    let on_disk = store.kind == StoreKind::Sled;
    let mut risks = Risks::default();
    risks.add(
        production && store.kind == StoreKind::Memory,
        "store.kind",
        "is \"memory\": all users are lost when the process ends; write \"sled\"",
    );
    risks.add(
        production && on_disk && store.durability == Durability::None,
        "store.durability",
        "is \"none\": a loss of power can remove users whose sign-up was already confirmed; write \"synced\"",
    );
    let is_plain = store.url.as_ref().is_some_and(|url| is_plain_and_remote(url.expose()));
    risks.add(
        production && store.kind == StoreKind::Postgres && is_plain,
        "store.url",
        "does not say sslmode=require: who can change what the network carries can have the connection go on without \
         encryption; add ?sslmode=require",
    );
    risks.add(
        store.kind != StoreKind::Memory && !store.encryption,
        "store.encryption",
        "is false: anyone who can read the disk, or a copy of it, can read addresses and names; write true",
    );
    risks.add(
        production && on_disk && config.key_file().starts_with(&store.path),
        "instance.key_file",
        "is in the data folder: a copy of that folder contains the key as well; keep it elsewhere, such as \
         /etc/vestibule/instance.key",
    );
    risks.add(
        production && u64::from(config.password.m_kib) * u64::from(config.password.t) < 2 * 19_456,
        "password.m_kib",
        "and `password.t` are below 19456 KiB and 2 passes, the minimum that OWASP recommends; write m_kib = 19456 and \
         t = 2",
    );
    let is_wanted = !config.settings().password_settings.disable_hibp;
    let is_given = config.password.pwned_range_url.is_some();
    risks.add(
        is_wanted && !is_given,
        "settings.password_settings.disable_hibp",
        "is false, but `password.pwned_range_url` names no service: passwords are checked against the compiled-in list \
         only; name one, such as https://api.pwnedpasswords.com/range/",
    );
    risks.add(
        is_given && !is_wanted,
        "password.pwned_range_url",
        "is given, but the settings disable it: no password is looked up; write disable_hibp = false in \
         [settings.password_settings]",
    );
    risks
}

/// Whether a connection may go over a network without encryption.
fn is_plain_and_remote(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let host = host.rsplit('@').next().unwrap_or_default();
    let name = host
        .strip_prefix('[')
        .and_then(|host| host.split(']').next())
        .unwrap_or_else(|| host.split(':').next().unwrap_or_default());
    let is_here = matches!(name, "" | "localhost" | "::1") || name.starts_with("127.");
    !is_here && !url.contains("sslmode=require") && !url.contains("sslmode=verify-full")
}

#[cfg(test)]
mod tests {
    use super::is_plain_and_remote;

    #[test]
    fn a_connection_to_this_machine_needs_no_encryption() {
        for url in [
            "postgres:///x?host=/run/postgresql",
            "postgres://ada:secret@localhost/x",
            "postgres://ada@127.0.0.1:5433/x",
            "postgres://ada@[::1]:5433/x",
            "postgres://ada@db.example.com/x?sslmode=require",
            "postgres://ada@db.example.com/x?sslmode=verify-full&sslrootcert=/etc/root.pem",
        ] {
            assert!(!is_plain_and_remote(url), "{url}");
        }
        for url in
            ["postgres://ada@db.example.com/x", "postgres://db/x?sslmode=prefer", "postgres://ada@[2001:db8::1]/x"]
        {
            assert!(is_plain_and_remote(url), "{url}");
        }
    }
}
