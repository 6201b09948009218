//! Whether a second factor is needed.

/// Whether a sign-in needs a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorNeed {
    /// No.
    #[default]
    None,
    /// The user has one, which must be proved.
    Needed,
    /// The settings require one, and the user has to set it up first.
    ToSetUp,
}
