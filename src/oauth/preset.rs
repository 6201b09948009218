//! Built-in providers, as data: they need only credentials. Compared in November 2026 with the providers' documentation
//! and with other libraries. None was tried with real credentials yet. Where an endpoint has moved, explicit endpoints
//! in the settings win.

/// A built-in provider.
#[derive(Debug)]
pub struct Preset {
    /// Strategy name on the wire, such as `oauth_google`.
    pub strategy: &'static str,
    pub(super) place: Place,
    pub(super) scopes: &'static [&'static str],
    pub(super) claims: Claims,
    /// Extra parameters of the authorization request.
    pub(super) parameters: &'static [(&'static str, &'static str)],
    pub(super) quirks: &'static [Quirk],
}

/// Where the endpoints of a provider are.
#[derive(Debug)]
pub(super) enum Place {
    /// In the discovery document of this issuer.
    Discovered(&'static str),
    /// Fixed: the authorization, token and userinfo endpoints.
    At(&'static str, &'static str, &'static str),
}

/// Where each value is in the provider's answer, as JSON pointers (RFC 6901). Empty: the provider does not send it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims {
    pub(super) subject: &'static str,
    pub(super) email: &'static str,
    pub(super) vouching: Vouching,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) name: &'static str,
    pub(super) username: &'static str,
    pub(super) picture: &'static str,
}

/// Whether the provider confirms that an email address belongs to the person.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vouching {
    /// If the value at this JSON pointer is true.
    If(&'static str),
    /// Never: the provider does not document that it checks.
    Never,
}

/// How a provider differs from the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    /// Expects `client_id` under the name `client_key`, and commas between scopes.
    ClientKey,
    /// Expects the token request as JSON instead of a form.
    JsonTokenRequest,
    /// Lists the email addresses at this URL; only the primary one is used.
    AddressesAt(&'static str),
    /// The userinfo endpoint is a GraphQL API; this is the query for the profile.
    GraphQl(&'static str),
    /// Expects this header (name, value) in each request.
    Header(&'static str, &'static str),
    /// The issuer contains the tenant of each person, as `{tenantid}`.
    TenantInIssuer,
    /// May send its issuer without a scheme.
    BareIssuer,
    /// Leaves the nonce out of ID tokens.
    NoNonce,
    /// Refuses PKCE beside a client secret, or computes challenges in its own way. The `state`, the secret and, where
    /// there is one, the nonce protect the code instead.
    NoPkce,
    /// Expects the client credentials in the request body, whatever `token_endpoint_auth_method` says.
    CredentialsInBody,
}

impl Place {
    pub(super) fn discovered(&self) -> Option<&'static str> {
        match self {
            Self::Discovered(issuer) => Some(issuer),
            Self::At(..) => None,
        }
    }

    pub(super) fn issuer(&self) -> Option<&'static str> {
        self.discovered()
    }

    pub(super) fn authorization(&self) -> Option<&'static str> {
        self.at().map(|(page, ..)| page)
    }

    pub(super) fn token(&self) -> Option<&'static str> {
        self.at().map(|(_, token, _)| token)
    }

    pub(super) fn userinfo(&self) -> Option<&'static str> {
        self.at().map(|(.., userinfo)| userinfo)
    }

    fn at(&self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::At(page, token, userinfo) => Some((page, token, userinfo)),
            Self::Discovered(_) => None,
        }
    }
}

impl Preset {
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// The preset with this strategy; `None` for a provider that only the settings describe.
pub(super) fn preset(strategy: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.strategy == strategy)
}

/// The claims of OpenID Connect Core 5.1.
pub(super) const STANDARD: Claims = Claims {
    subject: "/sub",
    email: "/email",
    vouching: Vouching::If("/email_verified"),
    first_name: "/given_name",
    last_name: "/family_name",
    name: "/name",
    username: "/preferred_username",
    picture: "/picture",
};

const NONE: Claims = Claims {
    subject: "/id",
    email: "",
    vouching: Vouching::Never,
    first_name: "",
    last_name: "",
    name: "",
    username: "",
    picture: "",
};

const OPENID: &[&str] = &["openid", "email", "profile"];

