//! The application's name, and the URLs of the operator's pages.

/// What people see of the application when they sign up: in `display_config` of `GET /v1/environment`, in messages and
/// on pages. The URLs are absolute, http or https; `None` is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branding {
    /// The application's name.
    pub name: String,
    /// Its home page.
    pub home_url: Option<String>,
    /// Its logo, an image.
    pub logo_url: Option<String>,
    /// The small image for browser tabs.
    pub favicon_url: Option<String>,
    /// The terms of service.
    pub terms_url: Option<String>,
    /// The privacy policy.
    pub privacy_url: Option<String>,
    /// The e-mail address of its support.
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
