//! The guide: how Vestibule is made, what it promises, and how to run it.
//!
//! [`getting_started`] leads to a first user; [`settings`] says what a sign-up can ask for, and [`operating`] how to run
//! an instance. [`design`] is where a reader of the code begins. [`security`] goes threat by threat, [`storage`] shows
//! what is on the disk, [`nodes`] what several nodes on one database share, [`events`] how an application follows what happens, [`messages`] how codes and links
//! leave, [`testing`] how an application tests its sign-ups. Those who write a client begin with [`contract`]; it goes on
//! in [`contract_sign_ups`], [`contract_sign_ins`], [`contract_me`], [`contract_handshakes`], [`contract_errors`] and
//! [`contract_backend`].
//!
//! These modules hold text only. Their links lead to files, so that they work where the repository is shown; `build.rs`
//! makes links to modules and items of them. Comments in the code lead to their headings, and a test checks that the
//! headings are there.

macro_rules! page {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/guide/", $name, ".md"))
    };
}

#[doc = page!("getting_started")]
pub mod getting_started {}

#[doc = page!("settings")]
pub mod settings {}

#[doc = page!("design")]
pub mod design {}

#[doc = page!("security")]
pub mod security {}

#[doc = page!("storage")]
pub mod storage {}

#[doc = page!("events")]
pub mod events {}

#[doc = page!("messages")]
pub mod messages {}

#[doc = page!("operating")]
pub mod operating {}

#[doc = page!("nodes")]
pub mod nodes {}

#[doc = page!("testing")]
pub mod testing {}

#[doc = page!("contract")]
pub mod contract {}

#[doc = page!("contract_sign_ups")]
pub mod contract_sign_ups {}

#[doc = page!("contract_sign_ins")]
pub mod contract_sign_ins {}

#[doc = page!("contract_handshakes")]
pub mod contract_handshakes {}
#[doc = page!("contract_me")]
pub mod contract_me {}

#[doc = page!("contract_errors")]
pub mod contract_errors {}

#[doc = page!("contract_backend")]
pub mod contract_backend {}
