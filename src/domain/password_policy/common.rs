//! The most used passwords of several languages, and the words and names that most passwords are made of.
//! `common/README.md` names the sources.

use super::disguise::{cores, fold, is_date, repeated, without_separators, without_shift};

/// Whether a password is one of the most used ones, also when disguised: stand-ins for letters, case, added digits,
/// years and signs, repetition, reversal. `password` is in lower case.
///
/// The work is bounded by the square of [`super::EXAMINED_MAX`] and the logarithm of the list.
pub(super) fn is_common(password: &[char]) -> bool {
    let readings = [password.to_vec(), without_shift(password), without_separators(password)];
    readings.iter().any(|reading| {
        if is_date(reading) {
            return true;
        }
        let mut beneath = [reading.as_slice(), repeated(reading)].into_iter();
        beneath.any(|text| {
            cores(text, is_listed).any(|core| {
                let once = repeated(core);
                is_next_to_nothing(once) || is_listed(once) || is_listed(core)
            })
        })
    })
}

/// Whether the list contains it, forwards or backwards.
fn is_listed(core: &[char]) -> bool {
    core.len() <= ENTRY_MAX && (has(&fold(core.iter().copied())) || has(&fold(core.iter().rev().copied())))
}

/// Whether it is so short that there are fewer such texts than entries on the list.
fn is_next_to_nothing(core: &[char]) -> bool {
    core.len() <= 3 && core.iter().all(char::is_ascii_lowercase)
}

/// Whether a folded text is an entry: a binary search in the sorted lines, without an index to build.
fn has(folded: &str) -> bool {
    let mut rest = LIST;
    while !rest.is_empty() {
        let middle = rest.as_bytes()[..rest.len() / 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (before, from) = rest.split_at(middle);
        let (line, after) = from.split_once('\n').unwrap_or((from, ""));
        match folded.cmp(line) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = before,
            std::cmp::Ordering::Greater => rest = after,
        }
    }
    false
}