const fn open_id(strategy: &'static str, issuer: &'static str) -> Preset {
    Preset {
        strategy,
        place: Place::Discovered(issuer),
        scopes: OPENID,
        claims: STANDARD,
        parameters: &[],
        quirks: &[],
    }
}

const fn plain(strategy: &'static str, place: Place, scopes: &'static [&'static str]) -> Preset {
    Preset { strategy, place, scopes, claims: NONE, parameters: &[], quirks: &[] }
}

/// All presets.
pub static PRESETS: &[Preset] = &[
    Preset { quirks: &[Quirk::BareIssuer], ..open_id("oauth_google", "https://accounts.google.com") },
    // Apple sends the name once, in an unsigned form field, so it is not used.
    Preset {
        scopes: &["name", "email"],
        parameters: &[("response_mode", "form_post")],
        quirks: &[Quirk::CredentialsInBody],
        ..open_id("oauth_apple", "https://appleid.apple.com")
    },
    // Tenants can write any address into their directory; `xms_edov` says that the address's domain is verified.
    Preset {
        // The picture needs an access token, so its URL would be of no use here.
        claims: Claims { vouching: Vouching::If("/xms_edov"), picture: "", ..STANDARD },
        quirks: &[Quirk::TenantInIssuer],
        ..open_id("oauth_microsoft", "https://login.microsoftonline.com/common/v2.0")
    },
    Preset {
        claims: Claims {
            email: "/primary_email/email",
            vouching: Vouching::If("/primary_email/verified"),
            name: "/name",
            username: "/login",
            picture: "/avatar_url",
            ..NONE
        },
        quirks: &[Quirk::AddressesAt("https://api.github.com/user/emails")],
        ..plain(
            "oauth_github",
            Place::At(
                "https://github.com/login/oauth/authorize",
                "https://github.com/login/oauth/access_token",
                "https://api.github.com/user",
            ),
            &["read:user", "user:email"],
        )
    },
    Preset { claims: Claims { username: "/nickname", ..STANDARD }, ..open_id("oauth_gitlab", "https://gitlab.com") },
    Preset {
        claims: Claims {
            email: "/email",
            first_name: "/first_name",
            last_name: "/last_name",
            name: "/name",
            picture: "/picture/data/url",
            ..NONE
        },
        quirks: &[Quirk::CredentialsInBody],
        ..plain(
            "oauth_facebook",
            Place::At(
                "https://www.facebook.com/v23.0/dialog/oauth",
                "https://graph.facebook.com/v23.0/oauth/access_token",
                "https://graph.facebook.com/v23.0/me?fields=id,email,first_name,last_name,name,picture",
            ),
            &["email", "public_profile"],
        )
    },
    Preset {
        quirks: &[Quirk::NoNonce, Quirk::NoPkce, Quirk::CredentialsInBody],
        ..open_id("oauth_linkedin_oidc", "https://www.linkedin.com/oauth")
    },
    Preset {
        claims: Claims {
            email: "/email",
            vouching: Vouching::If("/verified"),
            name: "/global_name",
            username: "/username",
            ..NONE
        },
        ..plain(
            "oauth_discord",
            Place::At(
                "https://discord.com/oauth2/authorize",
                "https://discord.com/api/oauth2/token",
                "https://discord.com/api/users/@me",
            ),
            &["identify", "email"],
        )
    },
    Preset {
        claims: Claims { picture: "/https:~1~1slack.com~1user_image_512", ..STANDARD },
        quirks: &[Quirk::NoPkce, Quirk::CredentialsInBody],
        ..open_id("oauth_slack", "https://slack.com")
    },
    Preset {
        claims: Claims {
            subject: "/data/id",
            name: "/data/name",
            username: "/data/username",
            picture: "/data/profile_image_url",
            ..NONE
        },
        ..plain(
            "oauth_x",
            Place::At(
                "https://x.com/i/oauth2/authorize",
                "https://api.x.com/2/oauth2/token",
                "https://api.x.com/2/users/me?user.fields=profile_image_url",
            ),
            &["users.read", "tweet.read"],
        )
    },
    Preset {
        scopes: &["openid", "user:read:email"],
        parameters: &[(
            "claims",
            r#"{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null}}"#,
        )],
        quirks: &[Quirk::CredentialsInBody],
        ..open_id("oauth_twitch", "https://id.twitch.tv/oauth2")
    },
    Preset {
        claims: Claims { email: "/email", name: "/display_name", picture: "/images/0/url", ..NONE },
        ..plain(
            "oauth_spotify",
            Place::At(
                "https://accounts.spotify.com/authorize",
                "https://accounts.spotify.com/api/token",
                "https://api.spotify.com/v1/me",
            ),
            &["user-read-email"],
        )
    },
    Preset {
        claims: Claims {
            subject: "/data/user/open_id",
            name: "/data/user/display_name",
            picture: "/data/user/avatar_url",
            ..NONE
        },
        quirks: &[Quirk::ClientKey, Quirk::NoPkce, Quirk::CredentialsInBody],
        ..plain(
            "oauth_tiktok",
            Place::At(
                "https://www.tiktok.com/v2/auth/authorize/",
                "https://open.tiktokapis.com/v2/oauth/token/",
                "https://open.tiktokapis.com/v2/user/info/?fields=open_id,avatar_url,display_name",
            ),
            &["user.info.basic"],
        )
    },
    Preset {
        claims: Claims {
            subject: "/bot/owner/user/id",
            email: "/bot/owner/user/person/email",
            name: "/bot/owner/user/name",
            picture: "/bot/owner/user/avatar_url",
            ..NONE
        },
        parameters: &[("owner", "user")],
        quirks: &[Quirk::JsonTokenRequest, Quirk::Header("notion-version", "2022-06-28")],
        ..plain(
            "oauth_notion",
            Place::At(
                "https://api.notion.com/v1/oauth/authorize",
                "https://api.notion.com/v1/oauth/token",
                "https://api.notion.com/v1/users/me",
            ),
            &[],
        )
    },
    Preset {
        claims: Claims {
            subject: "/data/viewer/id",
            email: "/data/viewer/email",
            name: "/data/viewer/name",
            username: "/data/viewer/displayName",
            picture: "/data/viewer/avatarUrl",
            ..NONE
        },
        quirks: &[Quirk::GraphQl("{ viewer { id email name displayName avatarUrl } }"), Quirk::CredentialsInBody],
        ..plain(
            "oauth_linear",
            Place::At(
                "https://linear.app/oauth/authorize",
                "https://api.linear.app/oauth/token",
                "https://api.linear.app/graphql",
            ),
            &["read"],
        )
    },
    open_id("oauth_huggingface", "https://huggingface.co"),
    Preset { quirks: &[Quirk::NoNonce], ..open_id("oauth_dropbox", "https://www.dropbox.com") },
    Preset {
        claims: Claims {
            subject: "/account_id",
            email: "/email",
            name: "/name",
            username: "/nickname",
            picture: "/picture",
            ..NONE
        },
        parameters: &[("audience", "api.atlassian.com"), ("prompt", "consent")],
        quirks: &[Quirk::CredentialsInBody],
        ..plain(
            "oauth_atlassian",
            Place::At(
                "https://auth.atlassian.com/authorize",
                "https://auth.atlassian.com/oauth/token",
                "https://api.atlassian.com/me",
            ),
            &["read:me"],
        )
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use url::Url;

    use super::*;

    #[test]
    fn every_preset_is_one_provider_by_https() {
        let mut seen = BTreeSet::new();
        for preset in PRESETS {
            assert!(preset.strategy.starts_with("oauth_") && seen.insert(preset.strategy), "{}", preset.strategy);
            let urls = match preset.place {
                Place::Discovered(issuer) => vec![issuer],
                Place::At(page, token, userinfo) => vec![page, token, userinfo],
            };
            for url in urls {
                assert_eq!(Url::parse(url).map(|url| url.scheme().to_owned()).as_deref(), Ok("https"), "{url}");
            }
            assert!(!preset.claims.subject.is_empty());
        }
    }

    #[test]
    fn no_address_counts_as_proved_without_a_word_for_it() {
        for preset in PRESETS {
            if let Vouching::If(pointer) = preset.claims.vouching {
                assert!(pointer.starts_with('/') && !preset.claims.email.is_empty(), "{}", preset.strategy);
            }
        }
    }
}
