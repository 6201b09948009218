use std::collections::BTreeSet;
use std::path::Path;

use crate::delivery::{Callback, Channel};
use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::domain::client::reverification::Level;
use crate::domain::event::Position;
use crate::domain::id::{
    AddressVerificationId, ExternalAccountId, IdentificationId, InvitationId, ListedIdentifierId, MessageId,
    RedirectUrlId, SessionId, SignInId, SignInTokenId, SignUpId, UserId, WaitlistEntryId,
};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::invitation::NewInvitation;
use crate::domain::listed::List;
use crate::domain::metadata::Metadata;
use crate::domain::secret::Secret;
use crate::domain::settings::overrides::Overrides;
use crate::domain::sign_up::{BackendUpdate, NewSignUp, SignUpPatch};
use crate::domain::time::Timestamp;
use crate::domain::user::{NewUser, ProfilePatch, UserChange, UserPatch};
use crate::domain::verification::{AuthorizeParams, Strategy};
use crate::engine::{
    ApprovedLink, AttemptFirstFactor, AttemptSecondFactor, AttemptVerification, Caller, Engine, EngineError,
    EventsFrom, HandshakeRequest, ListParams, MessageFilter, NewOwnPassword, NewSignIn, PrepareFirstFactor,
    PrepareVerification, ProviderCallback, RequestContext, ResetPassword, ReverifyAttempt, ReverifyPrepare,
    SessionListParams, UserFilter, UserListParams,
};

use super::*;

