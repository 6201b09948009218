//! The guide: what the engine promises on the wire, to be read beside the code.
//!
//! Its chapters are the files of this directory. Comments in the code lead to their headings, and a test sees to it
//! that the headings are there.

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
