//! Accounts at other providers: what one of them vouches for.

/// What a provider says about a person, after its answer was checked. The pair of strategy and `subject` is the
/// person's identity there; everything else may change or be wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The provider's own, lasting name for the person: `sub` in OpenID Connect, the account's id elsewhere.
    pub subject: String,
    /// An e-mail address, as the provider spells it.
    pub email_address: Option<String>,
    /// Whether the provider vouches that the address is the person's.
    pub email_verified: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// What the person calls themselves there.
    pub username: Option<String>,
    /// A picture.
    pub image_url: Option<String>,
    /// The scopes that were granted.
    pub approved_scopes: Vec<String>,
}
