//! Pages that the engine renders itself, in production too. All of them use `notice`. The files of the development pages
//! are in this folder too, and are served by `http/dev/pages.rs`.

mod error;
pub(super) mod link;
pub(super) mod notice;
