//! The calls grouped by what they are about, one file for each handle: `engine.sign_ups().create(…)` is
//! `engine.create_sign_up(…)`. A handle borrows the engine and adds nothing to it.

/// A handle, and the calls that it forwards.
macro_rules! handle {
    (
        $(#[$about:meta])* $handle:ident by $accessor:ident;
        $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $ok:ty: $call:ident;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub struct $handle<'a>(&'a Engine);

        impl Engine {
            #[doc = concat!("The calls of [`", stringify!($handle), "`].")]
            pub const fn $accessor(&self) -> $handle<'_> {
                $handle(self)
            }
        }

        impl $handle<'_> {
            $(
                $(#[$doc])*
                pub async fn $name(self, $($argument: $type),*) -> Result<$ok, EngineError> {
                    self.0.$call($($argument),*).await
                }
            )*
        }
    };
}

// Behind the macro, which they use.
mod events;
mod instance;
mod invitations;
mod messages;
mod own_user;
mod sessions;
mod sign_in_tokens;
mod sign_ins;
mod sign_ups;
mod users;
mod values;
mod waitlist;
#[cfg(feature = "webhooks")]
mod webhooks;

pub use events::Events;
pub use instance::Instance;
pub use invitations::Invitations;
pub use messages::Messages;
pub use own_user::OwnUser;
pub use sessions::Sessions;
pub use sign_in_tokens::SignInTokens;
pub use sign_ins::SignIns;
pub use sign_ups::SignUps;
pub use users::Users;
pub use values::Values;
pub use waitlist::Waitlist;
#[cfg(feature = "webhooks")]
pub use webhooks::Webhooks;
