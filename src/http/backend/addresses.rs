//! `/v1/email_addresses…` and `/v1/phone_numbers…`: the addresses of users, by their ids.

use std::sync::Arc;

use crate::domain::field::Field;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::user::{AddressChange, AddressStatus, AddressVerification, Identification, User, UserChange};
use crate::engine::EngineError;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::{BackendAddressVerification, BackendEmailAddress, BackendPhoneNumber, DeletedObject};

use super::users::expected_version;
use super::{user_of, written};

/// A kind of address, which has paths of its own.
pub(super) trait Address: Sized {
    /// The attribute; also the name of the parameter and of the object.
    const FIELD: Field;
    const OBJECT: &'static str;
    /// How a code proves one.
    const STRATEGY: &'static str;

    fn parse(text: &str) -> Result<Self, Reason>;
    fn is(&self, other: &Self) -> bool;
    /// Those that the person has added and not proved are among them.
    fn all(user: &User) -> Vec<&Identification<Self>>;
    fn change(change: AddressChange<Self>) -> UserChange;
    fn answer(user: &User, address: &Identification<Self>) -> ApiResponse;
}

impl Address for EmailAddress {
    const FIELD: Field = Field::EmailAddress;
    const OBJECT: &'static str = "email_address";
    const STRATEGY: &'static str = "email_code";

    fn parse(text: &str) -> Result<Self, Reason> {
        Self::parse(text)
    }

    fn is(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }

    fn all(user: &User) -> Vec<&Identification<Self>> {
        user.email_addresses.iter().chain(&user.unproved_emails).collect()
    }

    fn change(change: AddressChange<Self>) -> UserChange {
        UserChange::EmailAddress(change)
    }

    fn answer(user: &User, address: &Identification<Self>) -> ApiResponse {
        ApiResponse::json(&BackendEmailAddress { user, address })
    }
}

impl Address for PhoneNumber {
    const FIELD: Field = Field::PhoneNumber;
    const OBJECT: &'static str = "phone_number";
    const STRATEGY: &'static str = "phone_code";

    fn parse(text: &str) -> Result<Self, Reason> {
        Self::parse(text)
    }

    fn is(&self, other: &Self) -> bool {
        self == other
    }

    fn all(user: &User) -> Vec<&Identification<Self>> {
        user.phone_numbers.iter().chain(&user.unproved_phones).collect()
    }

    fn change(change: AddressChange<Self>) -> UserChange {
        UserChange::PhoneNumber(change)
    }

    fn answer(user: &User, number: &Identification<Self>) -> ApiResponse {
        ApiResponse::json(&BackendPhoneNumber { user, number })
    }
}

/// Adds an address to a user.
pub(super) async fn create<A: Address + Clone>(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let (user, value, status, primary) = addition::<A>(call, given)?;
    let change = A::change(AddressChange::Add { value: value.clone(), status, primary });
    let user = changed(call, user, change).await?;
    answer::<A>(&user, |address| address.value.is(&value))
}

pub(super) async fn show<A: Address>(call: &Call<'_>, id: IdentificationId) -> Result<ApiResponse, HttpError> {
    let user = call.engine().users().by_address(id).await?;
    answer::<A>(&user, |address| address.id == id)
}

/// Changes the standing of an address.
pub(super) async fn update<A: Address>(
    call: &Call<'_>,
    id: IdentificationId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    reader.refuse(UNBUILT);
    let (verified, primary) = (reader.flag("verified"), reader.flag("primary").unwrap_or(false));
    Rejection::collect(reasons)?;
    let user = call.engine().users().by_address(id).await?;
    let change = A::change(AddressChange::Mark { id, status: verified.map(standing), primary });
    let user = changed(call, user.id, change).await?;
    answer::<A>(&user, |address| address.id == id)
}

/// Sends a code to an address.
pub(super) async fn prepare<A: Address>(
    call: &Call<'_>,
    id: IdentificationId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let strategy = given.reader(&mut reasons).text("strategy");
    if strategy.is_some_and(|strategy| strategy != A::STRATEGY) {
        reasons.push(ErrorCode::FormParamValueInvalid.on("strategy"));
    }
    Rejection::collect(reasons)?;
    known::<A>(call, id).await?;
    let prepared = call.engine().users().prepare_address(id).await?;
    Ok(verification(call, &prepared))
}

