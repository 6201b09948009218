use proptest::prelude::*;

use super::super::{DigestCost, HashOptions, HashParameters, HashPool};
use super::*;
use crate::domain::secret::Secret;

/// Digests that the programs of the hashers made: `vectors.py`.
const VECTORS: &str = include_str!("vectors.txt");

struct Vector {
    hasher: &'static str,
    digest: &'static str,
    password: &'static str,
}

fn vectors() -> impl Iterator<Item = Vector> {
    VECTORS.lines().map(|line| {
        let mut parts = line.split('\t');
        let mut part = || parts.next().expect("three parts");
        Vector { hasher: part(), digest: part(), password: part() }
    })
}

fn pool() -> HashPool {
    let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
    HashPool::new(HashOptions { parameters, threads: 1, ..HashOptions::default() }).expect("a pool")
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn parsed(hasher: &str, digest: &str) -> ForeignDigest {
    ForeignDigest::parse(hasher, digest).unwrap_or_else(|error| panic!("{hasher} {digest}: {error}"))
}

#[tokio::test]
async fn each_digest_verifies_its_password_and_no_other() {
    let pool = pool();
    let mut hashers: Vec<&str> = Vec::new();
    for Vector { hasher, digest, password } in vectors() {
        hashers.push(hasher);
        let stored = pool.adopt(&parsed(hasher, digest)).await.expect("a text to store");
        assert_eq!(pool.verify(secret(password), stored.clone(), None).await, Ok(true), "{hasher} {digest} {password}");
        for wrong in ["", "wanders under oaks", "Wanders under elms", &password[1..]] {
            let fits = pool.verify(secret(wrong), stored.clone(), None).await;
            assert_eq!(fits, Ok(false), "{hasher} {digest} {wrong}");
        }
    }
    for hasher in ALL {
        assert!(hashers.contains(&hasher.name()), "no vector of {hasher:?}");
    }
}

#[cfg(feature = "rustcrypto")]
#[test]
fn both_implementations_compute_argon2_alike() {
    for Vector { hasher, digest, password } in vectors().filter(|vector| vector.hasher.starts_with("argon2")) {
        let digest = parsed(hasher, digest);
        for implementation in [Implementation::Fast, Implementation::RustCrypto] {
            assert_eq!(digest.compute(password.as_bytes(), implementation).as_deref(), Some(digest.tag()));
        }
    }
}

#[tokio::test]
async fn a_digest_is_written_as_it_was_read_and_a_fast_one_is_never_stored() {
    let pool = pool();
    for Vector { hasher, digest, .. } in vectors() {
        let read = parsed(hasher, digest);
        assert_eq!(parsed(hasher, &read.write()), read, "{digest}");
        let stored = pool.adopt(&read).await.expect("a text to store").into_inner();
        let is_fast = ["md5", "sha256", "ldap_ssha", "phpass"].contains(&hasher);
        assert_eq!(read.is_fast(), is_fast);
        assert_eq!(stored.starts_with(&format!("{hasher}+argon2id$")), is_fast, "{stored}");
        assert_eq!(stored.contains(&read.write()), !is_fast, "{stored}");
        assert!(!stored.starts_with('$'), "only ours do: {stored}");
        assert!(!format!("{read:?}").contains(&read.write()), "it is a secret");
        let as_it_came = secret(&format!("{hasher}${}", read.write()));
        assert_eq!(HashPool::cost_of(&as_it_came).is_none(), is_fast, "a stored fast digest is not verified");
    }
}

#[tokio::test]
async fn a_dummy_costs_the_same_and_says_nothing_of_the_user() {
    let pool = pool();
    for Vector { hasher, digest, password } in vectors() {
        let stored = pool.adopt(&parsed(hasher, digest)).await.expect("a text to store");
        let cost = HashPool::cost_of(&stored).expect("a cost");
        assert!(cost.needs_rehash(HashParameters { m_kib: 8, t: 1, p: 1 }), "whatever ours cost");
        let DigestCost::Foreign(foreign) = &cost else { panic!("{cost:?}") };
        let text = foreign.as_str();
        for part in ["salt", "c2Vhc2Fsd", "42xEC", "jxspr8", "abcdefghij"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
        assert_eq!(super::super::ForeignCost::parse(text).as_ref(), Some(foreign));
        let dummy = HashPool::dummy_hash(&cost);
        assert_eq!(HashPool::cost_of(&dummy), Some(cost), "{hasher}");
        assert_eq!(pool.verify(secret(password), dummy, None).await, Ok(false));
    }
}

#[tokio::test]
async fn bcrypt_reads_72_bytes_and_djangos_variant_the_whole_password() {
    let pool = pool();
    let long = "x".repeat(72);
    for (hasher, is_cut) in [("bcrypt", true), ("bcrypt_sha256_django", false), ("pbkdf2_sha1", false)] {
        let Vector { digest, .. } =
            vectors().find(|vector| vector.hasher == hasher && vector.password == long).expect("a vector");
        let stored = pool.adopt(&parsed(hasher, digest)).await.expect("a text to store");
        let fits = pool.verify(secret(&format!("{long} and more")), stored, None).await;
        assert_eq!(fits, Ok(is_cut), "{hasher}");
    }
}

#[tokio::test]
async fn bcrypt_takes_no_password_with_a_zero_byte() {
    let pool = pool();
    let Vector { hasher, digest, .. } =
        vectors().find(|vector| vector.hasher == "bcrypt" && vector.password == "a").expect("a vector");
    let stored = pool.adopt(&parsed(hasher, digest)).await.expect("a text to store");
    // bcrypt repeats the password with its final zero byte, so these give the same digest.
    for same in ["a\0a", "a\0a\0a"] {
        assert_eq!(pool.verify(secret(same), stored.clone(), None).await, Ok(false));
    }
}

#[test]
fn a_malformed_digest_is_refused_with_the_form_that_it_should_have() {
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuuYLDw9WU4BQw.m9l5rPA2GXJVEXTUW2C";
    let key = "A".repeat(86) + "==";
    let hex40 = "0".repeat(40);
    let hex128 = "0".repeat(128);
    let cases: Vec<(&str, String)> = vec![
        ("bcrypt", String::new()),
        ("bcrypt", bcrypt[1..].to_owned()),
        ("bcrypt", bcrypt[..59].to_owned()),
        ("bcrypt", format!("{bcrypt}a")),
        ("bcrypt", bcrypt.replace("$04$", "$4$$")),
        ("bcrypt", bcrypt.replace("$04$", "$03$")),
        ("bcrypt", bcrypt.replace("$04$", "$32$")),
        ("bcrypt", bcrypt.replace("$04$", "$+4$")),
        ("bcrypt", bcrypt.replace("$2b$", "$2$")),
        ("bcrypt", bcrypt.replace("abcdefgh", "éééé")),
        ("bcrypt", bcrypt.replace('a', "=")),
        ("bcrypt_sha256_django", bcrypt.to_owned()),
        ("bcrypt_sha256_django", format!("bcrypt_sha256{bcrypt}")),
        ("argon2id", "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2id$v=19$m=64,t=1,p=0$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2id", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA".into()),
        ("argon2id", "$argon2id$v=19$m=64,t=1,p=1,keyid=a$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("argon2i", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256", "pbkdf2_sha256$0$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256", "pbkdf2_sha256$1$$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256", "pbkdf2_sha256$1$not base64$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256", "pbkdf2_sha256$1$c2FsdA$AAAA".into()),
        ("pbkdf2_sha256", "pbkdf2_sha256$1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA$16".into()),
        ("pbkdf2_sha256", "$pbkdf2-sha256$i=1,l=32$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256_django", "pbkdf2_sha1$1$salt$AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("pbkdf2_sha256_django", "!".into()),
        ("pbkdf2_sha1", format!("pbkdf2_sha1$1$salt${hex40}$32")),
        ("pbkdf2_sha1", format!("pbkdf2_sha1$1$salt${}", &hex40[1..])),
        ("pbkdf2_sha1", format!("pbkdf2_sha1$99999999999$salt${hex40}")),
        ("scrypt_firebase", format!("{key}$c2FsdA==${key}$Bw==$8")),
        ("scrypt_firebase", format!("{key}$c2FsdA==${key}$Bw==$0$14")),
        ("scrypt_firebase", format!("{key}$c2FsdA==${key}$Bw==$8$0")),
        ("scrypt_firebase", format!("{key}$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA$Bw==$8$14")),
        ("scrypt_werkzeug", format!("scrypt:1000:8:1$salt${hex128}")),
        ("scrypt_werkzeug", format!("scrypt:1:8:1$salt${hex128}")),
        ("scrypt_werkzeug", format!("scrypt:0:8:1$salt${hex128}")),
        ("scrypt_werkzeug", format!("scrypt:1024:8$salt${hex128}")),
        ("scrypt_werkzeug", format!("pbkdf2:sha256:1000$salt${hex128}")),
        ("scrypt_werkzeug", format!("scrypt:1024:8:1$salt${hex40}")),
        ("phpass", "$P$5seasalt.jf9lKyvlruZuv/bMqizEM".into()),
        ("phpass", "$P$5seasalt.jf9lKyvlruZuv/bMqizEMz".into()),
        ("phpass", "$P$4seasalt.jf9lKyvlruZuv/bMqizEM0".into()),
        ("phpass", "$P$5séasalt.f9lKyvlruZuv/bMqizEM0".into()),
        ("phpass", "$1$5seasalt.jf9lKyvlruZuv/bMqizEM0".into()),
        ("md5", "ffc1c7f58a700540c1c854ca98474cd".into()),
        ("md5", "ffc1c7f58a700540c1c854ca98474cdg".into()),
        ("sha256", "ffc1c7f58a700540c1c854ca98474cdc".into()),
        ("ldap_ssha", "{SHA}08K3Qc76yEHB94MHaVm4AeXjNSlzYWx0".into()),
        ("ldap_ssha", "{SSHA}08K3Qc76yEHB94MHaVm4AeXjNSk=".into()),
        ("ldap_ssha", "ééé".into()),
    ];
    for (hasher, digest) in cases {
        let error = ForeignDigest::parse(hasher, &digest).expect_err(&digest);
        assert!(matches!(error, ForeignDigestError::Malformed { .. }), "{hasher} {digest}: {error}");
        assert!(error.to_string().contains(hasher));
    }
}

#[test]
fn what_costs_too_much_is_refused_when_it_is_read() {
    let rest = "abcdefghijklmnopqrstuuYLDw9WU4BQw.m9l5rPA2GXJVEXTUW2C";
    let (key, hex128) = ("A".repeat(86) + "==", "0".repeat(128));
    let tag = "AAAAAAAAAAAAAAAAAAAAAA";
    let sha1 = |rounds: u32, bytes: usize| format!("pbkdf2_sha1${rounds}$salt${}", "00".repeat(bytes));
    let cases: Vec<(&str, String, String)> = vec![
        ("bcrypt", format!("$2b$15${rest}"), format!("$2b$16${rest}")),
        ("bcrypt", format!("$2b$15${rest}"), format!("$2b$31${rest}")),
        ("bcrypt_sha256_django", format!("bcrypt_sha256$$2b$15${rest}"), format!("bcrypt_sha256$$2b$16${rest}")),
        (
            "argon2i",
            format!("$argon2i$v=19$m=262144,t=16,p=8$c2FsdHNhbHQ${tag}"),
            format!("$argon2i$v=19$m=262145,t=1,p=1$c2FsdHNhbHQ${tag}"),
        ),
        (
            "argon2id",
            format!("$argon2id$v=19$m=64,t=16,p=8$c2FsdHNhbHQ${tag}"),
            format!("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${tag}"),
        ),
        ("pbkdf2_sha256", format!("pbkdf2_sha256$4000000$c2FsdA${tag}"), format!("pbkdf2_sha256$4000001$c2FsdA${tag}")),
        (
            "pbkdf2_sha256_django",
            format!("pbkdf2_sha256$4000000$salt${tag}"),
            format!("pbkdf2_sha256$1000000000$salt${tag}"),
        ),
        // The last byte is in a second block.
        ("pbkdf2_sha1", sha1(4_000_000, 20), sha1(4_000_000, 21)),
        ("scrypt_firebase", format!("{key}$c2FsdA==${key}$Bw==$8$18"), format!("{key}$c2FsdA==${key}$Bw==$8$30")),
        ("scrypt_werkzeug", format!("scrypt:262144:8:4$salt${hex128}"), format!("scrypt:262144:8:5$salt${hex128}")),
        ("scrypt_werkzeug", format!("scrypt:262144:8:1$salt${hex128}"), format!("scrypt:262144:9:1$salt${hex128}")),
        (
            "scrypt_werkzeug",
            format!("scrypt:2:1:1$salt${hex128}"),
            format!("scrypt:9223372036854775808:1:1$salt${hex128}"),
        ),
        ("phpass", format!("$P$Gseasalt.{tag}").replace('A', "."), format!("$P$Hseasalt.{tag}").replace('A', ".")),
    ];
    for (hasher, dear, too_dear) in cases {
        let read = parsed(hasher, &dear);
        assert_eq!(read.hasher(), hasher);
        let error = ForeignDigest::parse(hasher, &too_dear).expect_err(&too_dear);
        assert!(matches!(error, ForeignDigestError::TooCostly { .. }), "{hasher} {too_dear}: {error}");
        let stored = secret(&format!("{hasher}${too_dear}"));
        assert_eq!(HashPool::cost_of(&stored), None, "nor is it verified when it is stored");
    }
}

#[test]
fn hashers_that_are_not_supported_are_told_from_those_that_are_not_known() {
    for hasher in ["awscognito", "md5_phpass"] {
        let error = ForeignDigest::parse(hasher, "anything").expect_err(hasher);
        assert!(matches!(error, ForeignDigestError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(hasher));
    }
    for unknown in ["", "BCRYPT", "bcrypt ", "rot13"] {
        assert_eq!(ForeignDigest::parse(unknown, "anything"), Err(ForeignDigestError::UnknownHasher));
    }
    let error = ForeignDigest::parse("bcrypt", "$2x$04$abcdefghijklmnopqrstuuYLDw9WU4BQw.m9l5rPA2GXJVEXTUW2C");
    assert!(matches!(error, Err(ForeignDigestError::Unsupported { hasher: "bcrypt", .. })), "{error:?}");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_what_is_read_is_written_alike(
        hasher in proptest::sample::select(ALL.to_vec()),
        text in "[$:=,.{}+/A-Za-z0-9é\u{0}]{0,80}",
    ) {
        if let Ok(read) = ForeignDigest::parse(hasher.name(), &text) {
            prop_assert_eq!(ForeignDigest::parse(hasher.name(), &read.write()), Ok(read));
        }
    }

    #[test]
    fn no_damage_to_a_digest_makes_the_parser_panic(
        at in any::<proptest::sample::Index>(),
        cut in 0..4_usize,
        by in "[$:=,.{}+/A-Za-z0-9é\u{0}]{0,3}",
        vector in any::<proptest::sample::Index>(),
    ) {
        let all: Vec<Vector> = vectors().collect();
        let Vector { hasher, digest, .. } = vector.get(&all);
        let at = at.index(digest.len() + 1);
        let damaged = format!("{}{by}{}", &digest[..at], &digest[(at + cut).min(digest.len())..]);
        if let Ok(read) = ForeignDigest::parse(hasher, &damaged) {
            prop_assert_eq!(ForeignDigest::parse(hasher, &read.write()), Ok(read));
        }
        let stored = secret(&format!("{hasher}${damaged}"));
        if let Some(cost) = HashPool::cost_of(&stored) {
            let dummy = HashPool::dummy_hash(&cost);
            prop_assert_eq!(HashPool::cost_of(&dummy), Some(cost));
        }
    }
}
