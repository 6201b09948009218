//! Sign-ins in the pure core.

use vestibule::domain::id::{ClientId, SessionId, SignInId};
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_in::{Attempt, Create, Fit, Newcomer, Proof, SignIn, Start, Transition};
use vestibule::domain::user::User;
use vestibule::domain::verification::{AuthorizationRequest, ExternalAccount, ProviderOutcome, Strategy};

use crate::support::redirects::allowed;

use crate::domain::{World, raw, settings};
use crate::domain_admission::{answer, person};

#[test]
fn who_signed_up_meanwhile_comes_in_by_their_password() {
    let mut world = world();
    let newcomer = Some(Newcomer { captcha_solved: false });
    let begun = create(&mut world, newcomer, Start::Identify, None).expect("a sign-in").next;
    let user = user(&mut world);
    let compared = user.password_digest.clone().expect("a password");
    for (fits, verdict) in
        [(Some(Fit { compared, renewed: None }), Ok(())), (None, Err(ErrorCode::FormPasswordIncorrect))]
    {
        let attempt = Attempt { strategy: Strategy::Password, proof: Proof::Password { fits } };
        let outcome = world.decide(|cx| begun.attempt(&attempt, Some(&user), cx)).expect("a counted try");
        assert_eq!(outcome.verdict, verdict.map_err(|code| code.on("password").into()));
        assert_eq!(outcome.outcome.entry.map(|entry| entry.user_id), outcome.verdict.ok().map(|()| user.id));
    }
}

#[test]
fn an_account_that_is_signed_in_here_already_is_not_taken_over_again() {
    let mut world = world();
    let user = user(&mut world);
    let strategy = Strategy::OAuth("oauth_google".into());
    let request = AuthorizationRequest {
        strategy,
        nonce: [1; 16],
        redirect_url: allowed("https://app.example/"),
        action_complete_redirect_url: None,
        authorize_url: "https://provider.example/".into(),
        answered_elsewhere: false,
    };
    let account = world.decide(|cx| ExternalAccount::pending(&request, cx.now));
    let profile = person(Some("ada@example.com"), true);
    let account = ExternalAccount { profile: Some(profile.clone()), ..account };
    let mut take_over = |session| {
        let answer = ProviderOutcome { owner: Some(user.id), session, ..answer(profile.clone()) };
        create(&mut world, None, Start::TakeOver(Box::new((account.clone(), answer))), None)
    };
    assert!(take_over(None).expect("a sign-in").outcome.entry.is_some());
    let session = SessionId::from_bytes([8; 16]);
    let refused = take_over(Some(session)).expect_err("one session of a user on a client");
    assert!(refused.is(ErrorCode::IdentifierAlreadySignedIn));
    assert_eq!(refused.reasons()[0].session, Some(session));
}

fn world() -> World {
    let mut settings = settings(&["email_address", "password"]);
    settings.attributes.email_address.verify_at_sign_up = false;
    World::new(settings)
}

fn user(world: &mut World) -> User {
    let made = world.create(&raw(|fields| {
        fields.email_address = Some("ada@example.com".into());
        fields.password = Some(Secret::new("wanders under elms".into()));
    }));
    made.expect("a sign-up").outcome.expect("nothing is missing").user
}

fn create(
    world: &mut World,
    newcomer: Option<Newcomer>,
    start: Start,
    user: Option<&User>,
) -> Result<Transition, Rejection> {
    let create = Create {
        id: SignInId::from_bytes([3; 16]),
        client_id: ClientId::from_bytes([4; 16]),
        replaces: None,
        identifier: newcomer.map(|_| EmailAddress::parse("ada@example.com").expect("an address").identifier()),
        newcomer,
        start,
        origin: None,
    };
    world.decide(|cx| SignIn::create(&create, user, cx))
}