/// Folded entries, sorted by bytes, unique, one per line.
const LIST: &str = include_str!("common/list.txt");
/// The longest entry, in code points.
const ENTRY_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn common(password: &str) -> bool {
        let lower: Vec<char> = password.chars().flat_map(char::to_lowercase).collect();
        is_common(&lower)
    }

    #[test]
    fn the_list_is_folded_and_sorted_and_every_entry_is_found() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() >= 70_000, "{}", lines.len());
        assert!(lines.is_sorted_by(|a, b| a < b));
        for line in lines {
            assert!(has(line), "{line}");
            assert_eq!(fold(line.chars()), line);
            assert!((if line.is_ascii() { 4 } else { 2 }..=ENTRY_MAX).contains(&line.chars().count()), "{line}");
        }
        for absent in ["", "\n", "wandersundereims", "aaaaaaaaaaaaaaaa", "zzzzzzzzzzzz", "~"] {
            assert!(!has(absent), "{absent:?}");
        }
    }

    #[test]
    fn the_most_used_are_common_in_any_disguise() {
        for password in COMMON.split_whitespace() {
            assert!(common(password), "{password}");
        }
        for password in
            ["كلمة السر", "رمز المرور", "I Love You", "pass word 1", "q w e r t y", "we.l.come 2025", "15. 08. 1990"]
        {
            assert!(common(password), "{password}");
        }
    }

    #[test]
    fn others_are_not() {
        for password in GOOD.lines() {
            assert!(!common(password), "{password}");
        }
    }

    #[test]
    fn no_password_of_chance_is_common() {
        let letters: Vec<char> = "abcdefghijkmnpqrstuvwxyz23456789".chars().collect();
        let mut state = 1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            letters[(state >> 33) as usize % letters.len()]
        };
        for _ in 0..2_000 {
            let password: Vec<char> = (0..10).map(|_| next()).collect();
            assert!(!is_common(&password), "{password:?}");
        }
    }

    const COMMON: &str = "Admin@123 Welcome@123 azerty123 12345678901 Qwerty@123 India@123 minecraft P@ssw0rd password
        12345678 123456789 1234567890 Aa123456 Aa@123456 Pass@123 admin123 12345678910 admintelecom 11223344 Abcd1234
        Abcd@1234 Password1 Password@123 Password123! lol123456 hacker1234 Gmail.12345 Kumar@123 Pakistan123 Hello123!
        student1 theworldinyourhand Admin@2025 Welcome2025! Test@123 test1234 qwerty123 qwertyuiop 1q2w3e4r5t 1qaz2wsx
        1qaz@WSX !QAZ2wsx zaq12wsx Zaq1@wsx abc123456 123456abc a123456789 123456789a asdfghjkl zxcvbnm123 iloveyou1
        princess1 football1 sunshine! superman1 Batman2024 liverpool1 charlie123 Michael1 jessica1990 password12 passw0rd1
        P4ssw0rd! pa55word Pa$$w0rd drowssap 0987654321 9876543210 1234qwer qwer1234 qwer@1234 asdf1234 11111111 00000000
        88888888 12121212 123123123 12341234 147258369 987654321 1122334455 741852963 123qweasd Qwe123456 pokemon123
        samsung1 facebook1 Google@123 Fortnite1 Roblox123 motdepasse contraseña contrasena1 Passwort1 Passwort123
        hallo1234 schatz123 Sommer2024 senha123 Senha@123 brasil123 flamengo1 bonjour1 marseille soleil123 doudou123
        ciao1234 Juventus1 andrea123 polska123 haslo1234 Heslo1234 salasana1 wachtwoord welkom01 Welkom123 sayang123
        bismillah bangladesh Mumbai@123 krishna123 jaishreeram пароль123 йцукен123 !@#$%^&* abcd12345 Abc@12345
        changeme1 letmein123 Master@123 root@1234 user1234 guest1234 Temp@123 Summer2025! Winter2024 October2025
        Rahul@123 Priya@2024 Virat@18 Pubgmobile1 Starlink1 jesuscristo sonnenschein qwertzuiop 1q2w3e4r5t6y7u suomi123
        monkey123 dragon123 naruto123 valorant1 15081990 19900815 12/25/1999 Kolkata@123 Singapore1 1q2w3e4r 1a2b3c4d q1w2e3r4 password. computer1
        123456789! 123456Aa Aa12345678 Ab123456 йцукенгш blackpink
        taylorswift alhamdulillah aiueo123 qlalfqjsgh wjdqhrud qpwoeiru bendicion amormeu1 наташа123 wodemima olympique
        parispsg olympiakos panathinaikos crvenazvezda hajduk1950 gizli1234 postgres mysql123 kubernetes nagios123
        zabbix123 vmware123! pfsense1 mikrotik1 dlink1234 telecomadmin vizxv123 пассворд123 密码12345678 كلمةالسر
        xc3511123 raspberry1 jenkins123 Grafana@2025 cisco123! oracle123 elasticsearch Galatasaray1905 fenerbahce1907
        beyonce123 twice2015 dkssudgktpdy tkfkdgo123 mashallah1 inshallah1 привет123 любовь123 你好123456 我爱你1314
        секрет123 geheim123 ασφαλεια ',.pyfgcrl aoeuidhtns Владимир1990 محمد123456 ab12345678 qazwsxedc Qazwsx123 xxxxxxxx qweasdzxc aaaaaaaa1 159753456";

    const GOOD: &str = "wanders under elms
Correct horse 7!
correct horse battery staple
strolls beneath oaks
wanders under elms 47
tK7#vq2Lz9
x9mQ!72kfW
elefantenrüssel im porzellan
hXq84-bvT2-mm3R
kirsche fährt bagger
4821-7739-1046
15982090
sieben Zwerge trinken Tee
zebra-lamp-orbit-9
我爱吃苹果和香蕉
bicycle4821thunder
Tr0ub4dor&3x
no-more-secrets-here
m9$kd!wp
thequickbrownfoxjumpsover";
}
