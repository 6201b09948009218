//! What the application is called, and where its owner's pages are.

/// What people see of the application that they sign up for: in `display_config` of `GET /v1/environment`, in
/// messages and on pages. The URLs are absolute, http or https; what is `None` is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branding {
    /// What the application is called.
    pub name: String,
    /// Where its own pages begin.
    pub home_url: Option<String>,
    /// Its logo, an image.
    pub logo_url: Option<String>,
    /// The small image that browsers show on a tab.
    pub favicon_url: Option<String>,
    /// The terms of service.
    pub terms_url: Option<String>,
    /// The privacy policy.
    pub privacy_url: Option<String>,
    /// The address where people ask for help.
    pub support_email: Option<String>,
}

impl Default for Branding {
    fn default() -> Self {
        Self {
            name: "Vestibule".into(),
            home_url: None,
            logo_url: None,
            favicon_url: None,
            terms_url: None,
            privacy_url: None,
            support_email: None,
        }
    }
}