#[tokio::test]
async fn without_a_place_every_call_is_refused() {
    let engine = Engine::builder().requests_max(0).build().await.expect("an engine");
    let outcomes = outcomes(&engine).await;
    for (name, outcome) in &outcomes {
        assert_eq!(*outcome, Some(EngineError::Overloaded { retry_after: RETRY_AFTER }), "{name}");
    }
    // These are not limited: one only counts what is in memory, two start and stop the engine, and one waits for the next
    // event.
    let beside = ["awake_sign_ups", "build", "shutdown", "next"];
    // A cursor of events makes the calls with the names behind.
    let of_cursors =
        [("advance", "advance_cursor"), ("position", "cursor_position"), ("subscribe", "subscribe_to_events")];
    let called = outcomes.iter().map(|(name, _)| *name).chain(beside).chain(of_cursors.map(|(name, _)| name));
    let mut known = calls_in(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine")));
    known.retain(|name| cfg!(feature = "webhooks") || !name.contains("webhook"));
    known.extend(of_cursors.map(|(_, call)| call.to_owned()));
    assert_eq!(called.map(str::to_owned).collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn a_call_needs_one_place_only() {
    let engine = Engine::builder().requests_max(1).build().await.expect("an engine");
    for (name, outcome) in outcomes(&engine).await {
        assert!(!matches!(outcome, Some(EngineError::Overloaded { .. })), "{name}");
    }
}

#[tokio::test]
async fn an_engine_that_shuts_down_says_so_before_it_looks_at_a_token() {
    let engine = Engine::builder().build().await.expect("an engine");
    let other = engine.clone();
    engine.shutdown().await;
    let refused = other.identify(None).await.err();
    assert_eq!(refused, Some(EngineError::Overloaded { retry_after: RETRY_AFTER }));
}

macro_rules! outcomes {
    ($engine:ident: $($name:ident($($argument:expr),*),)*) => {
        vec![$((stringify!($name), $engine.$name($($argument),*).await.err())),*]
    };
}

/// Makes every call; the error of each, if it was refused.
async fn outcomes(engine: &Engine) -> Vec<(&'static str, Option<EngineError>)> {
    let (context, caller) = (&RequestContext::default(), &engine.or_opened(&Caller::anonymous()));
    let (sign_up, sign_in) = (SignUpId::from_bytes([1; 16]), SignInId::from_bytes([1; 16]));
    let (session, list) = (SessionId::from_bytes([1; 16]), &ListParams::default());
    let (invitation, entry) = (InvitationId::from_bytes([1; 16]), WaitlistEntryId::from_bytes([1; 16]));
    let user = UserId::from_bytes([1; 16]);
    let message = MessageId::from_bytes([1; 16]);
    let approved = ApprovedLink {
        flow_id: sign_up.to_string(),
        approval_token: Secret::new(String::new()),
        code_verifier: Secret::new(String::new()),
    };
    let approved_sign_in = ApprovedLink { flow_id: sign_in.to_string(), ..approved.clone() };
    let callback = &Callback { url: "", headers: &[], body: b"", at: Timestamp::EPOCH, certificate: None };
    let value_key = &ValueKey::new("billing", "user_1").expect("a key");
    let value = &ApplicationValue::new(value_key.clone(), "free").expect("a small value");
    let (listed, redirect) = (ListedIdentifierId::from_bytes([1; 16]), RedirectUrlId::from_bytes([1; 16]));
    let address = Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() };
    let second = AttemptSecondFactor { strategy: Strategy::Totp, code: Some("424242".into()) };
    let reset = ResetPassword { password: Secret::new("wanders under elms".into()), sign_out_of_other_sessions: false };
    let (code, invite) = (Strategy::EmailCode, NewInvitation::to("ada@example.com"));
    let (address_id, account) = (IdentificationId::from_bytes([1; 16]), ExternalAccountId::from_bytes([1; 16]));
    let new_password = NewOwnPassword {
        current_password: None,
        new_password: Secret::new("wanders under elms".into()),
        sign_out_of_other_sessions: false,
    };
    let metadata = Metadata::parse("unsafe_metadata", "{}").expect("an object");
    let asked = ReverifyPrepare { strategy: code.clone(), address_id: None, is_second: false };
    let attempt = ReverifyAttempt {
        strategy: code.clone(),
        code: None,
        password: None,
        public_key_credential: None,
        is_second: false,
    };
    #[cfg_attr(not(feature = "webhooks"), expect(unused_mut, reason = "there are no others without webhooks"))]
    let mut outcomes = outcomes! { engine:
        add_own_email(caller, None, "ada@example.com", context),
        add_own_phone(caller, None, ("+14155552671", false), context),
        advance_cursor("cursor", Position::new(1, 0)),
        accept_ticket(caller, "ticket", context),
        add_totp(caller, None, context),
        advance_clock(Span::from_secs(1)),
        application_value(value_key),
        application_values("billing", "", None, 10),
        approve_sign_up(sign_up),
        attempt_own_address(caller, None, (address_id, "424242"), context),
        attempt_own_passkey(caller, None, (address_id, "{}"), context),
        begin_own_passkey(caller, None, context),
        attempt_reverification(caller, session, &attempt, context),
        attempt_address(IdentificationId::from_bytes([1; 16]), AddressVerificationId::from_bytes([1; 16]), "424242"),
        attempt_first_factor(caller, sign_in, &AttemptFirstFactor::code(code.clone(), "424242"), context),
        attempt_second_factor(caller, sign_in, &second, context),
        attempt_verification(caller, sign_up, &AttemptVerification::code(code.clone(), "424242"), context),
        ban_user(user, None),
        change_own_password(caller, None, &new_password, context),
        change_overrides(&Overrides::default(), None),
        change_user(user, &UserChange::Ban, None),
        change_users(&[user], &UserChange::Ban),
        claim_own_account(caller, None, "nonce", context),
        claim_return(caller, sign_up, "nonce", context),
        claim_sign_in_return(caller, sign_in, "nonce", context),
        client_view(caller, context),
        complete_link(caller, &approved, context),
        connect_own_account(caller, None, (&code, &AuthorizeParams::default()), context),
        count_users(&UserFilter::default()),
        cursor_position("cursor"),
        create_invitation(&invite),
        create_invitations(std::slice::from_ref(&invite)),
        create_session_token(session, None),
        create_session(user),
        create_sign_in(caller, &NewSignIn::default(), context),
        create_sign_in_token(user, None),
        create_sign_up(caller, &NewSignUp::default(), context),
        create_user(&NewUser::default()),
        delete_from_waitlist(entry),
        delete_invitation(invitation),
        delete_own(caller, None, context),
        delete_user(user, None),
        drop_overrides(None),
        end_session(caller, session, false, context),
        end_sessions(caller, context),
        enter_waitlist(None),
        exchange_link(&approved_sign_in, context),
        follow_link(caller, "token", false, context),
        handshake(caller, &HandshakeRequest::default(), context),
        handshake_cookies("nonce"),
        identify(None),
        identify_among(None),
        inspect_sign_up(sign_up),
        invite_from_waitlist(entry, None),
        is_stored(caller),
        join_waitlist(None, context),
        list_cursors(),
        list_messages(&MessageFilter::default(), 10),
        message(message),
        message_channels(),
        pause_channel(Channel::Sms),
        resume_channel(Channel::Sms),
        send_message_again(message),
        take_message_reports("resend", callback),
        list_identifier(List::Allow, "ada@example.com", false),
        list_invitations(list),
        list_redirect_url("myapp://callback"),
        list_sessions(&SessionListParams::default()),
        list_users(&UserListParams::default()),
        list_waitlist(list),
        listed_identifiers(List::Allow, list),
        listed_redirect_url(redirect),
        listed_redirect_urls(list),
        lock_user(user, None),
        mark_own_phone(caller, None, (address_id, None, None), context),
        me(caller, None),
        merge_own_metadata(caller, None, &metadata, context),
        new_backup_codes(caller, None, context),
        open_client(caller, context),
        overrides(),
        own_address(caller, None, address_id, context),
        own_sessions(caller, None, context),
        prepare_own_address(caller, None, (address_id, &code, None), context),
        prepare_reverification(caller, session, &asked, context),
        prepare_address(IdentificationId::from_bytes([1; 16])),
        prepare(caller, sign_up, &PrepareVerification::new(code.clone()), context),
        prepare_second_factor(caller, sign_in, &PrepareFirstFactor::new(Strategy::PhoneCode), context),
        prepare_first_factor(caller, sign_in, &PrepareFirstFactor::new(code.clone()), context),
        put_application_value(value),
        read_events(None, 1),
        reauthorize_own_account(caller, None, (account, &AuthorizeParams::default()), context),
        refuse_sign_up(sign_up, None),
        reject_from_waitlist(entry),
        remove_application_value(value_key),
        remove_totp(caller, None, context),
        remove_cursor("cursor"),
        remove_own_account(caller, None, account, context),
        remove_own_address(caller, None, address_id, context),
        remove_own_passkey(caller, None, address_id, context),
        rename_own_passkey(caller, None, (address_id, "Key"), context),
        remove_own_password(caller, None, None, context),
        reset_password(caller, sign_in, &reset, context),
        return_from_provider(caller, &ProviderCallback::default(), context),
        revoke_invitation(invitation),
        revoke_own_session(caller, None, session, context),
        revoke_session(session),
        revoke_sign_in_token(SignInTokenId::from_bytes([1; 16])),
        session(session),
        session_token(caller, session, context),
        sign_in(caller, sign_in, context),
        sign_in_attempts(&[user]),
        sign_up(caller, sign_up),
        sign_up_and_client(caller, sign_up, context),
        sign_ups_awaiting_approval(None, 10),
        solve_captcha(caller, None, None, context),
        start_reverification(caller, session, Level::FirstFactor, context),
        subscribe_to_events(EventsFrom::Now),
        touch_session(caller, session, context),
        unban_user(user, None),
        unlist_identifier(List::Allow, listed),
        unlist_redirect_url(redirect),
        update_own(caller, None, &ProfilePatch::default(), context),
        update_sign_up(caller, sign_up, &SignUpPatch::default(), context),
        update_sign_up_by_backend(sign_up, BackendUpdate::default()),
        update_user(user, &UserPatch::default(), None),
        user(user),
        user_by_address(IdentificationId::from_bytes([1; 16])),
        user_by_identifier(&address),
        verify_second_factor(user, "424242"),
        verify_totp(caller, None, "424242", context),
        verify_session(session, "token"),
        verify_user_password(user, &Secret::new("wanders under elms".into())),
    };
    #[cfg(feature = "webhooks")]
    outcomes.extend(of_webhooks(engine).await);
    outcomes
}

#[cfg(feature = "webhooks")]
async fn of_webhooks(engine: &Engine) -> Vec<(&'static str, Option<EngineError>)> {
    use crate::domain::id::{EventId, WebhookEndpointId};
    use crate::engine::{NewWebhookEndpoint, WebhookEndpointPatch};

    let (endpoint, event) = (WebhookEndpointId::from_bytes([1; 16]), EventId::from_bytes([1; 16]));
    outcomes! { engine:
        create_webhook_endpoint(&NewWebhookEndpoint::default()),
        delete_webhook_endpoint(endpoint),
        disable_webhook_endpoint(endpoint),
        enable_webhook_endpoint(endpoint),
        list_webhook_endpoints(),
        replay_webhook_event(endpoint, event),
        replay_webhooks(endpoint, Timestamp::EPOCH),
        rotate_webhook_secret(endpoint),
        test_webhook_endpoint(endpoint),
        update_webhook_endpoint(endpoint, &WebhookEndpointPatch::default()),
        webhook_attempts(endpoint),
        webhook_endpoint(endpoint),
        webhook_secret(endpoint),
    }
}

/// The names of the calls in the source files of a folder: the public async functions, and what the handles forward to.
fn calls_in(folder: &Path) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            calls.extend(calls_in(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        let declared = text.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        let names = declared.filter_map(|rest| Some(rest.split_once(['(', '<'])?.0.to_owned()));
        calls.extend(names.filter(|name| !name.starts_with('$')));
        if folder.ends_with("engine/handles") {
            // The last word of an entry of the macro is the call: `…) -> SignUpView: sign_up;`.
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            let words = lines.filter_map(|line| line.strip_suffix(';')?.rsplit(' ').next());
            let calls_of = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            calls.extend(words.filter(calls_of).map(str::to_owned).filter(|word| !HANDLES.contains(&word.as_str())));
        }
    }
    calls
}

/// The ends of the lines that name a handle: `SignUps by sign_ups;`.
const HANDLES: [&str; 13] = [
    "sign_ups",
    "sign_ins",
    "sessions",
    "users",
    "sign_in_tokens",
    "invitations",
    "waitlist",
    "instance",
    "values",
    "events",
    "messages",
    "own_user",
    "webhooks",
];
