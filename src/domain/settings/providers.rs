//! The names of the OAuth providers that need only credentials in the settings. Their endpoints are in the room
//! `oauth`.

/// The strategies of all known providers.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only the configuration warns of other names"))]
pub const KNOWN: [&str; 18] = [
    "oauth_google",
    "oauth_apple",
    "oauth_microsoft",
    "oauth_github",
    "oauth_gitlab",
    "oauth_facebook",
    "oauth_linkedin_oidc",
    "oauth_discord",
    "oauth_slack",
    "oauth_x",
    "oauth_twitch",
    "oauth_spotify",
    "oauth_tiktok",
    "oauth_notion",
    "oauth_linear",
    "oauth_huggingface",
    "oauth_dropbox",
    "oauth_atlassian",
];
