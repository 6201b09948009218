//! The guide: how Vestibule is made, what it promises, and how to run it.
//!
//! [`design`] is where a reader of the code begins. [`security`] goes threat by threat, [`storage`] shows what is on
//! the disk, and [`operating`] is for those who run it. These modules hold text only.

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("storage.md")]
pub mod storage {}

#[doc = include_str!("operating.md")]
pub mod operating {}