/// Compares a code with the one that was sent. A wrong one is no error, as in Clerk.
pub(super) async fn attempt<A: Address>(
    call: &Call<'_>,
    id: IdentificationId,
    given: &Json,
) -> Result<ApiResponse, HttpError> {
    const ID: &str = "verification_id";
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let (named, code) = (reader.text(ID), reader.text("code"));
    for (param, given) in [(ID, &named), ("code", &code)] {
        if given.as_ref().is_none_or(String::is_empty) {
            reasons.push(ErrorCode::FormParamMissing.on(param));
        }
    }
    Rejection::collect(reasons)?;
    known::<A>(call, id).await?;
    let named = named.and_then(|id| id.parse().ok()).ok_or(EngineError::NotFound)?;
    let attempted = call.engine().users().attempt_address(id, named, &code.unwrap_or_default()).await?;
    Ok(verification(call, &attempted))
}

/// Refuses an id that is no address of this kind.
async fn known<A: Address>(call: &Call<'_>, id: IdentificationId) -> Result<(), HttpError> {
    let user = call.engine().users().by_address(id).await?;
    answer::<A>(&user, |address| address.id == id).map(|_| ())
}

fn verification(call: &Call<'_>, verification: &AddressVerification) -> ApiResponse {
    let (now, attempts_max) = (call.engine().now(), call.engine().policy().attempts_max);
    ApiResponse::json(&BackendAddressVerification { verification, now, attempts_max })
}

pub(super) async fn delete<A: Address>(call: &Call<'_>, id: IdentificationId) -> Result<ApiResponse, HttpError> {
    let user = call.engine().users().by_address(id).await?;
    changed(call, user.id, A::change(AddressChange::Remove(id))).await?;
    Ok(ApiResponse::json(&DeletedObject::new(A::OBJECT, id)))
}

/// The user after a change, which was made only in a version that the call names, if it names any.
async fn changed(call: &Call<'_>, id: UserId, change: UserChange) -> Result<Arc<User>, HttpError> {
    let version = expected_version(call, id).await?;
    written(version, call.engine().users().change(id, &change, version).await)
}

/// The parameters of a new address.
fn addition<A: Address>(call: &Call<'_>, given: &Json) -> Result<(UserId, A, AddressStatus, bool), Rejection> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    reader.refuse(UNBUILT);
    let (user, text) = (reader.text("user_id"), reader.text(A::OBJECT));
    let verified = reader.flag("verified").unwrap_or(false);
    let primary = reader.flag("primary").unwrap_or(false);
    let user = user_of(user, &mut reasons);
    let is_known = call.engine().settings().enabled(&A::FIELD);
    let value = match text {
        _ if !is_known => Err(ErrorCode::FormParamUnknown.on(A::OBJECT)),
        None => Err(ErrorCode::FormParamMissing.on(A::OBJECT)),
        Some(text) => A::parse(&text),
    };
    let value = value.map_err(|reason| reasons.push(reason)).ok();
    Rejection::collect(reasons)?;
    // Both are there, since no reason was noted.
    let (user, value) = user.zip(value).ok_or(ErrorCode::ResourceNotFound)?;
    Ok((user, value, standing(verified), primary))
}

/// An address that the backend does not declare as verified is reserved for the user: no other user can claim it, and a code
/// sent to it signs the user in.
const fn standing(verified: bool) -> AddressStatus {
    if verified { AddressStatus::Verified } else { AddressStatus::Reserved }
}

fn answer<A: Address>(user: &User, is_it: impl Fn(&Identification<A>) -> bool) -> Result<ApiResponse, HttpError> {
    let found = A::all(user).into_iter().find(|address| is_it(address));
    Ok(A::answer(user, found.ok_or(EngineError::NotFound)?))
}

/// Parameters of Clerk's that are not built. A call with one of them is refused, because it would not be stored.
const UNBUILT: &[&str] = &["reserved_for_second_factor"];
