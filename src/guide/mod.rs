//! The guide: how Vestibule is made, what it promises, and how to run it.
//!
//! [`design`] is where a reader of the code begins. [`security`] goes threat by threat, [`storage`] shows what is on
//! the disk, and [`operating`] is for those who run it. Those who write a client begin with [`contract`]; it goes on in
//! [`contract_sign_ups`], [`contract_sign_ins`], [`contract_errors`] and [`contract_backend`]. These modules hold text
//! only. Comments in the code lead to their headings, and a test checks that the headings are there.

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("storage.md")]
pub mod storage {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("contract.md")]
pub mod contract {}

#[doc = include_str!("contract_sign_ups.md")]
pub mod contract_sign_ups {}

#[doc = include_str!("contract_sign_ins.md")]
pub mod contract_sign_ins {}

#[doc = include_str!("contract_errors.md")]
pub mod contract_errors {}

#[doc = include_str!("contract_backend.md")]
pub mod contract_backend {}
