//! The names of the providers of accounts that need no more than credentials. Where they are is known in the room
//! `oauth`; here is what settings may call them.

/// The strategies of all providers that are known.
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
