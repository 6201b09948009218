//! Values of the application: small records of its own, which the engine stores beside its users and does not read. A
//! hook writes them in the very commit that makes a user, so that one never exists without the other.

use std::fmt;

use super::secret::Secret;

/// The key of a value: a namespace, such as `billing`, and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueKey {
    namespace: String,
    name: String,
}

/// A value of the application with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationValue {
    /// Its key.
    pub key: ValueKey,
    /// Its bytes, which logs never show.
    pub bytes: Secret<Vec<u8>>,
}

/// Why a value can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// The namespace is empty, longer than 64 bytes, or has other characters than `a-z 0-9 _ - .`.
    #[error("the namespace has other characters than a-z 0-9 _ - . or is not 1 to 64 bytes long")]
    Namespace,
    /// The name is empty, longer than 128 bytes, or has other characters than ASCII letters, digits and `_ - . : @ + /`.
    #[error("the name has other characters than ASCII letters, digits and _ - . : @ + / or is not 1 to 128 bytes long")]
    Name,
    /// The value has more than 16 KiB.
    #[error("the value has more than 16 KiB")]
    TooLarge,
    /// One commit writes at most 16 values.
    #[error("one commit writes at most 16 values")]
    TooMany,
}

impl ValueKey {
    /// The key of `name` in `namespace`.
    ///
    /// # Errors
    /// Where one of them is empty, too long, or has characters that a key can't have.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Result<Self, InvalidValue> {
        let (namespace, name) = (namespace.into(), name.into());
        check_namespace(&namespace)?;
        if name.is_empty() {
            return Err(InvalidValue::Name);
        }
        check_prefix(&name)?;
        Ok(Self { namespace, name })
    }

    /// A key that was checked before it was stored.
    pub(crate) const fn restored(namespace: String, name: String) -> Self {
        Self { namespace, name }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name in the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ValueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl ApplicationValue {
    /// A value with its key.
    ///
    /// # Errors
    /// Where it has more than 16 KiB.
    pub fn new(key: ValueKey, bytes: impl Into<Vec<u8>>) -> Result<Self, InvalidValue> {
        let bytes = bytes.into();
        if bytes.len() > VALUE_MAX {
            return Err(InvalidValue::TooLarge);
        }
        Ok(Self { key, bytes: Secret::new(bytes) })
    }
}

/// Whether a text can be a namespace.
///
/// # Errors
/// [`InvalidValue::Namespace`] where it can't.
pub fn check_namespace(namespace: &str) -> Result<(), InvalidValue> {
    let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-.".contains(&c);
    let is_fit = !namespace.is_empty() && namespace.len() <= NAMESPACE_MAX && namespace.bytes().all(is_allowed);
    if is_fit { Ok(()) } else { Err(InvalidValue::Namespace) }
}

/// Whether names can begin with this; every name begins with the empty text.
///
/// # Errors
/// [`InvalidValue::Name`] where no name does.
pub fn check_prefix(prefix: &str) -> Result<(), InvalidValue> {
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || b"_-.:@+/".contains(&c);
    let is_fit = prefix.len() <= NAME_MAX && prefix.bytes().all(is_allowed);
    if is_fit { Ok(()) } else { Err(InvalidValue::Name) }
}

/// How many values one commit writes at most.
pub const VALUES_MAX: usize = 16;
/// The longest namespace, in bytes.
const NAMESPACE_MAX: usize = 64;
/// The longest name, in bytes.
const NAME_MAX: usize = 128;
/// The largest value, in bytes.
const VALUE_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_safe_alphabet_and_a_length() {
        let longest = ("n".repeat(NAMESPACE_MAX), "N".repeat(NAME_MAX));
        for (namespace, name) in
            [("billing", "user_2x/Plan:1"), ("a.b-c_9", "ada+x@example.com"), (&longest.0, &longest.1)]
        {
            let key = ValueKey::new(namespace, name).expect("a key");
            assert_eq!((key.namespace(), key.name()), (namespace, name));
        }
        let longer = "n".repeat(NAMESPACE_MAX + 1);
        for namespace in ["", "A", "a/b", "a\0", "ä", &longer] {
            assert_eq!(ValueKey::new(namespace, "a"), Err(InvalidValue::Namespace), "{namespace:?}");
        }
        let longer = "n".repeat(NAME_MAX + 1);
        for name in ["", "a b", "a\0", "ä", "a\n", &longer] {
            assert_eq!(ValueKey::new("a", name), Err(InvalidValue::Name), "{name:?}");
        }
        assert_eq!((check_prefix(""), check_prefix("a b")), (Ok(()), Err(InvalidValue::Name)));
    }

    #[test]
    fn a_value_has_at_most_16_kib() {
        let key = || ValueKey::new("a", "b").expect("a key");
        assert!(ApplicationValue::new(key(), vec![0; VALUE_MAX]).is_ok());
        assert_eq!(ApplicationValue::new(key(), vec![0; VALUE_MAX + 1]), Err(InvalidValue::TooLarge));
    }
}
