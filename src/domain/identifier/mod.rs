//! Identifiers, parsed and normalised once. The wire shows the normalised form; the typed spelling is kept for messages
//! ([guide: Identifiers](crate::guide::contract_sign_ups#identifiers)).

mod email;
mod phone;
mod username;

use std::fmt;

use super::field::Field;

pub use email::EmailAddress;
pub(crate) use email::gmail_mailbox;
pub use phone::PhoneNumber;
pub use username::{Username, UsernameSettings};

/// Which kind of identifier a user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// An e-mail address.
    EmailAddress,
    /// A phone number, in E.164.
    PhoneNumber,
    /// A username.
    Username,
    /// An account at a provider: `<provider> <subject>`.
    ExternalAccount,
    /// The id of the user in the application's backend.
    ExternalId,
}

/// A normalised identifier: unique among all users of the instance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Its kind.
    pub kind: IdentifierKind,
    /// Its normalised form.
    pub value: String,
}

impl IdentifierKind {
    /// The sign-up field for this kind of identifier; `None` where there is none.
    pub const fn field(self) -> Option<Field> {
        Some(match self {
            Self::EmailAddress => Field::EmailAddress,
            Self::PhoneNumber => Field::PhoneNumber,
            Self::Username => Field::Username,
            Self::ExternalAccount | Self::ExternalId => return None,
        })
    }
}

macro_rules! identifiers {
    ($($kind:ident)*) => {$(
        impl $kind {
            /// The unique identifier that a user would hold.
            pub fn identifier(&self) -> Identifier {
                Identifier { kind: IdentifierKind::$kind, value: self.as_str().to_owned() }
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($kind), "]"))
            }
        }
    )*};
}

identifiers! { EmailAddress PhoneNumber Username }

impl Identifier {
    /// Whether it is a test address, which has a fixed code in test mode
    /// ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
    pub fn is_test(&self) -> bool {
        match self.kind {
            IdentifierKind::EmailAddress => EmailAddress::restore(self.value.clone(), String::new()).is_test(),
            IdentifierKind::PhoneNumber => PhoneNumber::restore(self.value.clone()).is_test(),
            IdentifierKind::Username | IdentifierKind::ExternalAccount | IdentifierKind::ExternalId => false,
        }
    }

    /// For an address at Gmail, its spelling without dots: other spellings with the same one are the same mailbox.
    pub(crate) fn gmail_mailbox(&self) -> Option<String> {
        if self.kind == IdentifierKind::EmailAddress { gmail_mailbox(&self.value) } else { None }
    }

    /// Whether a message to it may cost the operator much.
    pub fn is_costly(&self) -> bool {
        self.kind == IdentifierKind::PhoneNumber && PhoneNumber::restore(self.value.clone()).is_costly()
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}]", self.kind)
    }
}
