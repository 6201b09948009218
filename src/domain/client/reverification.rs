//! Re-verification: the person of a session proves again who they are, before a sensitive change
//! ([guide: Re-verification](crate::guide::contract_me#re-verification)).

use crate::domain::id::IdentificationId;
use crate::domain::time::{Span, Timestamp};

/// The person of a session proves again who they are
/// ([guide: Re-verification](crate::guide::contract_me#re-verification)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reverification {
    /// What is to be proved.
    pub level: Level,
    /// When it began.
    pub created_at: Timestamp,
    /// When a first factor was proved in it.
    pub first_factor_at: Option<Timestamp>,
    /// When a second factor was proved in it.
    pub second_factor_at: Option<Timestamp>,
    /// The address that its code was sent to.
    pub address_id: Option<IdentificationId>,
}

/// What a re-verification asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A first factor.
    FirstFactor,
    /// A second factor.
    SecondFactor,
    /// Both.
    MultiFactor,
}

/// The status of a re-verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReverificationStatus {
    /// A first factor is to be proved.
    NeedsFirstFactor,
    /// A second factor is to be proved.
    NeedsSecondFactor,
    /// Everything is proved.
    Complete,
}

impl Level {
    /// Its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFactor => "first_factor",
            Self::SecondFactor => "second_factor",
            Self::MultiFactor => "multi_factor",
        }
    }

    /// The level with this word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::FirstFactor, Self::SecondFactor, Self::MultiFactor].into_iter().find(|level| level.as_str() == word)
    }
}

impl ReverificationStatus {
    /// Its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsFirstFactor => "needs_first_factor",
            Self::NeedsSecondFactor => "needs_second_factor",
            Self::Complete => "complete",
        }
    }
}

impl Reverification {
    /// One that begins at `now`. A user without a second factor is asked for a first one only.
    pub const fn begin(level: Level, has_second_factor: bool, now: Timestamp) -> Self {
        let level = if has_second_factor { level } else { Level::FirstFactor };
        Self { level, created_at: now, first_factor_at: None, second_factor_at: None, address_id: None }
    }

    /// What is still to be proved.
    pub const fn status(&self) -> ReverificationStatus {
        match (self.level, self.first_factor_at, self.second_factor_at) {
            (Level::FirstFactor | Level::MultiFactor, None, _) => ReverificationStatus::NeedsFirstFactor,
            (Level::SecondFactor | Level::MultiFactor, _, None) => ReverificationStatus::NeedsSecondFactor,
            _ => ReverificationStatus::Complete,
        }
    }

    /// Whether it began so recently that it can be continued.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.created_at.is_within(CURRENT, now)
    }
}

/// How long after its begin a re-verification can be continued: as long as a code is valid.
const CURRENT: Span = Span::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_follows_the_level_and_what_the_user_has() {
        let now = Timestamp::from_millis(1);
        use ReverificationStatus::{Complete, NeedsFirstFactor, NeedsSecondFactor};
        for (level, has_second, steps) in [
            (Level::FirstFactor, true, [NeedsFirstFactor, Complete, Complete]),
            (Level::SecondFactor, false, [NeedsFirstFactor, Complete, Complete]),
            (Level::MultiFactor, false, [NeedsFirstFactor, Complete, Complete]),
            (Level::SecondFactor, true, [NeedsSecondFactor, NeedsSecondFactor, Complete]),
            (Level::MultiFactor, true, [NeedsFirstFactor, NeedsSecondFactor, Complete]),
        ] {
            let begun = Reverification::begin(level, has_second, now);
            let first = Reverification { first_factor_at: Some(now), ..begun };
            let second = Reverification { second_factor_at: Some(now), ..first };
            assert_eq!([begun, first, second].map(|step| step.status()), steps, "{level:?} {has_second}");
        }
    }
}
