//! The calls about users that the application's backend makes
//! ([guide: Users](crate::guide::contract_backend#users)). Each write reads the user, decides in the domain, and commits
//! the next value for the version that was read.

mod address_verification;
mod change;
mod create;
mod filter;
mod list;
mod passwords;
mod read;
mod second_factors;

pub use filter::UserFilter;
pub use list::UserListParams;
pub use second_factors::CodeKind;
