//! Text from outside: parsing it always ends without a panic, and text written by this program is read back unchanged.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vestibule::domain::id::{ClientId, InvitationId, SignInId, SignUpId, UserId};
use vestibule::domain::identifier::{EmailAddress, PhoneNumber, Username, UsernameSettings};
use vestibule::domain::metadata::Metadata;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::Settings;
use vestibule::domain::sign_in;
use vestibule::domain::sign_up::{Fields, NewSignUp};
use vestibule::domain::time::Timestamp;
use vestibule::domain::verification::{LinkOwner, LinkToken, OneTimeCode, Strategy as Way, parse_strategy};
use vestibule::entropy::SeededEntropy;
use vestibule::token::{FlowId, InstanceKey, OAuthState, RedirectTargets, TokenCarrier, parse_client_token};

proptest! {
    #[test]
    fn a_state_reads_back_and_leads_where_it_led(request in requests(), targets in targets()) {
        let state = request.state(&targets, &key());
        let (read, led) = OAuthState::read(&state, &key()).expect("a state of this instance");
        prop_assert_eq!(read, request);
        // Redirect targets that are too long for a state parameter are left out.
        prop_assert!(led.is_none_or(|led| led == targets));
        prop_assert!(state.len() <= 500 && state.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }

    #[test]
    fn a_state_that_was_changed_is_none(request in requests(), targets in targets(), at in any::<prop::sample::Index>(), to in any::<char>()) {
        let state = request.state(&targets, &key());
        let mut letters: Vec<char> = state.chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != to);
        letters[at] = to;
        let changed: String = letters.into_iter().collect();
        prop_assert_eq!(OAuthState::read(&changed, &key()), None);
    }

    #[test]
    fn a_ticket_reads_back_and_a_changed_one_does_not(id in any::<[u8; 16]>(), at in any::<prop::sample::Index>(), to in any::<char>()) {
        let id = InvitationId::from_bytes(id);
        let ticket = key().ticket(id).into_inner();
        prop_assert_eq!(key().read_ticket(&ticket), Some(id));
        let mut letters: Vec<char> = ticket.chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != to);
        letters[at] = to;
        prop_assert_eq!(key().read_ticket(&letters.into_iter().collect::<String>()), None);
    }

    #[test]
    fn a_clients_token_reads_back_and_is_good_for_its_client_alone(
        id in any::<[u8; 16]>(),
        generation in any::<u32>(),
        salt in any::<[u8; 16]>(),
    ) {
        let id = ClientId::from_bytes(id);
        let token = key().client_token(id, generation, &salt);
        let read = parse_client_token(token.expose()).expect("a token");
        prop_assert_eq!((read.client_id, read.generation), (id, generation));
        prop_assert!(key().verify(&read, &salt));
        prop_assert!(!key().verify(&read, &salt.map(|byte| !byte)));
    }

    #[test]
    fn a_link_and_an_id_read_back(id in any::<[u8; 16]>(), seed in any::<u64>()) {
        let token = LinkToken::generate(LinkOwner::SignUp(SignUpId::from_bytes(id)), &mut SeededEntropy::new(seed));
        prop_assert_eq!(LinkToken::parse(&token.expose()), Some(token));
        let owner = LinkOwner::SignIn(SignInId::from_bytes(id), ClientId::from_bytes(id.map(|byte| !byte)));
        let token = LinkToken::generate(owner, &mut SeededEntropy::new(seed));
        prop_assert_eq!(LinkToken::parse(&token.expose()), Some(token));
        let id = UserId::from_bytes(id);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_code_reads_back_however_it_is_set_apart(seed in any::<u64>(), around in "[ \\-.\t()]{0,4}", between in "[ \\-\u{a0}]{0,2}") {
        let code = OneTimeCode::generate(&mut SeededEntropy::new(seed));
        let text = code.expose();
        let (left, right) = text.split_at(3);
        prop_assert_eq!(OneTimeCode::parse(&format!("{around}{left}{between}{right}{around}")), Some(code));
    }

    #[test]
    fn identifiers_that_were_read_read_back_as_they_are(text in spellings()) {
        if let Ok(email) = EmailAddress::parse(&text) {
            let again = EmailAddress::parse(email.as_str()).map(|again| again.as_str().to_owned());
            prop_assert_eq!(again.as_deref(), Ok(email.as_str()));
        }
        if let Ok(phone) = PhoneNumber::parse(&text) {
            prop_assert_eq!(PhoneNumber::parse(phone.as_str()), Ok(phone));
        }
        let rules = UsernameSettings::default();
        if let Ok(username) = Username::parse(&text, &rules) {
            prop_assert_eq!(Username::parse(username.as_str(), &rules), Ok(username));
        }
        if let Ok(way) = text.parse::<Way>() {
            prop_assert_eq!(way.to_string(), text);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in spellings(), bytes in vec(any::<u8>(), 0..90)) {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        for text in [text.as_str(), encoded.as_str()] {
            prop_assert_eq!(OAuthState::read(text, &key()), None);
            prop_assert_eq!(key().read_ticket(text), None);
            let _read = (OneTimeCode::parse(text), LinkToken::parse(text), parse_client_token(text), text.parse::<UserId>());
            let _is_one = key().is_testing_token(text, Timestamp::EPOCH);
            let (mut settings, some) = (Settings::default(), || Some(text.to_owned()));
            let attributes = &mut settings.attributes;
            for attribute in [
                &mut attributes.email_address,
                &mut attributes.phone_number,
                &mut attributes.username,
                &mut attributes.first_name,
                &mut attributes.password,
            ] {
                (attribute.enabled, attribute.used_for_first_factor) = (true, true);
            }
            let raw = NewSignUp {
                email_address: some(),
                phone_number: some(),
                email_address_or_phone_number: some(),
                username: some(),
                password: some().map(Secret::new),
                first_name: some(),
                unsafe_metadata: Metadata::parse("unsafe_metadata", text).ok(),
                locale: some(),
                strategy: parse_strategy(Some(text)).ok(),
                ticket: some(),
                ..NewSignUp::default()
            };
            let _fields = (Fields::parse(&raw.into(), &settings), sign_in::identifier(text, &settings));
        }
    }
}

fn requests() -> impl Strategy<Value = OAuthState> {
    let gates = prop_oneof![Just(TokenCarrier::Cookie), Just(TokenCarrier::Header), Just(TokenCarrier::DevBrowser)];
    (any::<[u8; 16]>(), any::<bool>(), any::<[u8; 16]>(), gates, any::<[u8; 16]>()).prop_map(
        |(id, is_sign_up, client, carrier, nonce)| {
            let sign_in = || FlowId::SignIn(SignInId::from_bytes(id));
            let of = if is_sign_up { FlowId::SignUp(SignUpId::from_bytes(id)) } else { sign_in() };
            OAuthState { of, client: ClientId::from_bytes(client), carrier, nonce }
        },
    )
}

fn targets() -> impl Strategy<Value = RedirectTargets> {
    let url = || "https://[a-z]{1,9}\\.example/[ -~é€]{0,120}";
    (url(), option::of(url()))
        .prop_map(|(redirect_url, complete)| RedirectTargets { redirect_url, action_complete_redirect_url: complete })
}

/// Random text of many kinds, much of it nearly valid.
fn spellings() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        any::<String>(),
        "[a-zA-Z0-9.+_%'-]{0,20}[@＠][a-zA-Z0-9.-]{0,20}",
        "[<\"( ]{0,2}[a-zß-ÿ0-9.+]{1,9}@[a-zß-ÿ0-9]{1,9}\\.[a-z]{2,4}[>\") ,.]{0,2}",
        "(tel:|00)?[+＋]?[0-9() ./-]{0,24}",
        "\\+(1|44|49|39|7|86)[0-9]{6,12}",
        "[a-zA-Z0-9_.-]{0,12}",
        "(oauth|oauth_token|from_oauth|web3)_[a-z0-9_]{0,12}(_signature)?",
    ]
}

fn key() -> InstanceKey {
    InstanceKey::from_bytes([7; 32].into())
}
