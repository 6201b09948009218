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
        production && !on_disk,
        "store.kind",
        "is \"memory\": every user is gone when the process ends; write \"sled\"",
    );
    risks.add(
        production && on_disk && store.durability == Durability::None,
        "store.durability",
        "is \"none\": a loss of power takes users with it who were told that they are signed up; write \"synced\"",
    );
    risks.add(
        on_disk && !store.encryption,
        "store.encryption",
        "is false: whoever reads the disk or a copy of it reads addresses and names; write true",
    );
    risks.add(
        production && on_disk && config.key_file().starts_with(&store.path),
        "instance.key_file",
        "lies in the data folder: whoever takes that folder, or a copy of it, has the key as well; keep it elsewhere, \
         such as /etc/vestibule/instance.key",
    );
    risks.add(
        production && u64::from(config.password.m_kib) * u64::from(config.password.t) < 2 * 19_456,
        "password.m_kib",
        "and `password.t` are below 19456 KiB and 2 passes, the least that OWASP advises",
    );
    let is_wanted = !config.settings().password_settings.disable_hibp;
    let is_given = config.password.pwned_range_url.is_some();
    risks.add(
        is_wanted && !is_given,
        "settings.password_settings.disable_hibp",
        "is false, but `password.pwned_range_url` names no service: passwords are held against the compiled-in list \
         only; name one, such as https://api.pwnedpasswords.com/range/",
    );
    risks.add(
        is_given && !is_wanted,
        "password.pwned_range_url",
        "is given, but the settings switch it off: no password is looked up; write disable_hibp = false in \
         [settings.password_settings]",
    );
    risks
}
