//! The addresses of a user: adding, reserving, making one the primary one, and removing.

use crate::domain::context::Context;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::verification::Strategy;

use super::Identification;
use super::change::{AddressChange, AddressStatus};

/// A kind of address.
pub(super) trait Address: Clone {
    /// The parameter that names one.
    const PARAM: &'static str;

    /// Its normalised form.
    fn text(&self) -> &str;
}

impl Address for EmailAddress {
    const PARAM: &'static str = "email_address";

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Address for PhoneNumber {
    const PARAM: &'static str = "phone_number";

    fn text(&self) -> &str {
        self.as_str()
    }
}

/// Applies a change to the addresses of one kind; `unproved` are those that the person has added and not proved.
///
/// # Errors
/// `resource_not_found` for an id that is not there, `form_identifier_exists` for an address that is there,
/// `form_param_value_invalid` where there would be too many.
pub(super) fn apply<T: Address>(
    all: &mut Vec<Identification<T>>,
    unproved: &mut Vec<Identification<T>>,
    change: &AddressChange<T>,
    cx: &mut Context<'_>,
) -> Result<(), Rejection> {
    match change {
        AddressChange::Add { value, status, primary } => {
            if all.iter().any(|known| known.value.text() == value.text()) {
                return Err(ErrorCode::FormIdentifierExists.on(T::PARAM).into());
            }
            if all.len() >= ADDRESSES_MAX {
                return Err(ErrorCode::FormParamValueInvalid.on(T::PARAM).into());
            }
            unproved.retain(|added| added.value.text() != value.text());
            let at = if *primary { 0 } else { all.len() };
            all.insert(at, of(value, *status, cx));
        }
        AddressChange::Mark { id, status, primary } => {
            if let Some(at) = unproved.iter().position(|added| added.id == *id && status.is_some()) {
                all.push(unproved.remove(at));
            }
            let mut known = all.iter_mut().chain(unproved.iter_mut());
            let known = known.find(|known| known.id == *id).ok_or(ErrorCode::ResourceNotFound)?;
            if let Some(status) = status {
                known.mark(*status);
            }
            if *primary {
                make_primary(all, *id, "primary")?;
            }
        }
        AddressChange::Remove(id) => {
            let added = unproved.len();
            unproved.retain(|added| added.id != *id);
            if unproved.len() < added {
                return Ok(());
            }
            let at = all.iter().position(|known| known.id == *id).ok_or(ErrorCode::ResourceNotFound)?;
            all.remove(at);
            if at == 0
                && let Some(first) = all.iter().position(|known| known.verified_by.is_some())
            {
                all[..=first].rotate_right(1);
            }
        }
        AddressChange::ReplaceAll { value, status } => {
            unproved.clear();
            let mut kept = std::mem::take(all).into_iter().find(|known| known.value.text() == value.text());
            if let Some(kept) = &mut kept {
                kept.mark(*status);
                // It may be spelled differently.
                kept.value = value.clone();
            }
            all.push(kept.unwrap_or_else(|| of(value, *status, cx)));
        }
    }
    Ok(())
}

/// Makes an address the primary one, which is the first.
///
/// # Errors
/// `resource_not_found`; `form_param_value_invalid` for an address that is neither verified nor reserved.
pub(super) fn make_primary<T>(all: &mut [Identification<T>], id: IdentificationId, param: &str) -> Result<(), Reason> {
    let at = all.iter().position(|known| known.id == id).ok_or_else(|| ErrorCode::ResourceNotFound.on(param))?;
    if !all[at].reserved && all[at].verified_by.is_none() {
        return Err(ErrorCode::FormParamValueInvalid.on(param));
    }
    all[..=at].rotate_right(1);
    Ok(())
}

/// A new address with this standing.
pub(super) fn of<T: Clone>(value: &T, status: AddressStatus, cx: &mut Context<'_>) -> Identification<T> {
    let id = IdentificationId::generate(cx.now, cx.entropy);
    Identification { created_at: Some(cx.now), ..with_id(id, value, status) }
}

/// The addresses of a new user, with their standing. The first one has the id `first`.
pub(super) fn of_new_user<T: Clone>(
    given: &[(T, AddressStatus)],
    first: IdentificationId,
    cx: &mut Context<'_>,
) -> Vec<Identification<T>> {
    let id_of = |n| if n == 0 { first } else { IdentificationId::generate(cx.now, cx.entropy) };
    let ids: Vec<_> = (0..given.len()).map(id_of).collect();
    ids.into_iter().zip(given).map(|(id, (value, status))| with_id(id, value, *status)).collect()
}

fn with_id<T: Clone>(id: IdentificationId, value: &T, status: AddressStatus) -> Identification<T> {
    let mut made = Identification::unproved(id, value.clone());
    made.mark(status);
    made
}

/// The id of the e-mail address that a new user begins with: the user's 16 bytes. Such an id names the user, so no entry of
/// its own has to be kept for it. An address that is added later has an id of its own, so no id is used again.
pub const fn first_email_id(user: UserId) -> IdentificationId {
    user.cast()
}

/// The id of the phone number that a new user begins with: the user's 16 bytes, all bits of the first one turned over. See
/// [`first_email_id`].
pub const fn first_phone_id(user: UserId) -> IdentificationId {
    let mut bytes = *user.as_bytes();
    bytes[0] = !bytes[0];
    IdentificationId::from_bytes(bytes)
}

/// The two users who might have begun with an address of this id.
pub const fn might_begin_with(address: IdentificationId) -> [UserId; 2] {
    [address.cast(), first_phone_id(address.cast()).cast()]
}

impl<T> Identification<T> {
    fn mark(&mut self, status: AddressStatus) {
        match status {
            AddressStatus::Verified => {
                self.reserved = false;
                // How it was proved stays known.
                self.verified_by = self.verified_by.take().or(Some(Strategy::Admin));
            }
            AddressStatus::Reserved => {
                self.reserved = true;
                self.verified_by = None;
            }
        }
    }
}

/// How many addresses of one kind a user may have: a record stays small.
pub(super) const ADDRESSES_MAX: usize = 100;
